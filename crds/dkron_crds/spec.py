"""The desired state of a job: `DkronJob.spec`.

The docstring under each field is its description in the CRD, so write it for readers of `kubectl explain`. The
documentation lists the fields in this order.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from dkron_crds.admission import RULES
from dkron_crds.base import LIST_BY_JOB, LIST_BY_NAME, LIST_IS_SET, Instant, WireModel, rfc3339
from dkron_crds.depends import MAX_PARENTS, Dependency, DkronName
from dkron_crds.names import NAME_LENGTH, NAME_OR_NONE_PATTERN
from dkron_crds.parameters import MAX_PARAMETERS, Parameter
from dkron_crds.pool import MAX_POOLS, PoolName, Priority
from dkron_crds.rules import (
    BACKOFF_GROWS,
    COMMON_YEAR,
    FREE_FORM_FITS,
    LONG_ENOUGH_TO_WAIT,
    PARENT_OR_DEPENDS_ON,
    SCHEDULE_OR_PARENT,
    STARTS_BEFORE_IT_EXPIRES,
    keys_at_most,
    validations,
)
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import ScheduleError, quoted

INT32_MAX = 2**31 - 1
UINT32_MAX = 2**32 - 1
NANOSECONDS = 1e9

NameOrNone = Annotated[str, Field(max_length=NAME_LENGTH, pattern=NAME_OR_NONE_PATTERN)]


def readable(duration: str) -> str:
    """Return the Go duration; raise ValueError if it is longer than 292 years."""
    try:
        go_duration(duration)
    except ScheduleError:
        raise ValueError(f"{quoted(duration)} is more than 292 years, the longest duration") from None
    return duration


def long_enough(duration: str) -> str:
    """Return the Go duration; raise ValueError if a run that waited for so long would be dropped at once."""
    if go_duration(duration) < NANOSECONDS:
        raise ValueError(LONG_ENOUGH_TO_WAIT.message)
    return duration


GoDuration = Annotated[
    str,
    Field(max_length=32, pattern=r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"),
    AfterValidator(readable),
]
"""An unsigned Go duration."""

QueueName = Annotated[str, Field(max_length=63, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")]
"""The name of a LocalQueue, which is also the value of a label."""

TagValue = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=4096)]
ConfigValue = Annotated[str, Field(max_length=64_000)]
"""One that is as long as may be leaves some of `bounds.FREE_FORM_BYTES` for the others."""
ProcessorConfig = Annotated[dict[str, Text], Field(max_length=32, json_schema_extra=keys_at_most(256))]


_NONE: dict[str, Any] = {}


def _none() -> dict[str, Any]:
    """The value of each field that was not given, in all objects: they are frozen, and a cache keeps many."""
    return _NONE


class Concurrency(StrEnum):
    """What happens to a slot whose job is still running."""

    ALLOW = "allow"
    FORBID = "forbid"
    REPLACE = "replace"
    QUEUE = "queue"


ConcurrencyOrNone = Annotated[
    Concurrency,
    BeforeValidator(lambda value: value or Concurrency.ALLOW),
    WithJsonSchema({"type": "string", "enum": [*map(str, Concurrency), ""]}),
]
"""Clients of Dkron send the empty text for a field that is not set, and expect to read it again."""


class MissedRuns(StrEnum):
    """What happens to slots that passed while no operator could fire them."""

    LATEST = "latest"
    SKIP = "skip"
    ALL = "all"


class QueueOrder(StrEnum):
    """Which of the runs that wait begins first."""

    OLDEST = "oldest"
    NEWEST = "newest"


class Queue(WireModel):
    """The line in which runs wait until they may begin."""

    max: Annotated[int, Field(ge=1, le=100)] = 10
    """How many runs may wait. With order "oldest", further ones are dropped; with "newest", the oldest that waits is
    dropped for each. Both are counted in status.skipped, with the reason QueueFull."""

    expires: Annotated[
        Annotated[GoDuration, AfterValidator(long_enough)] | None,
        Field(json_schema_extra=validations(LONG_ENOUGH_TO_WAIT)),
    ] = None
    """How long a run may wait, as a Go duration of at least "1s", for example "1h". Then it is dropped and counted in
    status.skipped, with the reason QueueExpired. Without it, a run waits until it may begin."""

    order: QueueOrder = QueueOrder.OLDEST
    """Which run begins first: the "oldest" or the "newest"."""

    @property
    def patience(self) -> timedelta | None:
        """How long a run may wait; None: without end."""
        return None if self.expires is None else timedelta(microseconds=go_duration(self.expires) / 1000)


class RetryBackoff(WireModel):
    """How long to wait between a failed attempt and the next one."""

    model_config = ConfigDict(json_schema_extra=validations(BACKOFF_GROWS))

    initial: GoDuration = "1s"
    """Wait before the second attempt, as a Go duration: a number with a unit (ms, s, m, h), for example "1s", "1m30s"
    or "0s" for none."""

    factor: Annotated[int, Field(ge=1, le=100)] = 2
    """Each further attempt multiplies the wait by this factor: with initial "1s" and factor 2 the waits are 1, 2, 4,
    8 … seconds. 1 keeps it constant."""

    max: GoDuration = "60s"
    """Upper limit of the wait, as a Go duration. It must not be shorter than initial."""

    @property
    def initial_seconds(self) -> float:
        """Wait before the second attempt, in seconds."""
        return go_duration(self.initial) / NANOSECONDS

    @property
    def max_seconds(self) -> float:
        """Upper limit of every wait, in seconds."""
        return go_duration(self.max) / NANOSECONDS


class JobTemplate(WireModel):
    """The part of a batch/v1 Job that is merged over the Job that the executor builds."""

    metadata: Mapping[str, Any] = Field(default_factory=_none, max_length=16)
    """Labels and annotations for the Job, as in the metadata of a batch/v1 Job. The operator sets name, namespace and
    owner; they cannot be overridden, nor can labels and annotations under dkron.io/."""

    spec: Mapping[str, Any] = Field(default_factory=_none, max_length=64)
    """Any part of the spec of a batch/v1 Job, for example activeDeadlineSeconds, podFailurePolicy or
    template.spec.serviceAccountName. Containers merge by name; the one that the executor builds is called "job". See
    `kubectl explain job.spec`."""


class History(WireModel):
    """How much of the job's history is kept."""

    executions: Annotated[int, Field(ge=1, le=100)] = 20
    """How many finished executions status.executions keeps, newest first."""

    successful_jobs: Annotated[int, Field(ge=0, le=100)] = 3
    """How many succeeded Jobs are kept, with their pods and logs. Older ones are deleted."""

    failed_jobs: Annotated[int, Field(ge=0, le=100)] = 1
    """How many failed Jobs are kept, with their pods and logs. Older ones are deleted."""

    runs: Annotated[int, Field(ge=0, le=100)] = 20
    """How many finished DkronRuns of the job are kept. Older ones are deleted; their executions stay."""

    output_bytes: Annotated[int, Field(ge=0, le=16384)] = 1024
    """How many bytes from the end of the output are kept with each execution. 0 keeps none. All outputs of a job
    together are limited to 16 KiB; the oldest are dropped first."""

    archived_output_bytes: Annotated[int, Field(ge=0, le=16 * 1024 * 1024)] = 1024 * 1024
    """How many bytes from the end of the output the archive keeps with each execution, if the operator has one. 0 keeps
    none."""


class JobSpec(WireModel):
    """What to run, when and where."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            SCHEDULE_OR_PARENT, PARENT_OR_DEPENDS_ON, STARTS_BEFORE_IT_EXPIRES, FREE_FORM_FITS, *RULES
        )
    )

    name: DkronName | None = None
    """The name of the job in the Dkron API, if it differs from metadata.name. Lower-case letters of any script,
    digits, "_" and "-". It is immutable. The Dkron API sets it for jobs whose name is not a legal object name (a_b,
    ñandú, very long ones)."""

    display_name: Annotated[str, Field(max_length=512)] = ""
    """A title for people. Search and lists show it; it has no other effect."""

    owner: Annotated[str, Field(max_length=256)] = ""
    """The owner of the job: free text."""

    owner_email: Annotated[str, Field(max_length=320)] = ""
    """How to reach the owner. The address is not validated. Notifications by mail go to it."""

    schedule: Annotated[str, Field(max_length=1024)] = ""
    """When the job runs. Required unless parentJob or dependsOn is set, and without effect if one is. Either six
    fields or a descriptor.

    Six fields, separated by spaces: second (0-59), minute (0-59), hour (0-23), day of month (1-31), month (1-12 or
    jan-dec), day of week (0-6 or sun-sat, 0 is Sunday). Each is "*", a number, a range "1-5", a step "*/15" or
    "10-40/5", or a list of these "1,15,30-40". If both days are restricted, one that matches is enough. "~" stands
    for a number derived from the name of the job, so that many jobs do not start at the same instant.

    Descriptors: @yearly, @monthly, @weekly, @daily (or @midnight), @hourly, @minutely; @every 1h30m (a Go duration,
    whole seconds); @at 2026-01-01T00:00:00Z (once); @after 2026-01-01T00:00:00Z <PT2H (once, or immediately if the
    operator notices it at most two hours late); @manually (only on request).

    Examples: "0 30 2 * * *" at 02:30:00 every day; "*/10 * * * * *" every ten seconds; "0 0 9 * * mon-fri" at nine on
    weekdays; "0 0 ~ * * *" once a day at an hour of its own.

    The fields and the descriptors @yearly to @minutely are read in spec.timezone; a prefix "TZ=Europe/Madrid " before
    the fields takes precedence. If the operator cannot read a schedule, the condition Ready has the reason
    InvalidSchedule."""

    timezone: Annotated[str, Field(max_length=64)] = ""
    """The time zone of the schedule as an IANA name, for example "Europe/Madrid". Empty means UTC. A local time that
    a clock change skips does not run that day; one that it repeats runs twice."""

    disabled: bool = False
    """If true, the job does not run by schedule or after a parent. Active attempts continue."""

    concurrency: ConcurrencyOrNone = Concurrency.ALLOW
    """What to do at a slot while an earlier run is active. "allow" starts another run; "forbid" skips the slot and
    records that in status.skipped; "replace" deletes the running Jobs and starts a new run; "queue" has the new run
    wait until no other is active, see spec.queue. Empty means "allow"."""

    queue: Queue = Queue()
    """The line in which runs wait, with concurrency "queue" or with pools."""

    queue_name: QueueName = ""
    """A LocalQueue of Kueue in the same namespace. Each Job of the job is created suspended, with the label
    kueue.x-k8s.io/queue-name, and begins when Kueue admits it. The label in jobTemplate.metadata.labels has the same
    effect; this field takes precedence. Empty means that Kubernetes starts the Jobs at once."""

    pools: Annotated[tuple[PoolName, ...], Field(max_length=MAX_POOLS, json_schema_extra=LIST_IS_SET)] = ()
    """The names of DkronPools: each run takes a place in all of them, and waits in line until all have one. A pool is
    in the namespace of the job; else it is the one of that name in the operator's namespace that serves this namespace.
    If one of them does not exist, every run waits, and the condition Ready says so."""

    priority: Priority = 0
    """Runs of the job with the highest priority get the next place in a pool with order "priority"."""

    retries: Annotated[int, Field(ge=0, le=UINT32_MAX)] = 0
    """How many further attempts a failed run gets. Each attempt is a Job and an execution of its own. If tags pin an
    attempt to a node, its retries stay on that node."""

    retry_backoff: RetryBackoff = RetryBackoff()
    """How long to wait between a failed attempt and the next one."""

    parent_job: NameOrNone = ""
    """The Dkron name of a job in the same namespace. This job then runs after each successful run of that job,
    instead of on a schedule. Chains must not form a cycle. Short for dependsOn with that one job."""

    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=MAX_PARENTS, json_schema_extra=LIST_BY_JOB)] = ()
    """The jobs in the same namespace after which this one runs, instead of on a schedule. With one parent, it runs
    once for each run of the parent that counts. With several, it runs each time all of them have had a run that counts
    since this job last ran after them. Chains must not form a cycle. Cannot be combined with parentJob."""

    tags: dict[str, TagValue] = Field(default_factory=_none, max_length=32, json_schema_extra=keys_at_most(317))
    """Selects the nodes that run the job, by their labels: "value" or "value:count"; all tags must match. A key
    without "/" matches the label of that name and the one under dkron.io/. Without tags, the job runs once, on a node
    that Kubernetes chooses. Without a count, one Job runs on every ready node that matches; with a count, that many
    Jobs run on different nodes. If several tags have a count, the smallest applies. If no node matches, the slot is
    skipped."""

    metadata: Mapping[str, Text] = Field(default_factory=_none, max_length=256, json_schema_extra=keys_at_most(256))
    """Free-form key-value pairs by which the API can filter jobs. They have no other effect."""

    executor: Annotated[str, Field(max_length=63)] = "shell"
    """What runs the job: shell, docker, http, grpc, kafka, nats, rabbitmq or gcppubsub as in Dkron, or kubernetes,
    which runs the Job in jobTemplate."""

    executor_config: Mapping[str, ConfigValue] = Field(
        default_factory=_none, max_length=64, json_schema_extra=keys_at_most(256)
    )
    """The settings of the executor; for shell: command (required), image, shell, env, cwd, timeout, mem_limit, su,
    payload. All values are strings: write "true" and "10" with quotes. A value "secretRef:<secret>/<key>" comes from
    a Secret in the same namespace; only the container reads it. docs/executors.md lists the keys of all executors."""

    parameters: Annotated[tuple[Parameter, ...], Field(max_length=MAX_PARAMETERS, json_schema_extra=LIST_BY_NAME)] = ()
    """The values that each run may be given, by a DkronRun, the REST API or dkronctl; runs by schedule and after a
    parent use the defaults."""

    processors: Mapping[str, ProcessorConfig] = Field(
        default_factory=_none, max_length=16, json_schema_extra=keys_at_most(63)
    )
    """What happens to the output of an execution: maps the name of a processor to its settings, all strings.
    Processors are log, files, syslog, fluent, email, slack and elasticsearch, for example {"log": {"forward":
    "true"}}. With log, files, syslog, fluent and elasticsearch, status keeps the output as well only if forward is
    "true". The DkronCluster configures where they send it."""

    ephemeral: bool = False
    """If true, the job is deleted after its first successful run, once the jobs that depend on it have started and it
    has no active attempts. Its Jobs are deleted with it."""

    starts_at: Annotated[Instant | None, Field(json_schema_extra=validations(COMMON_YEAR))] = None
    """No run by schedule or parent before this time. A run exactly at this time happens. Runs on request ignore it."""

    expires_at: Annotated[Instant | None, Field(json_schema_extra=validations(COMMON_YEAR))] = None
    """No run by schedule or parent after this time. A run exactly at this time happens. Runs on request ignore it.
    The job itself stays. Must be later than startsAt."""

    missed_runs: MissedRuns = MissedRuns.LATEST
    """What to do with slots that passed while no operator could fire them. "latest" runs the newest one once, "skip"
    runs none, "all" runs each one in order. Slots that do not run are counted in status.skipped."""

    starting_deadline_seconds: Annotated[int, Field(ge=1, le=INT32_MAX)] | None = None
    """A slot that cannot be started within this many seconds is dropped and counted in status.skipped. Without it, a
    slot has no deadline."""

    job_template: JobTemplate = JobTemplate()
    """A partial batch/v1 Job that is merged over the one that the executor builds: resources, service account,
    tolerations, podFailurePolicy, labels and so on. Its pods meet the Pod Security Standard restricted, and run as user
    65532 without a token, where this does not say otherwise; securityContext.runAsNonRoot: false lets them run as their
    images say. executorConfig, jobTemplate, metadata, parameters, processors and tags have at most 64 KiB as JSON in
    sum, together with the labels: put long scripts into a ConfigMap, and mount it."""

    history: History = History()
    """How many executions, Jobs and bytes of output are kept."""

    unchecked: bool = False
    """If true, the API server does not check the form of schedule, timezone and tags, nor what executor and processors
    require. The operator reports by the condition Ready what is wrong, and does not run the job. The REST API sets it
    for jobs that lack a setting, because Dkron accepts them. It has no other effect."""

    @property
    def parents(self) -> tuple[Dependency, ...]:
        """The jobs after which this one runs, from dependsOn or parentJob."""
        return self.depends_on or ((Dependency(job=self.parent_job),) if self.parent_job else ())

    @property
    def fingerprint(self) -> str:
        """Hash of the fields that decide when the job is due, for comparison with `status.fingerprint`."""
        starts = "" if self.starts_at is None else rfc3339(self.starts_at)
        parents = sorted(f"{parent.job} {parent.when}" for parent in self.parents)
        text = "\n".join((self.schedule, self.timezone, str(self.disabled), starts, *parents))
        return sha256(text.encode()).hexdigest()[:16]
