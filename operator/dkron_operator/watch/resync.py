"""Resync: the first list fills the store; later ones find objects that vanished unseen."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from dkron_crds.job_metadata import SELECTOR
from dkron_kube.backoff import Backoff
from dkron_kube.client import KubeClient
from dkron_kube.errors import Expired, KubeError, NotFound
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_kube.snapshot import snapshot
from dkron_kube.watch_events import Kind
from dkron_operator.cache.store import Place, Store
from dkron_operator.kit.log_once import LogOnce
from dkron_operator.watch.handlers import Handlers

log = logging.getLogger(__name__)

PERIOD = 600.0
"""Seconds between two resyncs without a cause."""
SETTLE = 5.0
"""Seconds for a relist of the watch to finish before the comparison."""
NEWS = 1.0
"""Seconds in which a watch that works has told what a list shows."""
LONGEST = 30.0
"""Seconds between two tries at most, while the API server does not answer."""


class Resync:
    """Lists all objects. `namespaces` None means all namespaces."""

    def __init__(self, client: KubeClient, store: Store, handlers: Handlers, namespaces: Sequence[str] | None) -> None:
        self._client = client
        self._store = store
        self._handlers = handlers
        self._namespaces: Sequence[str | None] = namespaces or (None,)
        self.filled: dict[str, str] = {}
        """The version of what `fill` has read, by path: the first watch goes on there."""
        self._wanted = asyncio.Event()
        self._log_once = LogOnce(log, "resync")

    def want(self) -> None:
        """Request a resync soon."""
        self._wanted.set()

    async def fill(self) -> None:
        """Read all objects. DkronJobs come first: a Job that their status names is listed later, or gone."""
        feeds = ((DKRON_JOBS, None, self._handlers.feed_job), (JOBS, SELECTOR, self._handlers.feed_attempt))
        for resource, selector, feed in feeds:
            for namespace in self._namespaces:
                async for event in snapshot(
                    self._client, resource, namespace, label_selector=selector, cut_off=self.want
                ):
                    if event.kind is Kind.BOOKMARK:
                        self.filled[resource.path(namespace)] = event.version
                    else:
                        feed(event.kind, event.item)

    async def run(self) -> None:
        """Resync on request and every PERIOD seconds, until cancelled. A failed resync is retried: until one completes,
        objects that vanished while the watch was down remain in the cache."""
        failures, backoff = 0, Backoff(SETTLE, LONGEST)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    await self._wanted.wait()
                await asyncio.sleep(backoff.after(failures + 1))
            self._wanted.clear()
            try:
                await self.compare()
            except Expired:
                self.want()
            except KubeError as exc:
                self.want()
                failures += 1
                self._log_once.goes_on(exc)
            else:
                failures = 0
                self._log_once.is_over()

    async def compare(self) -> None:
        """Drop what was cached before and no longer exists."""
        before = self._store.places()
        present: set[str] = set()
        for namespace in self._namespaces:
            for resource, selector in ((DKRON_JOBS, None), (JOBS, SELECTOR)):
                async for item in self._client.list(resource, namespace, label_selector=selector, metadata_only=True):
                    present.add(item["metadata"]["uid"])
        missing = before.keys() - present
        if missing:
            # A deletion that the watch is about to tell comes with the last state of the Job, and so with its outcome.
            await asyncio.sleep(NEWS)
            missing &= self._store.places().keys()
        vanished = {uid for uid in missing if await self._is_gone(uid, before[uid])}
        if vanished:
            log.info("%d objects were deleted without a watch event", len(vanished))
            self._handlers.on_deleted(vanished)

    async def _is_gone(self, uid: str, place: Place | None) -> bool:
        """Whether a direct query does not find the object either: a list may be old."""
        if place is None:
            return True
        try:
            return str((await self._client.get(*place))["metadata"]["uid"]) != uid
        except NotFound:
            return True
