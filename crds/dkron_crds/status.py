"""The observed state of a job: `DkronJob.status`, the only place where executions are stored.

The operator reads one status for every watch event that it did not cause, so reading must stay cheap. The docstring
under each field is its description in the CRD.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated

from pydantic import Field, computed_field

from dkron_crds.attempt_state import AttemptState
from dkron_crds.attempts import Attempt, JobName, Nanoseconds
from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Instant, StatusModel, WireModel
from dkron_crds.conditions import MAX_CONDITIONS, Condition
from dkron_crds.depends import MAX_PARENTS, DkronName, When
from dkron_crds.names import NAME_LENGTH

MAX_ACTIVE = 2048
MAX_COUNTED = 4096
MAX_REFUSED = 256
MAX_DEPENDENTS = 256
MAX_RUNS_AFTER = 128
MAX_ENDED = 256
"""Maximum number of ended runs that a job shows. The status of a job with 32 parents repeats the ended runs of each,
and all of that has to fit into etcd."""
MAX_HEARD = MAX_PARENTS * (MAX_ENDED + 1)
"""All runs that the parents show, plus one waiting run per parent that the parent no longer shows."""
MAX_EXECUTIONS = 100
MAX_AHEAD = 16
MAX_RAN_AHEAD = 256
MAX_DEFERRED = 16
MAX_SKIPPED_RANGES = 32


class GroupStatus(StrEnum):
    """How the newest finished group ended. A group is all attempts and members of one trigger."""

    NEVER = ""
    SUCCESS = "success"
    FAILED = "failed"
    PARTIALLY_FAILED = "partially_failed"


class SkipReason(StrEnum):
    """Why a slot or a request did not become a Job."""

    CONCURRENCY_FORBIDDEN = "ConcurrencyForbidden"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    NO_MATCHING_NODE = "NoMatchingNode"
    MISSED = "Missed"
    DISABLED = "Disabled"
    TOO_MANY_ACTIVE = "TooManyActive"
    EXPIRED = "Expired"
    NOT_STARTED = "NotStarted"
    NOT_READY = "NotReady"
    SUCCEEDED = "Succeeded"
    INVALID_PARAMETERS = "InvalidParameters"
    EDITED = "Edited"
    OVERRUN = "Overrun"
    PAUSED = "Paused"
    QUEUE_FULL = "QueueFull"
    QUEUE_EXPIRED = "QueueExpired"
    REPLACED = "Replaced"


class Skipped(WireModel):
    """Slots and requests that were due and did not run."""

    count: Count
    """Number of slots and requests skipped since the job was created."""

    last_time: Instant
    """The newest slot that was skipped."""

    last_reason: SkipReason
    """Why it was skipped. ConcurrencyForbidden: an earlier run was active. DeadlineExceeded: it could not start within
    spec.startingDeadlineSeconds. NoMatchingNode: no ready, schedulable node has the tags. Missed: no operator could
    fire it in time, see spec.missedRuns. Disabled: a run of the disabled job was requested, or its parent ended.
    TooManyActive: more than a thousand attempts would be active. Expired, NotStarted: its parent ended after expiresAt
    or before startsAt. NotReady: its parent ended, or a run was requested, while the job was not ready; or an edit
    that made it invalid came before a slot of the old schedule was decided. Succeeded: the job is ephemeral, has
    succeeded and is about to be deleted. InvalidParameters: a request gave values that do not fit spec.parameters.
    Edited: the spec changed before a slot of the old schedule was decided. Overrun: its parent had more ended runs
    than it can show, before this job had processed them. Paused: a DkronPause held the job, and dropped it. QueueFull:
    as many runs waited as spec.queue.max allows. QueueExpired: it waited longer than spec.queue.expires. Replaced: it
    waited, and a newer run took its place."""


class Day(WireModel):
    """Number of executions that ended on one day."""

    date: dt.date
    """The day in UTC."""

    success: Count
    """Executions that succeeded."""

    failed: Count
    """Executions that failed."""


class Ended(WireModel):
    """An ended run that some dependent jobs have not processed yet."""

    group: Nanoseconds
    """The group of the run."""

    at: Instant
    """When its last attempt ended."""

    status: GroupStatus
    """How it ended."""


class Heard(WireModel):
    """A run of a parent that this job has recorded."""

    job: DkronName
    """The Dkron name of the parent."""

    uid: Annotated[str, Field(max_length=64)]
    """The uid of the parent."""

    group: Nanoseconds
    """The group of the parent's run."""

    at: Instant
    """When it ended."""

    waiting: bool = False
    """True while the job waits for its other parents. Otherwise the run has already had its effect."""


class Published(WireModel):
    """Number of runs that a job has ever shown to its dependent jobs."""

    success: Count = 0
    """Runs that succeeded."""

    failed: Count = 0
    """Runs that failed, entirely or for some members."""


class Consumed(WireModel):
    """Number of a parent's shown runs that this job has dealt with."""

    job: DkronName
    """The Dkron name of the parent."""

    uid: Annotated[str, Field(max_length=64)]
    """The uid of the parent."""

    rebuilt_at: Instant | None = None
    """status.rebuiltAt of the parent, at which its count restarted."""

    when: When
    """Which of its runs count."""

    count: Count
    """Runs that the parent showed before this job depended on it, runs that this job has recorded, and runs that it
    has counted as skipped because the parent no longer shows them."""


class Window(WireModel):
    """Future slots that one process claims in one write, so that it can make each call on time without another
    write."""

    caller: Annotated[str, Field(min_length=1, max_length=64)]
    """The process that makes these calls. No other process makes them."""

    slots: Annotated[tuple[Instant, ...], Field(min_length=1, max_length=MAX_AHEAD, json_schema_extra=ATOMIC_LIST)]
    """The slots in ascending order. A slot is removed once the status records its outcome."""


class AcceptedSchedule(WireModel):
    """The fields of the spec that determine the slots, as the operator last accepted them."""

    schedule: Annotated[str, Field(max_length=1024)]
    """spec.schedule."""

    timezone: Annotated[str, Field(max_length=64)] = ""
    """spec.timezone."""

    starts_at: Instant | None = None
    """spec.startsAt."""

    expires_at: Instant | None = None
    """spec.expiresAt."""


class DeferredSlots(WireModel):
    """Missed slots that will still run, one after another: those after `after`, up to and including `until`."""

    after: Instant | None = None
    """The newest slot before these. Absent if they begin with the first one."""

    until: Instant
    """The newest of these slots."""


class NotedPause(WireModel):
    """The operator's notes about the DkronPauses that hold the job. It outlives them, so that an operator that was away
    when they ended knows what to do about the slots that came due meanwhile."""

    name: Annotated[str, Field(max_length=253)]
    """The name of the DkronPause; of several the oldest, or the oldest that force does not overrule."""

    since: Instant
    """When the operator noted it."""

    until: Instant | None = None
    """When the pauses, or if slots are dropped, those that drop them, end by themselves. Absent if one of them lasts
    until it is deleted."""

    drop: bool = False
    """Whether slots that come due meanwhile are counted as skipped, and do not run later."""

    enforce: bool = False
    """Whether force does not overrule the pause."""


class UnarchivedSlots(WireModel):
    """Slots of the schedule that did not run, for one reason."""

    first: Instant
    """The oldest of them."""

    last: Instant
    """The newest of them."""

    count: Count
    """How many there are."""

    reason: SkipReason
    """Why they did not run, as in status.skipped."""


class Receiver(StrEnum):
    """A receiver of an ended attempt: the archive, or delivery to processors and notifications."""

    ARCHIVE = "Archive"
    DELIVERY = "Delivery"


class OutboxEntry(WireModel):
    """An ended attempt that has yet to be handed over, or has just been."""

    job: JobName
    """Its Job, which stands in executions."""

    to: Annotated[tuple[Receiver, ...], Field(min_length=1, max_length=len(Receiver), json_schema_extra=ATOMIC_LIST)]
    """Archive: the archive has yet to get it. Delivery: the processors and notifications have."""


class Unarchived(WireModel):
    """Slots that the archive has yet to get, or has just got, and how many records it never got."""

    skipped: Annotated[
        tuple[UnarchivedSlots, ...], Field(max_length=MAX_SKIPPED_RANGES, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """Slots that did not run, oldest first."""

    lost: Count = 0
    """Number of records that left this status before the archive had them: it was away for too long."""


class JobStatus(StatusModel):
    """The observed state of the job and its newest executions. The operator writes it; the REST API writes to it only
    to clear the executions of a job and to restore a backup."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS, json_schema_extra=LIST_BY_TYPE)] = ()
    """The conditions Ready, Suspended and Degraded. Stalled is True if only an edit of the job, or of the operator's
    options, makes it Ready, and otherwise absent."""

    since: Instant | None = None
    """No slot at or before this time fires: the creation of the job, or the time at which the operator saw a change
    of schedule, timezone, disabled, startsAt or the parents."""

    fingerprint: Annotated[str, Field(max_length=64)] = ""
    """Hash of schedule, timezone, disabled, startsAt and the parents. It reveals a change made while no operator was
    running."""

    accepted: AcceptedSchedule | None = None
    """The schedule in force since the time in since. When an edit replaces it, its slots that were due and undecided
    are counted as skipped, with the reason Edited. Absent while the job has no slots: it is disabled, has parents, or
    is not ready."""

    rebuilt_at: Instant | None = None
    """When the operator found this status wiped. No slot up to this time runs, and runs that ended before it start no
    other jobs."""

    last_schedule_time: Instant | None = None
    """The newest slot that was decided: fired, skipped or missed. No slot at or before it fires again, except those in
    deferred."""

    deferred: Annotated[tuple[DeferredSlots, ...], Field(max_length=MAX_DEFERRED, json_schema_extra=ATOMIC_LIST)] = ()
    """Missed slots that wait for their turn, because missedRuns is all and concurrency is forbid. Slots that came due
    later are decided at their time."""

    ran_ahead: Annotated[tuple[Instant, ...], Field(max_length=MAX_RAN_AHEAD, json_schema_extra=ATOMIC_LIST)] = ()
    """Slots after lastScheduleTime that have already run, because a clock was ahead. A slot is removed when its time
    has come."""

    next: Instant | None = None
    """When the job is due next. Absent if never."""

    runs_after: Annotated[str, Field(max_length=MAX_RUNS_AFTER)] = ""
    """The jobs after which this one runs, as `kubectl get` shows them: their names, separated by commas."""

    active: Annotated[tuple[Attempt, ...], Field(max_length=MAX_ACTIVE, json_schema_extra=ATOMIC_LIST)] = ()
    """Attempts that run now or are claimed to begin."""

    window: Window | None = None
    """Slots claimed in advance, for calls that the operator makes itself every second or so. After a crash, calls for
    the remaining slots may or may not have been made: they are recorded with the reason Unknown."""

    counted: Annotated[tuple[JobName, ...], Field(max_length=MAX_COUNTED, json_schema_extra=ATOMIC_LIST)] = ()
    """Names of finished Jobs that still exist and are already counted, so that no Job is counted twice."""

    executions: Annotated[tuple[Attempt, ...], Field(max_length=MAX_EXECUTIONS, json_schema_extra=ATOMIC_LIST)] = ()
    """Attempts that have ended, newest first; at most spec.history.executions of them."""

    outbox: Annotated[tuple[OutboxEntry, ...], Field(max_length=MAX_EXECUTIONS, json_schema_extra=ATOMIC_LIST)] = ()
    """Executions that the archive, or the processors and notifications, have yet to get, or have just got. After a
    crash they are handed over again, with the same execution id. While the archive is away, executions keeps up to 100
    for it, whatever spec.history says."""

    unarchived: Unarchived | None = None
    """Other records that the archive has yet to get. They leave with the next write after it has them. Absent while the
    operator runs without an archive."""

    status: GroupStatus = GroupStatus.NEVER
    """How the newest finished run ended: success, failed or partially_failed; empty before the first. The last
    attempt of each member decides."""

    success_count: Count = 0
    """Executions that succeeded since the job was created or its executions were cleared."""

    error_count: Count = 0
    """Executions that failed since the job was created or its executions were cleared. Each attempt counts."""

    last_success: Instant | None = None
    """When the newest successful execution ended."""

    last_error: Instant | None = None
    """When the newest failed execution ended."""

    dependent_jobs: Annotated[
        tuple[Annotated[str, Field(max_length=NAME_LENGTH)], ...],
        Field(max_length=MAX_DEPENDENTS, json_schema_extra=ATOMIC_LIST),
    ] = ()
    """Dkron names of the jobs that run after this one, sorted; at most 256 names and 16 KiB."""

    ended: Annotated[tuple[Ended, ...], Field(max_length=MAX_ENDED, json_schema_extra=ATOMIC_LIST)] = ()
    """Ended runs that some dependent jobs have not processed yet."""

    published: Published | None = None
    """Number of runs that have ever been in ended. A dependent job compares it with its own count to detect runs that
    left ended before it processed them."""

    heard: Annotated[tuple[Heard, ...], Field(max_length=MAX_HEARD, json_schema_extra=ATOMIC_LIST)] = ()
    """Runs of parents that this job has recorded. A run is removed with the next write after the parent stops showing
    it."""

    consumed: Annotated[tuple[Consumed, ...], Field(max_length=MAX_PARENTS, json_schema_extra=ATOMIC_LIST)] = ()
    """How many runs of each parent this job has dealt with, for comparison with the parent's published."""

    refused: Annotated[tuple[JobName, ...], Field(max_length=MAX_REFUSED, json_schema_extra=ATOMIC_LIST)] = ()
    """Names that the Jobs of rejected requests would have had. A name stays here as long as the request's annotation
    exists, so that skipped counts the request once."""

    paused: NotedPause | None = None
    """The DkronPause that holds the job. Absent if none does."""

    skipped: Skipped | None = None
    """Slots and requests that were due and did not run. Absent if there were none."""

    days: Annotated[tuple[Day, ...], Field(max_length=7, json_schema_extra=ATOMIC_LIST)] = ()
    """Executions that ended today and yesterday (UTC)."""

    @computed_field  # type: ignore[prop-decorator]  # mypy#1362; pydantic makes it a property of the wire, too
    @property
    def active_count(self) -> Count:
        """Number of active attempts that do not wait in line."""
        return sum(each.state is not AttemptState.WAITING for each in self.active)
