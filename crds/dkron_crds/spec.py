"""What a person asks for: `DkronJob.spec`.

The docstring under each field is its description in the CRD, so it is written for the reader of `kubectl
explain`. The order of the fields is the order in the documentation.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from dkron_crds.base import LIST_BY_JOB, Instant, WireModel, rfc3339
from dkron_crds.depends import MAX_PARENTS, Dependency, DkronName
from dkron_crds.names import NAME_LENGTH, NAME_OR_NONE_PATTERN
from dkron_crds.rules import (
    BACKOFF_GROWS,
    COMMON_YEAR,
    PARENT_OR_DEPENDS_ON,
    SCHEDULE_OR_PARENT,
    STARTS_BEFORE_IT_EXPIRES,
    keys_at_most,
    validations,
)
from dkron_crds.schedule.durations import go_duration

INT32_MAX = 2**31 - 1
UINT32_MAX = 2**32 - 1
NANOSECONDS = 1e9

NameOrNone = Annotated[str, Field(max_length=NAME_LENGTH, pattern=NAME_OR_NONE_PATTERN)]


def readable(duration: str) -> str:
    """Return the Go duration; raise ScheduleError, a ValueError, if it is longer than 292 years."""
    go_duration(duration)
    return duration


GoDuration = Annotated[
    str,
    Field(max_length=32, pattern=r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"),
    AfterValidator(readable),
]
"""An unsigned Go duration."""

TagValue = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=4096)]
ConfigValue = Annotated[str, Field(max_length=131072)]
ProcessorConfig = Annotated[dict[str, Text], Field(max_length=32, json_schema_extra=keys_at_most(256))]


class Concurrency(StrEnum):
    """What happens to a slot whose job is still running."""

    ALLOW = "allow"
    FORBID = "forbid"
    REPLACE = "replace"


class MissedRuns(StrEnum):
    """What happens to slots that passed while nobody could fire them."""

    LATEST = "latest"
    SKIP = "skip"
    ALL = "all"


class RetryBackoff(WireModel):
    """How long to wait between a failed attempt and the next one."""

    model_config = ConfigDict(json_schema_extra=validations(BACKOFF_GROWS))

    initial: GoDuration = "1s"
    """Wait before the second attempt, as a Go duration: a number with a unit (ms, s, m, h), for example "1s",
    "1m30s" or "0s" for none."""

    factor: Annotated[int, Field(ge=1, le=100)] = 2
    """The wait grows by this factor with each further attempt: with initial "1s" and factor 2 the waits are
    1, 2, 4, 8 … seconds. 1 keeps it constant."""

    max: GoDuration = "60s"
    """The wait never grows beyond this Go duration. It must not be shorter than initial."""

    @property
    def initial_seconds(self) -> float:
        """Wait before the second attempt, in seconds."""
        return go_duration(self.initial) / NANOSECONDS

    @property
    def max_seconds(self) -> float:
        """Upper bound of every wait, in seconds."""
        return go_duration(self.max) / NANOSECONDS


class JobTemplate(WireModel):
    """The part of a batch/v1 Job that is merged over the Job which the executor builds."""

    metadata: dict[str, Any] = Field(default_factory=dict, max_length=16)
    """Labels and annotations for the Job, as in the metadata of a batch/v1 Job. Name, namespace and owner are
    set by the operator and cannot be overridden, nor can labels and annotations under dkron.io/."""

    spec: dict[str, Any] = Field(default_factory=dict, max_length=64)
    """Any part of the spec of a batch/v1 Job, for example activeDeadlineSeconds, podFailurePolicy or
    template.spec.serviceAccountName. Containers merge by name; the one that the executor builds is called
    "job". See `kubectl explain job.spec`."""


class History(WireModel):
    """How much of the past is kept."""

    executions: Annotated[int, Field(ge=1, le=100)] = 20
    """How many finished executions are kept in status.executions, the newest first."""

    successful_jobs: Annotated[int, Field(ge=0, le=100)] = 3
    """How many Jobs that succeeded are kept, with their pods and logs. Older ones are deleted."""

    failed_jobs: Annotated[int, Field(ge=0, le=100)] = 1
    """How many Jobs that failed are kept, with their pods and logs. Older ones are deleted."""

    output_bytes: Annotated[int, Field(ge=0, le=16384)] = 1024
    """How many bytes from the end of the output are kept with each execution. 0 keeps none. All outputs of a
    job together are kept to 16 KiB, the oldest are dropped first."""


class JobSpec(WireModel):
    """What should run, when and where."""

    model_config = ConfigDict(
        json_schema_extra=validations(SCHEDULE_OR_PARENT, PARENT_OR_DEPENDS_ON, STARTS_BEFORE_IT_EXPIRES)
    )

    name: DkronName | None = None
    """The name of the job in the Dkron API, if it differs from metadata.name. Lower-case letters of any
    script, digits, "_" and "-". It cannot be changed later. Jobs that are created by the Dkron API under a
    name which is no legal object name (a_b, ñandú, very long ones) have it set."""

    display_name: Annotated[str, Field(max_length=512)] = ""
    """A title for people. Search and lists show it, nothing else depends on it."""

    owner: Annotated[str, Field(max_length=256)] = ""
    """Who answers for the job: a free text."""

    owner_email: Annotated[str, Field(max_length=320)] = ""
    """Where to reach the owner. It is not checked to be an address."""

    schedule: Annotated[str, Field(max_length=1024)] = ""
    """When the job runs. Required unless parentJob or dependsOn is set, and without effect if one
    is. Either six fields or a descriptor.

    Six fields, separated by spaces: second (0-59), minute (0-59), hour (0-23), day of month (1-31), month
    (1-12 or jan-dec), day of week (0-6 or sun-sat, 0 is Sunday). Each is "*", a number, a range "1-5", a step
    "*/15" or "10-40/5", or a list of these "1,15,30-40". If both days are restricted, one that matches is
    enough. "~" stands for a number derived from the name of the job, so that many jobs do not start in the
    same instant.

    Descriptors: @yearly, @monthly, @weekly, @daily (or @midnight), @hourly, @minutely; @every 1h30m (a Go
    duration, whole seconds); @at 2026-01-01T00:00:00Z (once); @after 2026-01-01T00:00:00Z <PT2H (once, or at
    once if it is noticed at most two hours late); @manually (only on request).

    Examples: "0 30 2 * * *" at 02:30:00 every day; "*/10 * * * * *" every ten seconds; "0 0 9 * * mon-fri" at
    nine on weekdays; "0 0 ~ * * *" once a day at an hour of its own.

    The fields and the descriptors @yearly to @minutely are read in spec.timezone; a prefix "TZ=Europe/Madrid
    " before the fields wins. A schedule that cannot be read is reported by the condition Ready with the
    reason InvalidSchedule."""

    timezone: Annotated[str, Field(max_length=64)] = ""
    """The time zone of the schedule as an IANA name, for example "Europe/Madrid". Empty means UTC. A time
    that a change of the clocks leaves out does not run that day; one that it repeats runs twice."""

    disabled: bool = False
    """True stops the runs by schedule and after a parent. Attempts that are active go on."""

    concurrency: Concurrency = Concurrency.ALLOW
    """What to do at a slot while an earlier run is active. "allow" starts another; "forbid" skips the slot
    and records that in status.skipped; "replace" deletes the running Jobs and starts anew."""

    retries: Annotated[int, Field(ge=0, le=UINT32_MAX)] = 0
    """How many further attempts a failed run gets. Each attempt is a Job and an execution of its own. One
    that tags pinned to a node stays on that node."""

    retry_backoff: RetryBackoff = RetryBackoff()
    """How long to wait between a failed attempt and the next one."""

    parent_job: NameOrNone = ""
    """The Dkron name of a job in the same namespace. This job then runs each time a run of that one
    succeeded, instead of on a schedule. Chains must not form a circle. Short for dependsOn with that one
    job."""

    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=MAX_PARENTS, json_schema_extra=LIST_BY_JOB)] = ()
    """The jobs in the same namespace after which this one runs, instead of on a schedule. After one job it
    runs once for each run of that one which counts; after several, each time all of them have had one since
    this job last ran after them. Chains must not form a circle. Not together with parentJob."""

    tags: dict[str, TagValue] = Field(default_factory=dict, max_length=32, json_schema_extra=keys_at_most(317))
    """Which nodes run the job, by their labels: "value" or "value:count", all tags must match. A key without
    "/" is looked up as it stands and under dkron.io/. Without any tag the job runs once, on whichever node
    Kubernetes chooses. Without a count one Job runs on every ready node that matches; with a count that many,
    on different nodes. If several tags have a count, the smallest rules. If no node matches, the slot is
    skipped."""

    metadata: dict[str, Text] = Field(default_factory=dict, max_length=256, json_schema_extra=keys_at_most(256))
    """Free texts by which the API can filter jobs. They have no other effect."""

    executor: Annotated[str, Field(max_length=63)] = "shell"
    """What runs the job: shell, docker, http, grpc, kafka, nats, rabbitmq or gcppubsub as in Dkron, or
    kubernetes, which takes the Job from jobTemplate as it stands."""

    executor_config: dict[str, ConfigValue] = Field(
        default_factory=dict, max_length=64, json_schema_extra=keys_at_most(256)
    )
    """The settings of the executor; for shell: command (required), image, shell, env, cwd, timeout,
    mem_limit, su, payload. All values are strings: write "true" and "10" with quotes.
    "secretRef:<secret>/<key>" as a value takes it from a Secret in the same namespace, without anybody but
    the container reading it. The keys of all executors are in docs/executors.md."""

    processors: dict[str, ProcessorConfig] = Field(
        default_factory=dict, max_length=16, json_schema_extra=keys_at_most(63)
    )
    """What happens to the output of an execution: name of the processor to its settings, all strings. log, files,
    syslog, fluent, email, slack and elasticsearch, for example {"log": {"forward": "true"}}. With log, files, syslog,
    fluent and elasticsearch the output is kept in status as well only if forward is "true". Where they send to, the
    installation decides, see DkronCluster."""

    ephemeral: bool = False
    """True deletes the job after its first successful run, when the jobs that depend on it were started and
    nothing of it is active. Its Jobs go with it."""

    starts_at: Annotated[Instant | None, Field(json_schema_extra=validations(COMMON_YEAR))] = None
    """No run by schedule or parent before this time. One that falls on it exactly happens. Runs on request
    ignore it."""

    expires_at: Annotated[Instant | None, Field(json_schema_extra=validations(COMMON_YEAR))] = None
    """No run by schedule or parent after this time. One that falls on it exactly happens. Runs on request
    ignore it. The job itself stays. Must be later than startsAt."""

    missed_runs: MissedRuns = MissedRuns.LATEST
    """What to do with slots that passed while no operator could fire them. "latest" runs the newest of them
    once, "skip" none, "all" each one in order. What does not run is counted in status.skipped."""

    starting_deadline_seconds: Annotated[int, Field(ge=1, le=INT32_MAX)] | None = None
    """A slot that could not be started within this many seconds is given up and counted in status.skipped.
    Without it a slot never grows too old."""

    job_template: JobTemplate = JobTemplate()
    """A partial batch/v1 Job that is merged over the one which the executor builds: resources, service
    account, tolerations, podFailurePolicy, labels for Kueue and so on."""

    history: History = History()
    """How many executions, Jobs and bytes of output are kept."""

    @property
    def parents(self) -> tuple[Dependency, ...]:
        """The jobs after which this one runs, in whichever way they were given."""
        return self.depends_on or ((Dependency(job=self.parent_job),) if self.parent_job else ())

    @property
    def fingerprint(self) -> str:
        """Hash of what decides when the job is due; `status.fingerprint` is compared with it."""
        starts = "" if self.starts_at is None else rfc3339(self.starts_at)
        parents = sorted(f"{parent.job} {parent.when}" for parent in self.parents)
        text = "\n".join((self.schedule, self.timezone, str(self.disabled), starts, *parents))
        return sha256(text.encode()).hexdigest()[:16]
