"""Watches DkronBackfills. They are optional: without the kind or the right to watch it, jobs run all the same, and no
backfill begins."""

import logging
from collections.abc import Callable
from typing import Any

from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_BACKFILLS
from dkron_kube.watch import STEADY, Pace, follow
from dkron_operator.backfill.controller import Backfills
from dkron_operator.backfill.view import Known
from dkron_operator.kit.log_once import WatchLogOnce

Object = dict[str, Any]
log = logging.getLogger(__name__)


class BackfillWatch:
    """Tells the controller of the DkronBackfills of a namespace, or of all (None); the sink of `follow`."""

    def __init__(
        self,
        client: KubeClient,
        backfills: Backfills,
        namespace: str | None,
        *,
        on_event: Callable[[], None] = lambda: None,
        pace: Pace = STEADY,
    ) -> None:
        self._client = client
        self._backfills = backfills
        self.namespace = namespace
        self._on_event = on_event
        self._pace = pace
        self._log_once = WatchLogOnce(log, f"DkronBackfills of {namespace or 'all namespaces'}")

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"backfills of {self.namespace or 'all namespaces'}"

    async def run(self) -> None:
        """Follow them until cancelled."""
        await follow(self._client, DKRON_BACKFILLS, self.namespace, self, keep=self._backfills.read, pace=self._pace)

    def replace(self, items: list[Known | None], version: int) -> None:  # noqa: ARG002 - each look reads the object
        """Replace all by a complete list."""
        self._log_once.listed()
        self._backfills.replace(self.namespace, [known for known in items if known is not None])

    def went_back(self) -> None:
        """Nothing to do: the operator ends when resource versions go back."""

    def see(self, item: Object) -> None:
        """One was added or modified."""
        known = self._backfills.read(item)
        if known is not None:
            self._backfills.see(known)

    def lose(self, item: Object) -> None:
        """One was deleted."""
        self._backfills.lose(item["metadata"]["uid"])

    def alive(self) -> None:
        """The API server answered."""
        self._on_event()
        self._log_once.alive()

    def failed(self, error: KubeError) -> None:
        """They cannot be watched; what was known stays."""
        self._log_once.goes_on(error)
