"""A witness of its own: it watches Jobs, pods, DkronJobs, DkronRuns and DkronBackfills of a namespace at the API server
itself, never through anything that is being broken, and writes down what it sees as facts.

It outlives ends of watches and restarts of the API server: a watch goes on where it was, and where the server has
forgotten that, everything is listed again, and a fault says from when to when the witness was blind.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from dkron_crds.job import JobStatus
from dkron_kube.access import load
from dkron_kube.client import KubeClient, Object
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_RUNS, JOBS, PODS, Resource
from dkron_kube.watch import Pace, follow
from tests.chaos.history import BackfillObject, Fault, Record, Run, RunObject, Since
from tests.chaos.request_sightings import RequestSightings
from tests.chaos.sightings import Sightings
from tests.support.background import background_loop

EAGER = Pace(first_delay=0.05, last_delay=0.2)
"""A witness that looks away for less time than the operator misses nothing that the operator does."""
READY_SECONDS = 30.0
LOOK_SECONDS = 60.0


class Witness:
    """Sees what happens in a namespace while it is entered. May be asked from another thread at any time."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._seen = Sightings()
        self._requests = RequestSightings()
        self._blind: list[Fault] = []
        self._records: tuple[Record, ...] = ()
        self._listed = threading.Event()
        self._work: Future[None] | None = None
        self._views: tuple[View, ...] = ()

    def __enter__(self) -> Self:
        self._work = asyncio.run_coroutine_threadsafe(self._watch(), background_loop())
        if not self._listed.wait(READY_SECONDS):
            self.__exit__()
            raise TimeoutError(
                f"the API server has not shown what is there within {READY_SECONDS:.0f} s: {self._why()}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()

    def look(self) -> datetime:
        """Take the last look: list everything once more, and keep what the statuses say. Returns its time.

        Raises `KubeError` if the API server cannot show it, and what has ended the watches if anything has.
        """
        if self._work is not None and self._work.done():
            self._work.result()
        return asyncio.run_coroutine_threadsafe(self._look(), background_loop()).result(LOOK_SECONDS)

    def facts(self, read: datetime) -> Iterator[Run | Since | Fault | Record | RunObject | BackfillObject]:
        """All that was seen until the last look."""
        yield from self._seen.runs(read)
        yield from self._seen.sinces()
        yield from self._requests.facts(read)
        yield from self._blind
        yield from self._records

    def _why(self) -> str:
        return "; ".join(
            f"{view.what}: {view.trouble or 'no answer'}" for view in self._views if not view.listed.is_set()
        )

    async def _watch(self) -> None:
        views = self._kinds()
        self._views = tuple(views.values())
        async with _client(self._kubeconfig) as client, asyncio.TaskGroup() as tasks:
            for resource, view in views.items():
                tasks.create_task(follow(client, resource, self._namespace, view, pace=EAGER))
            for view in self._views:
                await view.listed.wait()
            self._listed.set()

    def _kinds(self) -> dict[Resource, "View"]:
        return {
            JOBS: View("Jobs", self._job, self._lost_job, self._blind.append),
            PODS: View("pods", self._seen.pod, self._seen.pod, self._blind.append),
            DKRON_JOBS: View("DkronJobs", self._seen.dkron_job, self._seen.dkron_job, self._blind.append),
            DKRON_RUNS: View("DkronRuns", self._run, self._lost_run, self._blind.append),
            DKRON_BACKFILLS: View(
                "DkronBackfills", self._requests.backfill, self._requests.backfill, self._blind.append
            ),
        }

    async def _look(self) -> datetime:
        async with _client(self._kubeconfig) as client:
            jobs = [job async for job in client.list(DKRON_JOBS, self._namespace)]
            read = datetime.now(UTC)
            for run in [run async for run in client.list(DKRON_RUNS, self._namespace)]:
                self._run(run)
            for backfill in [backfill async for backfill in client.list(DKRON_BACKFILLS, self._namespace)]:
                self._requests.backfill(backfill)
            for pod in [pod async for pod in client.list(PODS, self._namespace)]:
                self._seen.pod(pod)
            for job in [job async for job in client.list(JOBS, self._namespace)]:
                self._job(job)
        for job in jobs:
            self._seen.dkron_job(job)
        self._records = tuple(_record(job, read) for job in jobs)
        return read

    def _job(self, body: Object) -> None:
        self._seen.job(body, datetime.now(UTC))

    def _lost_job(self, body: Object) -> None:
        self._seen.lost_job(body, datetime.now(UTC))

    def _run(self, body: Object) -> None:
        self._requests.run(body, datetime.now(UTC))

    def _lost_run(self, body: Object) -> None:
        self._requests.lost_run(body, datetime.now(UTC))


class View:
    """One kind of object: each version of each of them is `told`, and the last of one that is gone `lost`; when nothing
    could be seen is noted as `blind`."""

    def __init__(
        self, what: str, told: Callable[[Object], None], lost: Callable[[Object], None], blind: Callable[[Fault], None]
    ) -> None:
        self.listed = asyncio.Event()
        self.what = what
        self.trouble = ""
        self._told = told
        self._lost = lost
        self._blind = blind
        self._sign = datetime.now(UTC)
        self._there: dict[str, Object] = {}

    async def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as a Sink
        """Everything that is there. What came and went since the last sign of life has not been seen."""
        if self.listed.is_set():
            what = f"the witness did not see {self.what}, and lists them again"
            self._blind(Fault(what=what, begin=self._sign, end=datetime.now(UTC)))
        gone, self._there = self._there, {}
        for item in items:
            gone.pop(item["metadata"]["uid"], None)
            self.upsert(item)
        for item in gone.values():
            self._lost(item)
        self.listed.set()

    def went_back(self) -> None:
        """The list that follows says what is gone."""

    def upsert(self, item: Object) -> None:
        """An object was added or modified."""
        self._there[item["metadata"]["uid"]] = item
        self._told(item)

    def remove(self, item: Object) -> None:
        """An object was deleted; this is how it was last."""
        self._there.pop(item["metadata"]["uid"], None)
        self._lost(item)

    def alive(self) -> None:
        """Everything up to now was seen."""
        self._sign = datetime.now(UTC)

    def failed(self, error: KubeError) -> None:
        """It is tried again; if anything is missed by that, a list follows."""
        self.trouble = str(error)


def seen(witness: Witness) -> list[Run | Since | Fault | Record | RunObject | BackfillObject]:
    """All that a witness has seen so far, of a storm that broke off; none if that cannot be told."""
    with suppress(Exception):
        return list(witness.facts(datetime.now(UTC)))
    return []


@asynccontextmanager
async def _client(kubeconfig: Path) -> AsyncIterator[KubeClient]:
    client = KubeClient(await load(kubeconfig))
    try:
        yield client
    finally:
        await client.close()


def _record(job: Object, read: datetime) -> Record:
    metadata = job["metadata"]
    status = JobStatus.from_wire(job.get("status") or {})
    return Record(job=metadata["name"], uid=metadata["uid"], read=read, status=status)
