"""The kind DkronRun: one run of a job, requested as an object.

The right to create DkronRuns is enough to run a job and changes nothing else. The uid of the object is the cause of the
run, so it becomes one run however often the operator restarts.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from dkron_crds.attempts import Attempt, Nanoseconds
from dkron_crds.base import ATOMIC_LIST, LIST_BY_TYPE, Count, Instant, Resource, StatusModel, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Condition
from dkron_crds.depends import DkronName
from dkron_crds.names import API_VERSION, OBJECT_NAME_LENGTH
from dkron_crds.parameters import ParameterValues
from dkron_crds.rules import NANOSECOND_YEAR, RUN_IS_IMMUTABLE, validations

MAX_SHOWN_ATTEMPTS = 100
OF_BACKFILL = "dkron.io/backfill"
"""Label of a DkronRun that a DkronBackfill created: the name of the backfill."""
REPEATS = "dkron.io/repeats"
"""Annotation of a DkronRun that the REST API created to repeat an execution: the id of that one, and a digest of the
request."""


class RunPhase(StrEnum):
    """How far a run has got."""

    PENDING = "Pending"
    WAITING = "Waiting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    REFUSED = "Refused"


class RunSpec(WireModel):
    """Which job to run, and how. It is immutable."""

    model_config = ConfigDict(json_schema_extra=validations(RUN_IS_IMMUTABLE))

    job: DkronName
    """The Dkron name of the job in the same namespace."""

    parameters: ParameterValues = Field(default_factory=dict)
    """Values for the parameters that the job declares in spec.parameters, by their names, all as strings. A parameter
    that is left out has its default."""

    scheduled_time: Annotated[Instant | None, Field(json_schema_extra=validations(NANOSECOND_YEAR))] = None
    """The scheduled time that the run stands for, when a slot is run again: the run gets it as DKRON_SCHEDULED_TIME.
    Empty means the time of the request. It changes nothing about the schedule: a slot that is still to come runs when
    it is due."""

    force: bool = False
    """If true, the job runs although it is disabled or paused, or is active with concurrency "forbid". A disabled job
    makes no retries. A DkronPause with enforce refuses the run nevertheless."""

    reason: Annotated[str, Field(max_length=256)] = ""
    """Why the run is wanted: free text for people."""

    requested_by: Annotated[str, Field(max_length=256)] = ""
    """Who wants the run: free text. The REST API writes the name of its caller."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """The object is deleted this many seconds after the run has ended. Empty keeps it until the job has more than
    spec.history.runs finished ones. That limit holds with a value, too. The executions of the job stay in either
    case."""


class BoundJob(WireModel):
    """The DkronJob that a run is bound to."""

    name: Annotated[str, Field(max_length=OBJECT_NAME_LENGTH)]
    """Name of the object."""

    uid: Annotated[str, Field(max_length=64)]
    """Its uid: an object that has the name later is another one."""


class RunStatus(StatusModel):
    """How far the run has got. The operator writes it."""

    phase: RunPhase = RunPhase.PENDING
    """Pending (not decided yet), Waiting (in line, or in a queue of Kueue), Running, Succeeded, Failed, or Refused (no
    Job was created; the condition Failed says why)."""

    conditions: Annotated[tuple[Condition, ...], Field(max_length=4, json_schema_extra=LIST_BY_TYPE)] = ()
    """The conditions Complete (the run has succeeded), Failed (it has failed, or was refused) and Ready. While the run
    is pending or active, Ready is False and the others are absent. Then it is True with Complete, and False with Failed
    and Stalled."""

    dkron_job: BoundJob | None = None
    """The DkronJob that runs it. It is written before the run is decided, and binds the run to that object: another
    DkronJob that has the name later does not run it."""

    group: Nanoseconds | None = None
    """The number of the run in status.executions of the job. Present once the run was decided."""

    attempts: Annotated[tuple[Attempt, ...], Field(max_length=MAX_SHOWN_ATTEMPTS, json_schema_extra=ATOMIC_LIST)] = ()
    """The attempts of all members, the newest first, without messages and outputs; at most 100."""

    attempt_count: Count = 0
    """Number of attempts so far."""

    started_at: Instant | None = None
    """When the first attempt began."""

    finished_at: Instant | None = None
    """When the run ended, or was refused."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """One sentence for people about how far the run has got."""


class DkronRun(Resource):
    """One run of a DkronJob, on request: `kubectl create` it, and `kubectl wait --for=condition=Complete` for it."""

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronRun"] = "DkronRun"
    spec: RunSpec
    status: RunStatus = RunStatus()
