"""Entries of the archive: executions with their outputs, and with what the objects beside them say.

An output that its record shows whole is not read again. A longer one is read right away, because its pod goes: once
from the kubelet, in bounded memory.
"""

import logging

from pydantic import ValidationError

from dkron_archive.records import ArchivedExecution, Entry
from dkron_crds.job import Attempt, Receiver
from dkron_crds.run import RunSpec
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_RUNS
from dkron_operator.archive.left_behind import Left
from dkron_operator.archive.outbox import Key
from dkron_operator.archive.records import NO_REQUEST, Request, end_of, execution_of, is_whole, output_of
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.delivery.installation import Installation
from dkron_operator.delivery.outputs import Outputs
from dkron_operator.plan.situation.cause import ON_REQUEST
from dkron_processors import of_job

log = logging.getLogger(__name__)

ROOM = 32 * 1024 * 1024
"""The bytes of all outputs that are kept at most where there is an archive; the namespace with the most gives way. Of
an output that finds no room, the archive gets the record's end."""


class Entries:
    """Builds entries by (uid of the DkronJob, name of the Job)."""

    def __init__(self, client: KubeClient, installation: Installation, outputs: Outputs) -> None:
        self.installation = installation
        self.queue = outputs.queue
        self._client, self._outputs = client, outputs

    def forget(self, key: Key) -> None:
        """The archive has the entry."""
        self._outputs.forget(*key, Receiver.ARCHIVE)

    def is_complete(self, cached: CachedJob, execution: Attempt) -> bool:
        """Whether no more of its output has to be read."""
        spec = cached.job.spec
        if not spec.history.archived_output_bytes or self._kept(cached.job.uid, execution.job) is not None:
            return True
        note = of_job.output_note(spec, self.installation.site, cached.job.namespace, execution)
        return is_whole(execution, spec.history, note)

    async def read(self, cached: CachedJob, execution: Attempt, *, delivered: int) -> None:
        """Read the output while its pod exists, and keep it, also for delivery if that wants some bytes of it. Raises
        `Unavailable`."""
        key, attempt = (cached.job.uid, execution.job), cached.observed.attempts.get(execution.job)
        longest = max(delivered, cached.job.spec.history.archived_output_bytes)
        found = await self._outputs.read(
            cached.job, execution, uid="" if attempt is None else attempt.uid, size=longest
        )
        if found is not None:
            self._outputs.keep(*key, found, [Receiver.ARCHIVE, *((Receiver.DELIVERY,) if delivered else ())])

    async def build(self, cached: CachedJob, execution: Attempt, revision: str) -> Entry:
        """The entry of an execution, with what its DkronRun says."""
        request = await self._request(cached, execution) if execution.trigger in ON_REQUEST else NO_REQUEST
        return self.at_hand(cached, execution, revision, request)

    def at_hand(self, cached: CachedJob, execution: Attempt, revision: str, request: Request = NO_REQUEST) -> Entry:
        """The entry of an execution, without any question to the API server."""
        record, history = self._record(cached, execution, revision, request), cached.job.spec.history
        return Entry(record, output_of(execution, self._kept(cached.job.uid, execution.job), history))

    def left(self, cached: CachedJob, execution: Attempt, revision: str) -> Left:
        """The same for a job that is gone. Its output waits where it has a bound."""
        record, history = self._record(cached, execution, revision, NO_REQUEST), cached.job.spec.history
        return Left(Entry(record, output_of(execution, None, history)), history.archived_output_bytes)

    def whole(self, left: Left) -> Entry:
        """The entry with its output, if that is still there."""
        record = left.entry.execution
        kept = self._kept(record.job.uid, record.attempt_job) if left.output_bytes else None
        return left.entry if kept is None else Entry(record, end_of(kept, left.output_bytes))

    def _kept(self, uid: str, job: str) -> bytes | None:
        return self._outputs.kept(uid, job, Receiver.ARCHIVE)

    def _record(self, cached: CachedJob, execution: Attempt, revision: str, request: Request) -> ArchivedExecution:
        attempt = cached.observed.attempts.get(execution.job)
        created = None if attempt is None else attempt.created
        return execution_of(cached.job, execution, created=created, revision=revision, request=request)

    async def _request(self, cached: CachedJob, execution: Attempt) -> Request:
        attempt = cached.observed.attempts.get(execution.job)
        if attempt is None or not attempt.requested_by:
            return NO_REQUEST
        try:
            body = await self._client.get(DKRON_RUNS, cached.job.namespace, attempt.requested_by)
            spec = RunSpec.from_wire(dict(body["spec"]))
        except (KubeError, ValidationError) as exc:
            log.info("cannot tell who asked for %s: %s", execution.job, exc, extra={"job": cached.job.dkron_name})
            return NO_REQUEST
        owners = [owner["name"] for owner in body["metadata"].get("ownerReferences") or () if owner.get("controller")]
        return Request(spec.requested_by or next(iter(owners), ""), spec.parameters)
