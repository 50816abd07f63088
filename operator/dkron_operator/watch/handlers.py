"""kopf handlers: where changes enter. A resync finds what kopf cannot report."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import kopf

from dkron_crds.job_metadata import SELECTOR
from dkron_kube.access import Access
from dkron_kube.lists import Lists
from dkron_kube.paging import Paging
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_kube.reading import BoundedReading
from dkron_operator.cache.store import Store
from dkron_operator.kit.object_guard import ObjectGuard
from dkron_operator.watch.liveness import WatchLiveness

Object = dict[str, Any]
log = logging.getLogger(__name__)

KINDS = {each.plural: each for each in (DKRON_JOBS, JOBS)}

WATCH = 60
"""Seconds that a watch is asked to last. kopf reports only events, so a long quiet watch would look like a dead one.
The server sends a bookmark before it ends a watch, so kopf lists nothing again."""

SILENCE = 10
"""Seconds of silence beyond that after which a watch counts as dead and resumes where it was."""

BACKOFFS = (0.5, 1, 2, 5, 10)
"""Seconds between kopf's retries. After the last one kopf gives up, and its streams start again (`kopf_streams.py`)."""


class Handlers:
    """Feeds the store from the watches, and requeues the jobs concerned. `on_object` gets each Job."""

    def __init__(
        self, store: Store, *, requeue: Callable[[str], None], on_object: Callable[[Object], None] = lambda _: None
    ) -> None:
        self._store = store
        self._requeue = requeue
        self._on_object = on_object
        self._guard = ObjectGuard(log)

    def feed_job(self, kind: str | None, body: Object) -> None:
        """Handle a watch event about a DkronJob. `kind` is None for a listed one."""
        with self._guard.each("DkronJob", body):
            gone = kind == "DELETED"
            self._requeue_all(self._store.remove_job(body["metadata"]["uid"]) if gone else self._store.upsert_job(body))

    def feed_attempt(self, kind: str | None, body: Object) -> None:
        """Handle a watch event about a Job of ours."""
        with self._guard.each("Job", body):
            self._on_object(body)
            gone = kind == "DELETED"
            self._requeue_all(self._store.remove_attempt(body) if gone else self._store.upsert_attempt(body))

    def take(self, plural: str, event: Object) -> bool:
        """Handle a watch event about an object that exists, before kopf does. Returns whether it was one.

        kopf begins a task for each object, and its way to a handler costs several times as much as the handler. kopf
        still gets each deletion, after which it forgets the object, too.
        """
        feed = {DKRON_JOBS.plural: self.feed_job, JOBS.plural: self.feed_attempt}.get(plural)
        kind, body = event.get("type"), event.get("object")
        if feed is None or kind not in ("ADDED", "MODIFIED") or not isinstance(body, dict):
            return False
        feed(kind, body)
        return True

    def on_deleted(self, uids: set[str]) -> None:
        """These objects no longer exist."""
        self._requeue_all(self._store.on_deleted(*sorted(uids)))

    def _requeue_all(self, uids: Iterable[str]) -> None:
        for uid in uids:
            self._requeue(uid)


def register(
    registry: kopf.OperatorRegistry,
    handlers: Handlers,
    access: Access,
    watch_liveness: WatchLiveness,
    *,
    lists: Lists,
) -> None:
    """Register the handlers with kopf. They never raise and never write."""

    def take(plural: str, event: Object) -> bool:
        taken = handlers.take(plural, event)
        if taken:
            watch_liveness.event(KINDS[plural], event["object"]["metadata"]["namespace"])
        return taken

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.AiohttpSession:
        session = access.open_session(watched=watch_liveness.answer, reading=[lists, BoundedReading(take), Paging()])
        return kopf.AiohttpSession(server=access.server, aiohttp_session=session)

    @kopf.on.event(DKRON_JOBS.group, DKRON_JOBS.version, DKRON_JOBS.plural, registry=registry)
    async def on_job(event: kopf.RawEvent, **_: object) -> None:
        body: Object = dict(event["object"])
        watch_liveness.event(DKRON_JOBS, body["metadata"]["namespace"])
        handlers.feed_job(event["type"], body)
        _release(event["object"])

    @kopf.on.event(JOBS.group, JOBS.version, JOBS.plural, registry=registry)
    async def on_attempt(event: kopf.RawEvent, **_: object) -> None:
        body: Object = dict(event["object"])
        watch_liveness.event(JOBS, body["metadata"]["namespace"])
        handlers.feed_attempt(event["type"], body)
        _release(event["object"])


def _release(held: kopf.RawBody) -> None:
    """Leave kopf only what it needs to identify the object: its worker holds the last one for more than a second, and
    at the start there is a worker for each object."""
    item: Object = cast("Object", held)
    for key in ("spec", "status"):
        item.pop(key, None)
    for key in ("annotations", "labels", "managedFields"):
        item["metadata"].pop(key, None)


def settings() -> kopf.OperatorSettings:
    """kopf settings for a pure watcher; docs/adr/0002 explains each value."""
    settings = kopf.OperatorSettings()
    settings.watching.label_selectors["jobs.v1.batch"] = SELECTOR
    settings.watching.chunk_size = 500
    settings.watching.initial_streaming = False
    settings.watching.server_timeout = WATCH
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.finalizer = "dkron.io/operator"
    settings.watching.inactivity_timeout = WATCH + SILENCE
    # kopf would kill the process ten minutes after its streams have ended, even if they were begun again.
    settings.process.ultimate_exiting_timeout = None
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = BACKOFFS
    settings.queueing.idle_timeout = 1.5
    settings.execution.max_workers = 4
    return settings


class _Nothing:
    """A storage of kopf that stores nothing."""

    def fetch(self, **_: object) -> None:
        """Return that nothing is stored."""

    def store(self, **_: object) -> None:
        """Ignore it."""

    purge = touch = store


class _NoProgress(_Nothing, kopf.ProgressStorage):
    """The handlers keep no progress, so kopf neither annotates nor copies objects for it."""

    def clear(self, *, essence: Mapping[str, Any]) -> Any:  # noqa: ANN401 - kopf's own type
        return essence


class _NoDiffBase(_Nothing, kopf.DiffBaseStorage):
    """No handler uses diffs, so kopf copies no object to compute them."""

    def build(self, **_: object) -> Any:  # noqa: ANN401 - kopf's own type
        return {}
