"""Watches DkronRuns. They are optional: without the kind or the right to watch it, jobs run all the same, and no
DkronRun starts any."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.paths import DKRON_RUNS
from dkron_kube.watch import STEADY, Pace, follow
from dkron_operator.cache.dependency_graph import Key
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.kit.log_once import WatchLogOnce
from dkron_operator.plan.requested_run import RequestedRun

Object = dict[str, Any]
log = logging.getLogger(__name__)


class RequestedRunWatch:
    """Feeds the cache with the DkronRuns of a namespace, or of all (None); the sink of `follow`.

    `changed` is called with the key of each job that a change concerns.
    """

    def __init__(
        self,
        client: KubeClient,
        runs: RequestedRuns,
        namespace: str | None,
        *,
        changed: Callable[[Key], None],
        on_event: Callable[[], None] = lambda: None,
        pace: Pace = STEADY,
    ) -> None:
        self._client = client
        self._runs = runs
        self.namespace = namespace
        self._changed = changed
        self._on_event = on_event
        self._pace = pace
        self._log_once = WatchLogOnce(log, f"DkronRuns of {namespace or 'all namespaces'}")
        runs.await_list(namespace)

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"runs of {self.namespace or 'all namespaces'}"

    async def run(self) -> None:
        """Follow them until cancelled."""
        await follow(self._client, DKRON_RUNS, self.namespace, self, keep=self._runs.read, pace=self._pace)

    def replace(self, items: list[RequestedRun | None], version: int) -> None:
        """Replace all by a complete list."""
        self._log_once.listed()
        self._tell(self._runs.replace(self.namespace, [run for run in items if run is not None], version))

    def went_back(self) -> None:
        """Nothing to do: the operator ends when resource versions go back."""

    def see(self, item: Object) -> None:
        """One was added or modified."""
        run = self._runs.read(item)
        if run is not None:
            self._tell([self._runs.see(run)])

    def lose(self, item: Object) -> None:
        """One was deleted."""
        self._tell([self._runs.lose(item["metadata"]["uid"])])

    def alive(self) -> None:
        """The API server answered."""
        self._on_event()
        self._log_once.alive()

    def failed(self, error: KubeError) -> None:
        """They cannot be watched; what was known stays. No answer says nothing; a refusal means that there are none
        for this operator."""
        self._log_once.goes_on(error)
        if not isinstance(error, Unavailable):
            self._runs.give_up(self.namespace)

    def _tell(self, keys: Iterable[Key | None]) -> None:
        for key in keys:
            if key is not None:
                self._changed(key)
