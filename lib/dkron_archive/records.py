"""The records of the archive, and the questions to it: plain data, with times in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How an execution ended. It filters lists."""

    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobKey:
    """A DkronJob: its namespace, its name in the Dkron API, and its uid. A new object of this name has another.

    `created` is when it was created: a namespace that was created later sees nothing of it. None in what is read.
    """

    namespace: str
    name: str
    uid: str
    created: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ArchivedExecution:
    """The record of an attempt. `id` is the execution id of the REST API, and `attempt_job` the Kubernetes Job, which
    names an attempt of a job for good: the key of a record is (uid of the job, attempt_job). The id ends in that name
    (`dkron_crds.attempt_names`), by which it is found.

    `created_at` is the creation of the Kubernetes Job: the lateness is the time from the slot to it, and the queue time
    the time from it to `started_at`. Of a run that waited in line, `queued_at` takes its place in both. None where it
    is not known. `parameters` never hold a value from a Secret.
    """

    job: JobKey
    id: str
    attempt_job: str
    group: int
    attempt: int
    trigger: str
    slot: datetime
    started_at: datetime
    finished_at: datetime
    success: bool
    created_at: datetime | None = None
    queued_at: datetime | None = None
    """Since when its run waited in line, which is not lateness; None if it did not wait."""
    member: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    node_name: str = ""
    cause: str = ""
    """Who or what asked for it: the requester, the parent's name, the backfill; empty for a slot of the schedule."""
    revision: str = ""
    """The hash of the spec that it ran with; see `Revision`."""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchivedOutput:
    """The end of what an attempt wrote, as it wrote it. `truncated`: there was more before it."""

    content: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to write, with its output if there is one."""

    execution: ArchivedExecution
    output: ArchivedOutput | None = None


@dataclass(frozen=True, slots=True)
class SkippedSlots:
    """Slots of a schedule that did not run, from the first to the last, for one reason. The key is (uid, last)."""

    job: JobKey
    first: datetime
    last: datetime
    count: int
    reason: str
    message: str = ""
    at: datetime | None = None
    """When it was decided."""


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """A time in which jobs were paused. The key is (namespace, name, begin)."""

    namespace: str
    name: str
    """The DkronPause, or the job if it paused itself."""
    begin: datetime
    end: datetime | None
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """An accepted spec. The spec of a hash is stored once; the key is (uid of the job, generation)."""

    job: JobKey
    hash: str
    generation: int
    at: datetime
    by: str = ""
    spec: Mapping[str, Any] | None = None
    """None in lists."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after which a page begins: the sort key of the last record before it."""

    finished_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which executions, newest first unless `ascending`. None stands for all.

    `jobs` are names in the Dkron API: a caller finds only what it may read. `begin` is inclusive, `end` exclusive, both
    of `finished_at`. `text` is searched in the output, exactly, within the other filters. `limit` is 1 to 1,000.
    """

    namespace: str
    jobs: frozenset[str] | None = None
    state: State | None = None
    triggers: frozenset[str] | None = None
    begin: datetime | None = None
    end: datetime | None = None
    text: str = ""
    running_at: datetime | None = None
    """Only executions that had started and had not ended at this moment."""
    since: datetime | None = None
    """Only of jobs that were created then or later; see `Archive.since`."""
    after: Cursor | None = None
    ascending: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some executions, and where the next page begins; None if this is the last. `complete` is False if a search in
    outputs ended early because its budget was used up: the next page goes on from there."""

    executions: tuple[ArchivedExecution, ...]
    next: Cursor | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Bucket:
    """Counts of executions that ended in a step of time, and of slots that did not run."""

    begin: datetime
    success: int
    failed: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Durations:
    """Percentiles of the durations of successful executions that ended on a day (UTC), in seconds."""

    day: datetime
    count: int
    p50: float
    p90: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits of the kept records: the age, the executions of each job, and the bytes, in all and of each namespace.
    None is no limit."""

    days: int | None = 365
    executions_per_job: int | None = 10_000
    bytes_in_all: int | None = None
    bytes_per_namespace: int | None = None


@dataclass(frozen=True, slots=True)
class Evicted:
    """How many executions of a namespace went because of their bytes, and the uid of the job that had most of them."""

    executions: int
    job_uid: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many executions went, and which of them because of their bytes, by namespace."""

    gone: int = 0
    evicted: Mapping[str, Evicted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the archive, for metrics and `dkronctl doctor`."""

    executions: int
    size: int
    """Bytes."""
    oldest: datetime | None
