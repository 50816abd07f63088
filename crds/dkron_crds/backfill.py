"""The kind DkronBackfill: the slots of a range of time, run again.

Each slot becomes one DkronRun, whose name follows from the backfill, the job and the slot. Which slots run is decided
once and kept in the status, with how many of them have begun. So each slot runs once for each backfill, whatever
crashes, and whatever becomes of the job or of a DkronRun meanwhile.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Instant, Resource, StatusModel, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Condition
from dkron_crds.depends import DkronName
from dkron_crds.names import API_VERSION, OBJECT_NAME_LENGTH
from dkron_crds.parameters import ParameterValues
from dkron_crds.rules import (
    BACKFILL_IS_IMMUTABLE,
    BACKFILL_NAME_FITS,
    COMMON_YEAR,
    FROM_BEFORE_TO,
    JOB_OR_SELECTOR,
    keys_at_most,
    validations,
)

MAX_RUNS = 10000
MAX_PARALLELISM = 64
MAX_ACTIVE_RUNS = 2 * MAX_PARALLELISM
"""As many as may run, and as many again that a process created and had no time to record."""
MAX_FAILED_RUNS = 16
MAX_FAILURE = 256
MAX_TARGETS = 4000
"""All targets with all slots have to fit into etcd."""

Uid = Annotated[str, Field(max_length=64)]


class BackfillCondition(StrEnum):
    """The condition types of a DkronBackfill."""

    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"


class BackfillReason(StrEnum):
    """Reasons of the condition Ready. Complete and Failed have all but the first two."""

    RUNNING = "Running"
    SUSPENDED = "Suspended"

    FINISHED = "Finished"
    PLANNED = "Planned"
    RUNS_FAILED = "RunsFailed"
    STOPPED = "Stopped"
    REFUSED = "Refused"


class BackfillRuns(StrEnum):
    """Which slots of the range run again."""

    ALL = "all"
    FAILED = "failed"


class BackfillOrder(StrEnum):
    """In which order slots run."""

    OLDEST_FIRST = "oldestFirst"
    NEWEST_FIRST = "newestFirst"


class OnFailure(StrEnum):
    """The effect of a failed run on slots that have not begun."""

    STOP = "stop"
    CONTINUE = "continue"


class BackfillConcurrency(StrEnum):
    """How the runs of the backfill stand to other runs of the job."""

    ALLOW = "allow"
    FORBID = "forbid"


class BackfillSpec(WireModel):
    """Which slots run again, and how. Only suspend, parallelism, reason and ttlSecondsAfterFinished may change."""

    model_config = ConfigDict(json_schema_extra=validations(JOB_OR_SELECTOR, FROM_BEFORE_TO, BACKFILL_IS_IMMUTABLE))

    job: DkronName | None = None
    """The Dkron name of the job in the same namespace. Required unless selector is set."""

    selector: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]] | None,
        Field(max_length=16, json_schema_extra=keys_at_most(317)),
    ] = None
    """Instead of job: labels of DkronJobs in the same namespace. All jobs that have them are backfilled; {} means all
    jobs of the namespace."""

    from_: Annotated[Instant, Field(alias="from", json_schema_extra=validations(COMMON_YEAR))]
    """The start of the range: a slot at this time is in it."""

    to: Annotated[Instant, Field(json_schema_extra=validations(COMMON_YEAR))]
    """The end of the range: a slot at this time is not in it. Slots that are still to come are not in it either."""

    runs: BackfillRuns = BackfillRuns.ALL
    """"all" runs each slot that the present schedule has in the range; "failed" runs the slots in it whose newest run
    failed, as far as status.executions of the job shows it."""

    order: BackfillOrder = BackfillOrder.OLDEST_FIRST
    """Which slots run first: "oldestFirst" or "newestFirst"."""

    parallelism: Annotated[int, Field(ge=1, le=MAX_PARALLELISM)] = 1
    """How many runs of the backfill are active at once, over all its jobs."""

    max_runs: Annotated[int, Field(ge=1, le=MAX_RUNS)] = 1000
    """If there are more slots than this, the backfill fails before the first run."""

    on_failure: OnFailure = OnFailure.STOP
    """The effect of a failed run, after its retries, on slots that have not begun: "stop" cancels them,
    "continue" runs them."""

    concurrency: BackfillConcurrency = BackfillConcurrency.ALLOW
    """"allow" starts runs beside other runs of the job; "forbid" waits until the job has no active run of another
    cause. The job's own concurrency does not apply to the runs of the backfill."""

    parameters: ParameterValues = Field(default_factory=dict)
    """Values for the parameters of the jobs, as in a DkronRun."""

    dry_run: bool = False
    """If true, status.plan says what would run, and nothing runs."""

    suspend: bool = False
    """If true, no further run begins. Runs that are active go on."""

    reason: Annotated[str, Field(max_length=256)] = ""
    """Why: free text for people."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """The object, and its DkronRuns with it, is deleted this many seconds after its end. Empty keeps it."""


class BackfillPlan(WireModel):
    """The slots that the backfill runs."""

    count: Count
    """Number of slots."""

    jobs: Count
    """Number of jobs that have such slots."""

    first: Instant | None = None
    """The oldest slot."""

    last: Instant | None = None
    """The newest slot."""


class BackfillTarget(WireModel):
    """A job of the backfill, and its slots that run."""

    job: Annotated[str, Field(max_length=OBJECT_NAME_LENGTH)]
    """Name of the DkronJob."""

    uid: Uid
    """Its uid: another job of the same name does not run in its place."""

    slots: Annotated[tuple[Instant, ...], Field(max_length=MAX_RUNS, json_schema_extra=ATOMIC_LIST)]
    """The slots, the oldest first."""


class BackfillRun(WireModel):
    """A run of the backfill."""

    run: Annotated[str, Field(max_length=63)]
    """Name of the DkronRun."""

    uid: Uid = ""
    """Its uid. Empty if it was deleted before it could be recorded, or if the DkronJob was deleted before it."""

    job: Annotated[str, Field(max_length=OBJECT_NAME_LENGTH)]
    """Name of the DkronJob."""

    slot: Instant
    """The slot that it runs."""

    message: Annotated[str, Field(max_length=MAX_FAILURE)] = ""
    """Why it failed, as its DkronRun says. Empty for a run that is active."""


class BackfillStatus(StatusModel):
    """How far the backfill has got. The operator writes it."""

    plan: BackfillPlan | None = None
    """The slots that the backfill runs, counted before the first run."""

    targets: Annotated[tuple[BackfillTarget, ...], Field(max_length=MAX_TARGETS, json_schema_extra=ATOMIC_LIST)] = ()
    """The slots that run, decided before the first run. An edit of a job changes nothing in it. Empty after the end."""

    begun: Count = 0
    """How many of the slots have begun, in the order in which they run. None of these begins again."""

    active_runs: Annotated[
        tuple[BackfillRun, ...], Field(max_length=MAX_ACTIVE_RUNS, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The runs that have begun and not ended."""

    failed_runs: Annotated[
        tuple[BackfillRun, ...], Field(max_length=MAX_FAILED_RUNS, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The newest runs that failed, were refused, or were deleted before their end; at most 16."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=4, json_schema_extra=LIST_BY_TYPE)] = ()
    """The conditions Complete (each slot has run, or with dryRun: is planned), Failed (it ended early, or with failed
    runs), Suspended and Ready. Ready is True if the backfill is complete, or is suspended and has no active run; its
    reason says how far the backfill has got. Stalled is True with Failed."""

    active: Count = 0
    """Number of activeRuns."""

    succeeded: Count = 0
    """Runs that succeeded."""

    failed: Count = 0
    """Runs that failed, were refused, or were deleted before their end."""

    remaining: Count = 0
    """Slots that have not begun."""

    started_at: Instant | None = None
    """When the first run was created."""

    finished_at: Instant | None = None
    """When the last run ended."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """One sentence for people about how far it has got."""


class DkronBackfill(Resource):
    """Slots of the past, run again: all slots of a range, or those that failed, of one job or of many."""

    model_config = ConfigDict(json_schema_extra=validations(BACKFILL_NAME_FITS))

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronBackfill"] = "DkronBackfill"
    spec: BackfillSpec
    status: BackfillStatus = BackfillStatus()
