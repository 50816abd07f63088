"""Deletes ephemeral DkronJobs that have had their run. Kubernetes deletes their Jobs with them."""

import logging
from collections.abc import Awaitable, Callable

from dkron_kube.errors import Conflict, NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.act.events import Events
from dkron_operator.act.ports import Ports
from dkron_operator.act.status_writer import StatusWriter
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.actions import Report, Severity

log = logging.getLogger(__name__)

LATER = 60.0
"""Seconds until a refused deletion is tried again."""


class DkronJobDeleter:
    """Deletes DkronJobs. `settled` returns once everything known of the jobs is in the cluster totals, which outlive
    them."""

    def __init__(
        self,
        ports: Ports,
        store: Store,
        *,
        writer: StatusWriter,
        events: Events,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = ports.client
        self._store = store
        self._writer = writer
        self._events = events
        self._settled = settled

    async def __call__(self, cached: CachedJob) -> None:
        """Delete exactly this version of the job. Raises `Conflict` if another writer came first, and `Unavailable`."""
        job, version = cached.job, cached.version
        await self._settled()
        try:
            await self._client.delete(DKRON_JOBS, job.namespace, job.name, uid=job.uid, version=str(version))
        except NotFound:
            pass
        except Conflict:
            await self._writer.read_again(cached)
            raise
        except Rejected as exc:
            text = f"the job has succeeded and is ephemeral, but it cannot be deleted: {exc}"
            self._events.report(job, Report(Severity.WARNING, "NotDeleted", text))
            raise Unavailable(text, retry_after=LATER) from exc
        log.info("deleted after its run", extra={"job": job.dkron_name, "namespace": job.namespace})
        # Keep it until the watch reports the deletion: an older version that is still to arrive would look new.
        self._store.mark_deleting(cached)
