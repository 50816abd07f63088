"""Observe: what became of a Job, from its pod and its log. Slow answers here never hold up a slot."""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from dkron_crds.kube.client import KubeClient
from dkron_crds.kube.errors import KubeError, NotFound, Unavailable
from dkron_crds.kube.paths import JOBS, PODS
from dkron_operator.clock import Clock
from dkron_operator.lanes import Lane
from dkron_operator.plan.outcome import main_container, outcome, same_trouble, trouble
from dkron_operator.plan.view import JobView, Outcome, Run
from dkron_operator.store import Entry, Store

Object = dict[str, Any]
Key = tuple[str, str]
log = logging.getLogger(__name__)

WIDTH = 16
LOG_TRIES = 2


class Listener(Protocol):
    """Who may want more of an output than the status keeps."""

    def room(self, job: JobView) -> int:
        """How many bytes of its end are wanted."""

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """This is the end of the output of a Job."""


class Observer:
    """Asks about Jobs by (uid of the DkronJob, name of the Job), and says when it knows more."""

    def __init__(
        self, client: KubeClient, store: Store, *, clock: Clock, listener: Listener, known: Callable[[str], None]
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._listener = listener
        self._known = known
        self.endings: Lane[Key] = Lane("observe", self._end, width=WIDTH)
        self.starts: Lane[Key] = Lane("probe", self._start, width=WIDTH // 4)

    async def _end(self, key: Key) -> None:
        uid, name = key
        entry = self._store.get(uid)
        if entry is None or name in entry.outcomes:
            return
        run = entry.runs.get(name)
        if run is None:
            await self._look_for(entry, name)
        elif run.finished:
            entry.outcomes[name] = await self._outcome(entry, run)
        self._known(uid)

    async def _look_for(self, entry: Entry, name: str) -> None:
        """A Job that status knows and the watch does not: ask before it is declared lost."""
        with contextlib.suppress(NotFound):
            self._store.see_run(await self._client.get(JOBS, entry.job.namespace, name))
        if name not in entry.runs:
            # Not there, or not ours any more: asked again, the answer would be the same.
            entry.outcomes[name] = Outcome(success=False, finished_at=self._clock.now(), lost=True)

    async def _outcome(self, entry: Entry, run: Run) -> Outcome:
        pod = await self._pod(entry, run)
        if pod is None:
            return outcome(run, None, container=None)
        container = main_container(pod)
        size = entry.job.spec.history.output_bytes
        wanted = max(size, self._listener.room(entry.job))
        output = await self._output(entry, pod, container, wanted) if container and wanted else b""
        if wanted > size:
            self._listener.keep(entry.job.uid, run.name, output)
        stuck = entry.troubles.get(run.name)
        return outcome(run, pod, container=container, stuck=stuck, output=output, size=size)

    async def _output(self, entry: Entry, pod: Object, container: str, size: int) -> bytes:
        if not _has_run(pod, container):
            return b""
        name = pod["metadata"]["name"]
        for _ in range(LOG_TRIES):
            try:
                return await self._client.log_tail(PODS, entry.job.namespace, name, container=container, size=size)
            except Unavailable as exc:
                log.warning("no log of pod %s: %s", name, exc, extra={"job": entry.job.dkron_name})
            except KubeError as exc:
                log.warning("no log of pod %s: %s", name, exc, extra={"job": entry.job.dkron_name})
                break
        return b""

    async def _start(self, key: Key) -> None:
        uid, name = key
        entry = self._store.get(uid)
        run = entry.runs.get(name) if entry else None
        if entry is None or run is None or run.finished:
            return
        pod = await self._pod(entry, run)
        found = None if pod is None else trouble(pod)
        entry.probed[name] = self._clock.now()
        if found is None:
            entry.troubles.pop(name, None)
        elif not same_trouble(entry.troubles.get(name), found):
            entry.troubles[name] = found
        self._known(uid)

    async def _pod(self, entry: Entry, run: Run) -> Object | None:
        selector = f"batch.kubernetes.io/job-name={run.name}"
        pods = [pod async for pod in self._client.list(PODS, entry.job.namespace, label_selector=selector)]
        return max(pods, key=_created, default=None)


def _created(pod: Object) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])


def _has_run(pod: Object, container: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    states = [status.get("state") or {} for status in statuses if status.get("name") == container]
    return any("terminated" in state or "running" in state for state in states)
