"""Every Job that a namespace has ever had, by uid: the name of a Job is derived from its cause, so one that is made
again has the same name, and only its uid tells that it ran twice. From a watch, as what is deleted is in no list.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from dkron_kube.access import load
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import JOBS
from dkron_kube.watch import Pace, follow
from tests.support.background import background_loop
from tests.support.waiting import wait_for

Object = dict[str, Any]

EAGER = Pace(first_delay=0.05, last_delay=0.2)
SECONDS = 60.0


class Births:
    """Watches the Jobs of a namespace while it is entered. May be asked from another thread at any time."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._kubeconfig = kubeconfig
        self._namespace = namespace
        self._born: dict[str, Object] = {}
        self._listed = threading.Event()
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._work = asyncio.run_coroutine_threadsafe(self._watch(), background_loop())
        if not self._listed.wait(SECONDS):
            self.__exit__()
            raise TimeoutError(f"the Jobs of {self._namespace} were not shown within {SECONDS:.0f} s")
        return self

    def __exit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()

    def of(self, owner: str, there: Callable[[], list[Object]]) -> list[Object]:
        """The metadata of all Jobs of the object with this uid. `there` lists those that exist: all of them are waited
        for, and so all that came before them have been seen.
        """
        uids = {job["metadata"]["uid"] for job in there()}
        wait_for(
            "the watch of Jobs to have seen all",
            lambda: uids - self._born.keys(),
            lambda left: not left,
            seconds=SECONDS,
        )
        return [metadata for metadata in list(self._born.values()) if _owner(metadata) == owner]

    async def replace(self, items: list[Object], version: int) -> None:  # noqa: ARG002 - as a Sink
        """Everything that is there: at first, and when the API server has forgotten what came since."""
        for item in items:
            self.upsert(item)
        self._listed.set()

    def went_back(self) -> None:
        """A created object stays counted."""

    def upsert(self, item: Object) -> None:
        """A Job is there."""
        self._born.setdefault(item["metadata"]["uid"], item["metadata"])

    def remove(self, item: Object) -> None:
        """A Job is gone. It was born all the same."""
        self.upsert(item)

    def alive(self) -> None:
        """Everything up to now was seen."""

    def failed(self, error: KubeError) -> None:
        """It is tried again."""

    async def _watch(self) -> None:
        client = KubeClient(await load(self._kubeconfig))
        try:
            await follow(client, JOBS, self._namespace, self, pace=EAGER)
        finally:
            await client.close()


def _owner(metadata: Object) -> str:
    return next((str(each["uid"]) for each in metadata.get("ownerReferences", ()) if each.get("controller")), "")
