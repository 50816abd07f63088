"""Where a trial happens: what is asked for in its namespace, noted as facts, and what is awaited of it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dkron_crds.backfill import BackfillSpec
from dkron_crds.base import rfc3339
from dkron_crds.job import JobSpec
from dkron_crds.names import API_VERSION
from dkron_crds.requests import run_annotation
from dkron_crds.run import RunSpec
from dkron_crds.stops import stop_annotation
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS, Resource
from tests.chaos.history import Act, BackfillRequest, Fault, Operation, Paused, Pool, RunRequest
from tests.chaos.witnesses import Scene

Object = dict[str, Any]
PATIENCE = 240.0
"""Seconds for one step of a scenario, on a machine that does many trials at once, and other things."""


@dataclass
class Stage:
    """One namespace, what is asked for in it, and what is seen in it. `held` is from when until when a job surely was
    paused, by its name."""

    namespace: str
    client: KubeClient
    scene: Scene
    archive: Path
    """The file of the operator's archive, if it has one."""
    operations: list[Operation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[RunRequest | BackfillRequest] = field(default_factory=list)
    pauses: dict[str, Paused] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    uids: dict[str, str] = field(default_factory=dict)
    held: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    async def create(self, body: Object) -> None:
        """Create a DkronJob."""
        now = datetime.now(UTC)
        answer = await self.client.create(DKRON_JOBS, self.namespace, body)
        metadata = answer["metadata"]
        made = datetime.fromisoformat(metadata["creationTimestamp"])
        self._note(
            Act.CREATE, metadata["name"], now, uid=metadata["uid"], created=made, spec=JobSpec.from_wire(body["spec"])
        )

    async def run(self, job: str, request: str = "once") -> None:
        """Ask for a run."""
        now = datetime.now(UTC)
        key, text = run_annotation(request, now, by="a trial")
        await self._annotate(job, key, text)
        self._note(Act.RUN, job, now, at=now)

    async def request(self, name: str, job: str, *, fits: bool = True, **spec: Any) -> None:
        """Create a DkronRun. `fits`: whether the values are such as the job takes."""
        now, wanted = datetime.now(UTC), {"job": job, **spec}
        metadata = await self._make(DKRON_RUNS, "DkronRun", name, wanted)
        made = datetime.fromisoformat(metadata["creationTimestamp"])
        known = RunRequest(name=name, invoked=now, spec=RunSpec.from_wire(wanted), fits=fits, created=made)
        self.requests.append(replace(known, answered=datetime.now(UTC), uid=metadata["uid"]))

    async def backfill(self, name: str, **spec: Any) -> None:
        """Create a DkronBackfill."""
        now = datetime.now(UTC)
        uid = (await self._make(DKRON_BACKFILLS, "DkronBackfill", name, spec))["uid"]
        known = BackfillRequest(name=name, invoked=now, spec=BackfillSpec.from_wire(spec), uid=uid)
        self.requests.append(replace(known, answered=datetime.now(UTC)))

    async def pool(self, name: str, size: int) -> None:
        """Create a DkronPool."""
        await self._make(DKRON_POOLS, "DkronPool", name, {"size": size})
        self.pools.append(Pool(name=name, size=size))

    async def pause(self, name: str, job: str, **spec: Any) -> None:
        """Create a DkronPause of a job."""
        now = datetime.now(UTC)
        self.uids[name] = (await self._make(DKRON_PAUSES, "DkronPause", name, {"jobs": [job], **spec}))["uid"]
        drop = spec.get("whenResumed") == "drop"
        self.pauses[name] = Paused(job=job, begin=now, made=datetime.now(UTC), drop=drop)

    async def pause_until(self, name: str, end: datetime) -> None:
        """Have a DkronPause end by itself."""
        await self.client.patch(DKRON_PAUSES, self.namespace, name, {"spec": {"until": rfc3339(end)}})
        self.pauses[name] = replace(self.pauses[name], end=end, by_itself=True)

    async def resume(self, name: str) -> None:
        """Delete a DkronPause."""
        now = datetime.now(UTC)
        await self.client.delete(DKRON_PAUSES, self.namespace, name, uid=self.uids[name])
        self.pauses[name] = replace(self.pauses[name], end=now, gone=datetime.now(UTC))

    async def stop(self, job: str, execution: str) -> None:
        """Ask for the stop of the execution with this Job."""
        now = datetime.now(UTC)
        key, text = stop_annotation(execution, now, by="a trial")
        await self._annotate(job, key, text)
        self._note(Act.STOP, job, now, hits=execution)

    async def disable(self, job: str) -> None:
        """Let it rest."""
        now = datetime.now(UTC)
        await self.client.patch(DKRON_JOBS, self.namespace, job, {"spec": {"disabled": True}})
        self._note(Act.DISABLE, job, now)

    async def delete(self, job: str) -> None:
        """Delete the DkronJob."""
        now, metadata = datetime.now(UTC), self.scene.now[DKRON_JOBS][job]["metadata"]
        await self.client.delete(DKRON_JOBS, self.namespace, job, uid=metadata["uid"])
        self._note(Act.DELETE, job, now)

    async def until(self, what: str, holds: Callable[[Scene], object]) -> None:
        """Wait until that holds of the scene."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(self.scene):
                    await self.scene.changed.wait()
        except TimeoutError:
            raise Stuck(f"waited {PATIENCE:.0f} s for {what}; {self.described()}") from None

    async def agreed(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until that holds of something that wakes nothing when it changes."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():  # noqa: ASYNC110 - nothing wakes us
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Stuck(f"waited {PATIENCE:.0f} s for {what}; {self.described()}") from None

    async def passed(self, moment: datetime) -> None:
        """Wait until it is later than this."""
        await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))

    async def at_rest(self, *jobs: str, runs: int = 0) -> None:
        """Wait until these jobs have so many executions at least, in all, and nothing active or owed."""
        await self.until(f"{', '.join(jobs)} to rest", lambda scene: is_at_rest(scene, jobs, runs))

    def described(self) -> str:
        """The objects that are there."""
        return " ".join(f"{name}: {job.get('status')}" for name, job in self.scene.now[DKRON_JOBS].items())

    async def _make(self, resource: Resource, kind: str, name: str, spec: Object) -> Object:
        """Create an object; its metadata."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        metadata: Object = (await self.client.create(resource, self.namespace, body))["metadata"]
        return metadata

    async def _annotate(self, job: str, key: str, text: str) -> None:
        await self.client.patch(DKRON_JOBS, self.namespace, job, {"metadata": {"annotations": {key: text}}})

    def _note(self, act: Act, job: str, invoked: datetime, **more: Any) -> None:
        self.operations.append(Operation(act=act, job=job, invoked=invoked, answered=datetime.now(UTC), **more))


class Stuck(Exception):
    """What should have happened did not."""


def is_at_rest(scene: Scene, jobs: Iterable[str], runs: int) -> bool:
    """Whether nothing is active, asked for or owed, every Job is recorded, and there were enough executions."""
    done = 0
    recorded: set[str] = set()
    for name in jobs:
        status = scene.status(name)
        notes = scene.now[DKRON_JOBS].get(name, {}).get("metadata", {}).get("annotations", {})
        if not status or status.get("active") or status.get("ended") or any(_is_wish(key) for key in notes):
            return False
        done += status.get("successCount", 0) + status.get("errorCount", 0)
        recorded |= {execution["job"] for execution in status.get("executions", ())}
    finished = {job["metadata"]["name"] for job in scene.jobs() if "deletionTimestamp" not in job["metadata"]}
    return done >= runs and finished <= recorded


def _is_wish(annotation: str) -> bool:
    return annotation.startswith(("run.dkron.io/", "stop.dkron.io/"))
