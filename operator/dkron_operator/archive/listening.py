"""Who hears of attempts where there is an archive: delivery, and the archiver, which wants longer outputs."""

from dkron_crds.job import Attempt
from dkron_operator.archive.entries import Entries
from dkron_operator.archive.records import LEAVING
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.delivery.delivery import Delivery
from dkron_operator.plan.situation.view import JobView


class Listening:
    """The listener of an operator with an archive."""

    def __init__(self, delivery: Delivery, entries: Entries, store: Store) -> None:
        self._delivery = delivery
        self._entries = entries
        self._store = store

    def began(self, cached: CachedJob, active: Attempt) -> None:
        """The Job of an attempt exists, or its call is made."""
        self._delivery.began(cached, active)

    def room(self, job: JobView, *, leaving: bool = False) -> int:
        """How many bytes of the end of the output are wanted. One whose pod stays for a while is read for the archive
        once it is recorded, and only if it is long."""
        archived = min(job.spec.history.archived_output_bytes, LEAVING) if leaving else 0
        return max(self._delivery.room(job), archived)

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Take the end of the output of a Job."""
        cached = self._store.get(uid)
        if cached is None:
            return
        wanted = self._delivery.room(cached.job)
        if wanted:
            self._delivery.keep(uid, job, output[-(wanted + 1) :])
        history = cached.job.spec.history
        # As long as this it was cut, and is read again.
        if history.archived_output_bytes and len(output) != max(wanted, history.output_bytes) + 1:
            self._entries.keep(uid, job, output)
