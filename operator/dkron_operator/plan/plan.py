"""A plan while it is being made: what to write, what to do, and when to look again."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dkron_crds.job import Active, JobStatus, SkipReason, Trigger
from dkron_operator.plan.cause import Cause
from dkron_operator.plan.decide import MOST_ACTIVE, Fire, Skip
from dkron_operator.plan.fold import Change, Dropped, Started, fold, is_recorded
from dkron_operator.plan.placement import ALONE, Member, members, shortage
from dkron_operator.plan.view import AttemptJob, AttemptState, Situation


class Severity(StrEnum):
    """The type of a Kubernetes Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Report:
    """An Event for people, on the DkronJob. `subject` is the Job or request that it is about, if any."""

    severity: Severity
    reason: str
    message: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Create the Job of this entry.

    `before` is written and accepted by the API server first (a claim), `after` is noted once the Job exists.
    `replaces` are deleted in between. `late`: its deadline is over, so only look whether it exists already, and note
    `otherwise` if it does not. `call`: there is no Job, the operator makes a call of its own; `cancels` are those that
    it breaks off before.
    """

    entry: Active
    before: tuple[Change, ...] = ()
    after: tuple[Change, ...] = ()
    replaces: tuple[AttemptJob, ...] = ()
    late: bool = False
    otherwise: tuple[Change, ...] = ()
    call: bool = False
    cancels: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """What to do in this situation. `status` already shows the changes, so a later step sees an earlier one's.

    `forget` are requests for a run, `answered` other annotations, that have been dealt with. `settle`: write the status
    now, and plan again once it is written. `accept`: the same, and say in the annotation of the DkronJob that it is
    accepted; nothing that is due is decided before. `stop` are Jobs to delete after their last words, `delete` those to
    tidy up. `remove`: delete the DkronJob itself, if nobody has written to it since.
    `call` are claimed calls that have not begun, `cancel` those to break off. `crowded`: no more runs that have ended
    can be shown to dependent jobs.
    """

    situation: Situation
    status: JobStatus = field(init=False)
    changes: list[Change] = field(default_factory=list)
    create: Create | None = None
    forget: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    settle: bool = False
    accept: bool = False
    stop: list[AttemptJob] = field(default_factory=list)
    call: list[Active] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    gather: list[str] = field(default_factory=list)
    probe: list[str] = field(default_factory=list)
    delete: list[AttemptJob] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    check: bool = False
    remove: bool = False
    crowded: bool = False
    wake: datetime | None = None

    def __post_init__(self) -> None:
        self.status = self.situation.status

    @property
    def acts(self) -> bool:
        """Whether anything outside would be other than before."""
        written = (
            self.changes or self.create or self.settle or self.accept or self.remove or self.forget or self.answered
        )
        return bool(written or self.stop or self.delete or self.call or self.cancel)

    def note(self, change: Change) -> None:
        """Change the status, if the change makes a difference."""
        changed = fold(self.status, change, self.situation.job.spec.history)
        if changed is not self.status and changed != self.status:
            self.status = changed
            self.changes.append(change)

    def warn(self, reason: str, message: str, subject: str = "") -> None:
        """Tell people that something went wrong."""
        self.reports.append(Report(Severity.WARNING, reason, message, subject))

    def tell(self, reason: str, message: str, subject: str = "") -> None:
        """Tell people what happened."""
        self.reports.append(Report(Severity.NORMAL, reason, message, subject))

    def wake_at(self, when: datetime) -> None:
        """Look again at this time, or before."""
        self.wake = when if self.wake is None else min(self.wake, when)


def creation(plan: Plan, entry: Active, decision: Fire, mark: tuple[Change, ...] = ()) -> Create | Skip:
    """How the first attempts of a trigger come to be under the concurrency policy and the tags of the job: at once, or
    after a claim. `entry` stands for the trigger; what its members are is decided here, once."""
    placed = _placed(plan, decision)
    if isinstance(placed, Skip):
        return placed
    if placed == (ALONE,) and not decision.claim:
        return Create(entry, after=mark)
    entries = [_of_member(plan, entry, member) for member in placed]
    claims = tuple(Started(claim) for claim in entries)
    if not decision.replace:
        return Create(entries[0], before=(*mark, *claims))
    running = tuple(run for run in plan.situation.runs.values() if not run.finished and not run.gone)
    waiting = tuple(Dropped(other.job) for other in plan.status.active if not other.uid)
    return Create(entries[0], before=(*mark, *waiting, *claims), replaces=running)


def _placed(plan: Plan, decision: Fire) -> tuple[Member, ...] | Skip:
    tags, nodes = plan.situation.job.spec.tags, plan.situation.nodes or {}
    placed = members(tags, nodes.values())
    if isinstance(placed, Skip):
        return placed
    if (0 if decision.replace else busy(plan)) + len(placed) > MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE, f"with {len(placed)} more, over {MOST_ACTIVE} attempts would be active")
    if tags and (lacking := shortage(tags, len(placed))):
        plan.warn("FewerNodes", lacking)
    return placed


def _of_member(plan: Plan, entry: Active, member: Member) -> Active:
    job = plan.situation.job
    cause = Cause(entry.trigger, entry.slot, entry.group, entry.attempt, member.name)
    return cause.entry(uid=job.uid, name=job.name, at=entry.started_at, node=member.node)


def has_begun(plan: Plan, cause: Cause) -> bool:
    """Whether there is a trace of this run: a Job, an execution, or a line of it in the status."""
    job = plan.situation.job
    others = (plan.status.active, plan.status.executions, plan.situation.runs.values())
    run = (cause.trigger, cause.group)
    if cause.trigger is Trigger.SCHEDULE and cause.slot in plan.status.ran_ahead:
        return True
    if any((other.trigger, other.group) == run for attempts in others for other in attempts):
        return True
    return is_recorded(plan.status, cause.job_name(uid=job.uid, name=job.name))


def begun_slots(plan: Plan) -> set[datetime]:
    """The slots of which an attempt is known, or that have run ahead of time."""
    status = plan.status
    attempts = (status.active, status.executions, plan.situation.runs.values())
    slots = {each.slot for of_kind in attempts for each in of_kind if each.trigger is Trigger.SCHEDULE}
    return slots | {*status.ran_ahead}


def busy(plan: Plan) -> int:
    """How many attempts stand in the way of another run: those that run or wait, not those that have ended for good and
    are only still to be recorded."""
    return sum(not _over(plan, entry) for entry in plan.status.active)


def _over(plan: Plan, entry: Active) -> bool:
    run = plan.situation.runs.get(entry.job)
    if run is None or not run.finished:
        return False
    return run.state is AttemptState.SUCCEEDED or entry.attempt > plan.situation.job.spec.retries
