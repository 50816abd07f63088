"""What happened, as plain facts: what clients asked for, what a witness saw run, what was broken meanwhile, and what
the statuses said in the end. Nothing is judged yet.

A history is true only if its witness is: a pod that writes down itself, or a watch that no fault touches. The
contract's models read specs and statuses; the operator's code is not used.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from dkron_crds.backfill import BackfillSpec, BackfillStatus, BackfillTarget
from dkron_crds.base import Instant, rfc3339
from dkron_crds.job import JobSpec, JobStatus, Trigger
from dkron_crds.pool import PoolOrder
from dkron_crds.run import RunSpec, RunStatus

Second = timedelta(seconds=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class Act(StrEnum):
    """The operations of clients. `wipe` is a status cleared by hand, or by `DELETE …/executions`."""

    CREATE = "create"
    EDIT = "edit"
    DISABLE = "disable"
    ENABLE = "enable"
    DELETE = "delete"
    RUN = "run"
    STOP = "stop"
    WIPE = "wipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that a client asked for. Without an answer it is unknown whether, or when, it was done.

    `spec` is the whole spec after a create or an edit; after a disable or an enable it may be told. Of a create, `uid`
    and `created` are the answer's metadata. Of a run, `at` is the time that its annotation says, if the client knows
    it. `hits` is the Job of a stop. `labels` belong to a create, each as key=value.
    """

    act: Act
    job: str
    invoked: Instant
    answered: Instant | None = None
    refused: bool = False
    uid: str = ""
    created: Instant | None = None
    spec: JobSpec | None = None
    at: Instant | None = None
    force: bool = False
    hits: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt, as the witness saw it. `uid` is the DkronJob's, `name` the Job's.

    `created` is when the Job appeared, `start` and `end` are the pod's own; a Job whose pod never began has no `start`.
    `over` is when Kubernetes told that the Job was over, or that it was gone, if that was not at once: before that
    no operator could act on its end. `asked` is the name of the DkronRun that the Job is for.
    """

    job: str
    uid: str
    name: str
    slot: Instant
    trigger: Trigger = Trigger.SCHEDULE
    group: int = 0
    attempt: int = 1
    member: str = ""
    created: Instant | None = None
    start: Instant | None = None
    end: Instant | None = None
    over: Instant | None = None
    success: bool | None = None
    asked: str = ""

    def __str__(self) -> str:
        attempt = f", attempt {self.attempt}" if self.attempt > 1 else ""
        member = f", member {self.member}" if self.member else ""
        return f"Job {self.name or '?'} ({self.trigger} {rfc3339(self.slot)}{attempt}{member})"

    @property
    def began(self) -> datetime:
        """The first that was seen of it."""
        return self.created or self.start or self.slot

    @property
    def due(self) -> datetime:
        """When its trigger was: a DkronRun may stand for any slot, and the number of its run has the second in which it
        was created."""
        return datetime.fromtimestamp(self.group // 10**9, UTC) if self.asked else self.slot

    @property
    def of(self) -> tuple[str, Trigger, datetime, int]:
        """The group that it is an attempt of. A slot is one group, whatever number it is given."""
        return self.uid, self.trigger, self.slot, 0 if self.trigger is Trigger.SCHEDULE else self.group

    @property
    def cause(self) -> tuple[str, Trigger, datetime, int, int, str]:
        """What may have one Job only."""
        return *self.of, self.attempt, self.member


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A status, read when all was over. There is none of a job that is gone."""

    job: str
    uid: str
    read: Instant
    status: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """A `status.since` that was seen on the way: where a grid of `@every` begins."""

    job: str
    uid: str
    since: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A status from `at` on, as far as it accounts for slots: which schedule it had accepted and since when,
    the mark, how many it had counted as skipped, and which were claimed, so that their Jobs were still to be made.
    `deferred` are the stretches up to the mark, after the first and not after the second moment, whose slots wait for
    their turn."""

    job: str
    uid: str
    at: Instant
    since: Instant | None = None
    fingerprint: str = ""
    mark: Instant | None = None
    skipped: int = 0
    claims: tuple[Instant, ...] = ()
    deferred: tuple[tuple[Instant | None, Instant], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something was broken from `begin` to `end`; None: until the last read.

    `down`: no operator lived in between, so what came due was surely missed; a process that was only stopped for a
    while, or that the API server did not answer, is not `down`. `skew`: its clock was ahead by so much, or behind where
    it is negative. `hits` names the Jobs whose runs it may have cut off; "*" is any. `holds`: what was asked for in
    between may be done at its end, even if no client waits for it. `handover`: another operator that was ready took
    over, so what came due meanwhile was not missed. `recovery`: from its end until everything is in order
    again, if that is known better than the terms have it.
    """

    what: str
    begin: Instant
    end: Instant | None = None
    down: bool = False
    skew: timedelta = timedelta(0)
    hits: tuple[str, ...] = ()
    holds: bool = False
    handover: bool = False
    recovery: timedelta | None = None

    @property
    def is_mild(self) -> bool:
        """Whether it did something to a Job that hindered no operator: each that could see the Job saw its end."""
        return bool(self.hits) and self.recovery == timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A DkronPause held a job: it was made at `begin`, and deleted at `end`, or ended `by_itself` then. `drop`: what
    came due before its end does not run later. If these are the moments at which that was asked for, `made` and `gone`
    are those at which it was answered."""

    job: str
    begin: Instant
    end: Instant = FOREVER
    drop: bool = False
    by_itself: bool = False
    made: Instant | None = None
    gone: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A client created a DkronRun. Without an answer it is unknown whether that was done. `uid` and `created` are the
    answer's metadata. `fits`: whether the job takes its values. `cancelled` is when a client deleted it."""

    name: str
    invoked: Instant
    spec: RunSpec
    answered: Instant | None = None
    refused: bool = False
    uid: str = ""
    created: Instant | None = None
    fits: bool = True
    cancelled: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunObject:
    """A DkronRun as the witness saw it last, and when it saw it first. `backfill` is the name of the DkronBackfill that
    made it. `gone` is when it was deleted."""

    name: str
    uid: str
    seen: Instant
    created: Instant
    spec: RunSpec
    status: RunStatus = field(default_factory=RunStatus)
    backfill: str = ""
    gone: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """A client created a DkronBackfill."""

    name: str
    invoked: Instant
    spec: BackfillSpec
    answered: Instant | None = None
    refused: bool = False
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillObject:
    """A DkronBackfill as the witness saw it last. `decided` are the slots that its status has ever said will run, each
    time that they were others."""

    name: str
    uid: str
    status: BackfillStatus
    decided: tuple[tuple[BackfillTarget, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """A client suspended a DkronBackfill at `begin`, and resumed it at `end`; `made` and `gone` are when that was
    answered."""

    name: str
    begin: Instant
    made: Instant
    end: Instant = FOREVER
    gone: Instant = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A DkronPool that was there from before its jobs to the end, and that no client has edited. `most`: how many runs
    may hold a place at once, if that is not its size, as where several operators act, each by its own count.

    With `of`, it is the share of a namespace in the pool of this name: these are the jobs of the namespace."""

    name: str
    size: int
    order: PoolOrder = PoolOrder.FIFO
    most: int | None = None
    of: tuple[str, ...] = ()


OLD_LISTS = "old lists"
"""How a fault's `what` begins if lists showed what there had been a while before, as no API server does by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How exact the promise is taken.

    `read`: when the last look was taken; what could legally still come then is not judged. `lateness`: for a slot to be
    decided, an edit to be seen, an end to be recorded, while nothing is broken. `recovery`: from the end of a fault
    until that holds again, at most. `shown`: how much longer the status may take to show the beginning of a run, which
    its Job shows. `probe`: a job by whose slots it is measured how soon that holds again, after
    `settle` at the soonest; without one it is always taken to last as long as it may. `calm`: the share of the time in
    which slots came due that no fault may excuse, at least. `start`: from the Job to its pod. `behind`: how much longer
    a request may take than a slot, because slots go first. `longest`: for a run whose job has no record that could say
    that it goes on. `grain`: how exact the witness' clock is. `rivals`: several operators act at once. `complete`: no
    Job and no status has escaped the witness, so what it has not seen was not there. `overload`: how many times as long
    as these terms allow for everything took, on a machine that had too much to do; 1 if they do.
    """

    read: Instant
    lateness: timedelta = 5 * Second
    recovery: timedelta = 30 * Second
    settle: timedelta = timedelta(0)
    shown: timedelta = 6 * Second
    probe: str = ""
    calm: float = 0.0
    start: timedelta = 10 * Second
    behind: timedelta = timedelta(0)
    longest: timedelta = 60 * Second
    grain: timedelta = Second
    rivals: bool = False
    complete: bool = False
    overload: float = 1.0

    def patient(self) -> "Terms":
        """The terms that allow for the overload: no pace explains what is objected to under them."""
        by = self.overload
        return replace(
            self, lateness=by * self.lateness, recovery=by * self.recovery, shown=by * self.shown,
            start=by * self.start, behind=by * self.behind, longest=by * self.longest, calm=0.0, overload=1.0,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All facts. Their order says nothing."""

    terms: Terms
    operations: tuple[Operation, ...] = ()
    runs: tuple[Run, ...] = ()
    records: tuple[Record, ...] = ()
    sinces: tuple[Since, ...] = ()
    faults: tuple[Fault, ...] = field(default=())
    statuses: tuple[Seen, ...] = field(default=())
    pauses: tuple[Paused, ...] = field(default=())
    run_requests: tuple[RunRequest, ...] = field(default=())
    run_objects: tuple[RunObject, ...] = field(default=())
    backfill_requests: tuple[BackfillRequest, ...] = field(default=())
    backfill_objects: tuple[BackfillObject, ...] = field(default=())
    suspensions: tuple[Suspended, ...] = field(default=())
    pools: tuple[Pool, ...] = field(default=())
    quota: tuple[tuple[datetime, datetime], ...] = field(default=())
    """When a quota of the namespace was used up."""

    def with_runs(self, *runs: Run) -> "History":
        """The same, but these are all the runs."""
        return replace(self, runs=runs)
