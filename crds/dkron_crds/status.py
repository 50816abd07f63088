"""What the operator found out: `DkronJob.status`, the only place where executions are kept.

The operator reads one status for every watch event that it did not cause, so reading must stay cheap.
The docstring under each field is its description in the CRD.
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated

from pydantic import Field, computed_field

from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Instant, StatusModel, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Condition, Reason
from dkron_crds.depends import MAX_PARENTS, DkronName, When
from dkron_crds.names import NAME_LENGTH

MAX_ACTIVE = 2048
MAX_COUNTED = 4096
MAX_REFUSED = 256
MAX_DEPENDENTS = 256
MAX_RUNS_AFTER = 128
MAX_ENDED = 256
"""How many runs that have ended a job shows at most. All of them stand in the status of each job that depends on it
and on 31 others, too, and that has to fit into etcd."""
MAX_HEARD = MAX_PARENTS * (MAX_ENDED + 1)
"""All that the parents show, and of each one run that is waited with and shown no more."""
MAX_EXECUTIONS = 100
MAX_OUTPUT = 16384
MAX_AHEAD = 16
MAX_RAN_AHEAD = 256

JobName = Annotated[str, Field(max_length=63)]
Nanoseconds = Count
Member = Annotated[str, Field(max_length=253)]


class Trigger(StrEnum):
    """What caused a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    DEPENDENT = "dependent"


class GroupStatus(StrEnum):
    """How the newest finished group ended. All attempts and members of one trigger are a group."""

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
    EDITED = "Edited"
    OVERRUN = "Overrun"


class Active(WireModel):
    """An attempt that has begun, or is claimed to begin."""

    id: Annotated[str, Field(max_length=96)]
    """Identifies the execution: start in Unix nanoseconds, "-", name of the Job."""

    job: JobName
    """Name of the batch/v1 Job."""

    uid: Annotated[str, Field(max_length=64)] = ""
    """The uid of the Job, once it was seen. An entry without it is a claim: the Job is still to be
    created. Of a call that the operator makes itself, which has no Job, the process that makes it."""

    slot: Instant
    """The scheduled instant that this attempt belongs to; for a run on request the time of the request."""

    trigger: Trigger
    """What caused the run: schedule, manual or dependent."""

    group: Nanoseconds
    """The time of the trigger in Unix nanoseconds. All attempts and members of one run share it."""

    attempt: Annotated[int, Field(ge=1, le=2**32)]
    """1 for the first attempt, 2 for the first retry and so on."""

    started_at: Instant
    """When the Job was created. For a claim, when it is due: a retry that waits for its backoff has a time to
    come."""

    node_name: Annotated[str, Field(max_length=253)] = ""
    """The node to which tags pin the attempt; empty if Kubernetes may choose."""

    member: Member = ""
    """Which of the Jobs of its group this is, where tags want several: the name of its node, or its number.
    All attempts of a member have the same."""


class Execution(WireModel):
    """An attempt that has ended."""

    id: Annotated[str, Field(max_length=96)]
    """Identifies the execution: start in Unix nanoseconds, "-", name of the Job."""

    job: JobName
    """Name of the batch/v1 Job. It may be deleted by now, see spec.history."""

    slot: Instant
    """The scheduled instant that this attempt belongs to; for a run on request the time of the request."""

    trigger: Trigger
    """What caused the run: schedule, manual or dependent."""

    group: Nanoseconds
    """The time of the trigger in Unix nanoseconds. All attempts and members of one run share it."""

    attempt: Annotated[int, Field(ge=1, le=2**32)]
    """1 for the first attempt, 2 for the first retry and so on."""

    started_at: Instant
    """When the container started; when the Job was created if it never did."""

    finished_at: Instant
    """When the attempt ended."""

    success: bool
    """True if the Job completed."""

    exit_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """Exit code of the container, if one ran to its end."""

    reason: Reason = ""
    """Why it failed, in one word: for example Error, DeadlineExceeded, OOMKilled, Stopped, JobLost, JobRejected."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """Why it failed, in words: those of the API server if it refused the Job; who asked if it was stopped."""

    node_name: Annotated[str, Field(max_length=253)] = ""
    """The node that ran it, or to which tags pinned it."""

    member: Member = ""
    """Which of the Jobs of its group this was, where tags want several: the name of its node, or its number."""

    output: Annotated[str, Field(max_length=MAX_OUTPUT)] = ""
    """The end of what the container printed, see spec.history.outputBytes."""

    output_truncated: bool = False
    """True if the container printed more than output shows."""


class Skipped(WireModel):
    """What was due and did not run."""

    count: Count
    """How many slots and requests were skipped since the job exists."""

    last_time: Instant
    """The newest slot that was skipped."""

    last_reason: SkipReason
    """Why it was skipped. ConcurrencyForbidden: an earlier run was active. DeadlineExceeded: it could not
    start within spec.startingDeadlineSeconds. NoMatchingNode: no ready, schedulable node has the tags. Missed: nobody
    could fire it in time, see spec.missedRuns. Disabled: somebody asked to run a disabled job, or its parent
    ended. TooManyActive: a thousand attempts would be active. Expired, NotStarted: its parent ended outside of
    startsAt and expiresAt. NotReady: its parent ended, or somebody asked to run it, while the job was not in order.
    Succeeded: an ephemeral job has had its run, and goes. Edited: an edit came before a slot of the old schedule was
    decided. Overrun: its parent had more runs to show than it can, before this job had taken note of them."""


class Day(WireModel):
    """How many executions ended on one day."""

    date: dt.date
    """The day in UTC."""

    success: Count
    """Executions that succeeded."""

    failed: Count
    """Executions that failed."""


class Ended(WireModel):
    """A run whose end the jobs that depend on it have not all taken note of."""

    group: Nanoseconds
    """The group of the run."""

    at: Instant
    """When its last attempt ended."""

    status: GroupStatus
    """How it ended."""


class Heard(WireModel):
    """A run of a parent that this job has taken note of."""

    job: DkronName
    """The Dkron name of the parent."""

    uid: Annotated[str, Field(max_length=64)]
    """The uid of the parent."""

    group: Nanoseconds
    """The run of the parent."""

    at: Instant
    """When it ended."""

    waiting: bool = False
    """True while the other parents have to end, too. A run that is not waiting has had its effect."""


class Published(WireModel):
    """How many runs a job has ever shown to those that depend on it."""

    success: Count = 0
    """Runs that succeeded."""

    failed: Count = 0
    """Runs that did not, or not with all members."""


class Consumed(WireModel):
    """How many of the runs that a parent has shown are dealt with here."""

    job: DkronName
    """The Dkron name of the parent."""

    uid: Annotated[str, Field(max_length=64)]
    """The uid of the parent."""

    rebuilt_at: Instant | None = None
    """status.rebuiltAt of the parent: its count began anew then."""

    when: When
    """Which of its runs count."""

    count: Count
    """Those that were shown before the job ran after this parent, those that it has taken note of, and those that it
    has counted as skipped because they are shown no more."""


class Window(WireModel):
    """Slots to come that one process has claimed in one write, to call each at its time without another."""

    caller: Annotated[str, Field(min_length=1, max_length=64)]
    """The process that makes these calls. No other ever does."""

    slots: Annotated[tuple[Instant, ...], Field(min_length=1, max_length=MAX_AHEAD, json_schema_extra=ATOMIC_LIST)]
    """The slots, in their order. Each leaves when the status says what became of it."""


class AcceptedSchedule(WireModel):
    """The fields of the spec that made slots due, as the operator last accepted them."""

    schedule: Annotated[str, Field(max_length=1024)]
    """spec.schedule."""

    timezone: Annotated[str, Field(max_length=64)] = ""
    """spec.timezone."""

    starts_at: Instant | None = None
    """spec.startsAt."""

    expires_at: Instant | None = None
    """spec.expiresAt."""


class JobStatus(StatusModel):
    """The state of the job and its newest executions. Written by the operator alone."""

    observed_generation: Count = 0
    """The metadata.generation that the operator has acted on."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=8, json_schema_extra=LIST_BY_TYPE)] = ()
    """Ready, Suspended and Degraded."""

    since: Instant | None = None
    """No slot at or before this time ever fires: when the job was created, or when the operator saw that
    schedule, timezone, disabled, startsAt or the parents had changed."""

    fingerprint: Annotated[str, Field(max_length=64)] = ""
    """Hash of schedule, timezone, disabled, startsAt and the parents, by which a change made while no operator
    ran is noticed."""

    accepted: AcceptedSchedule | None = None
    """The schedule that is in force since then. An edit counts its slots that were due and undecided as skipped, with
    the reason Edited. Absent while nothing makes the job due by itself: it is disabled, has parents, or is not in
    order."""

    rebuilt_at: Instant | None = None
    """When the operator found that somebody had wiped this status. Runs that ended before start no other
    jobs."""

    last_schedule_time: Instant | None = None
    """The newest slot that was decided: fired, skipped or missed. No slot at or before it fires again."""

    ran_ahead: Annotated[tuple[Instant, ...], Field(max_length=MAX_RAN_AHEAD, json_schema_extra=ATOMIC_LIST)] = ()
    """Slots after lastScheduleTime that have run already, by a clock that was ahead. Each leaves when its time has
    come."""

    next: Instant | None = None
    """When the job is due next. Absent if never."""

    runs_after: Annotated[str, Field(max_length=MAX_RUNS_AFTER)] = ""
    """The jobs after which it runs, as `kubectl get` shows them: their names, with commas between."""

    active: Annotated[tuple[Active, ...], Field(max_length=MAX_ACTIVE, json_schema_extra=ATOMIC_LIST)] = ()
    """Attempts that run now or are claimed to begin."""

    window: Window | None = None
    """Slots that are claimed ahead, for calls that the operator makes itself each second or so. What a crash leaves
    here was called or it was not: it is recorded with the reason Unknown."""

    counted: Annotated[tuple[JobName, ...], Field(max_length=MAX_COUNTED, json_schema_extra=ATOMIC_LIST)] = ()
    """Names of finished Jobs that still exist and are in the counters already, so that none is counted
    twice."""

    executions: Annotated[tuple[Execution, ...], Field(max_length=MAX_EXECUTIONS, json_schema_extra=ATOMIC_LIST)] = ()
    """Attempts that have ended, the newest first; as many as spec.history.executions says."""

    undelivered: Annotated[tuple[JobName, ...], Field(max_length=MAX_EXECUTIONS, json_schema_extra=ATOMIC_LIST)] = ()
    """Jobs in executions of which processors and notifications are still to be told, or were told a moment ago. What
    stands here at a crash is sent again, with the same execution id."""

    status: GroupStatus = GroupStatus.NEVER
    """How the newest finished run ended: success, failed or partially_failed; empty before the first. The
    last attempt of each member decides."""

    success_count: Count = 0
    """Executions that succeeded since the job exists or its executions were cleared."""

    error_count: Count = 0
    """Executions that failed since the job exists or its executions were cleared. Each attempt counts."""

    last_success: Instant | None = None
    """When the newest successful execution ended."""

    last_error: Instant | None = None
    """When the newest failed execution ended."""

    dependent_jobs: Annotated[
        tuple[Annotated[str, Field(max_length=NAME_LENGTH)], ...],
        Field(max_length=MAX_DEPENDENTS, json_schema_extra=ATOMIC_LIST),
    ] = ()
    """Dkron names of the jobs that run after this one, sorted; at most 256 and 16 KiB of them."""

    ended: Annotated[tuple[Ended, ...], Field(max_length=MAX_ENDED, json_schema_extra=ATOMIC_LIST)] = ()
    """Runs that have ended and that the dependent jobs have not all taken note of."""

    published: Published | None = None
    """How many runs have ever stood in ended. Those that have left it before a dependent job had taken note of them
    are what it misses in this count."""

    heard: Annotated[tuple[Heard, ...], Field(max_length=MAX_HEARD, json_schema_extra=ATOMIC_LIST)] = ()
    """Runs of parents that this job has taken note of. One leaves when the parent shows it no more, with the
    next write."""

    consumed: Annotated[tuple[Consumed, ...], Field(max_length=MAX_PARENTS, json_schema_extra=ATOMIC_LIST)] = ()
    """How many runs of each parent this job has dealt with, compared with published of the parent."""

    refused: Annotated[tuple[JobName, ...], Field(max_length=MAX_REFUSED, json_schema_extra=ATOMIC_LIST)] = ()
    """Names that the Jobs of refused requests would have had. One stands here while its annotation is there, so that
    it is counted in skipped once."""

    skipped: Skipped | None = None
    """What was due and did not run. Absent if that never happened."""

    days: Annotated[tuple[Day, ...], Field(max_length=7, json_schema_extra=ATOMIC_LIST)] = ()
    """Executions that ended today and yesterday (UTC)."""

    @computed_field  # type: ignore[prop-decorator]  # mypy#1362; pydantic makes it a property of the wire, too
    @property
    def active_count(self) -> Count:
        """How many attempts are active: the length of active."""
        return len(self.active)
