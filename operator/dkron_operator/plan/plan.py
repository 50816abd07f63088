"""A plan in the making: what to write, what to do, and when to plan again."""

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
    """A Kubernetes Event on the DkronJob."""

    severity: Severity
    reason: str
    message: str
    subject: str = ""
    """The Job or request that it is about; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create the Job of this entry."""

    entry: Active
    before: tuple[Change, ...] = ()
    """The claim: changes that the API server has to accept first."""

    after: tuple[Change, ...] = ()
    """Changes to note once the Job exists."""

    replaces: tuple[AttemptJob, ...] = ()
    """Jobs to delete between the claim and the create."""

    late: bool = False
    """The Job is not wanted any more, for example because its start deadline is over: only check whether it exists."""

    otherwise: tuple[Change, ...] = ()
    """Changes to note if a late Job does not exist."""

    call: bool = False
    """There is no Job: the operator makes an inline call instead."""

    cancels: tuple[str, ...] = ()
    """Inline calls to cancel first, by the names of their attempts."""


@dataclass(slots=True)
class Plan:
    """What to do in this situation. The fields are filled step by step."""

    situation: Situation
    status: JobStatus = field(init=False)
    """The status with all changes so far, so a later step sees the changes of an earlier one."""

    changes: list[Change] = field(default_factory=list)
    create: Create | None = None
    forget: list[str] = field(default_factory=list)
    """Ids of run requests that are dealt with: their annotations can go."""

    answered: list[str] = field(default_factory=list)
    """Keys of other annotations that are dealt with."""

    settle: bool = False
    """Write the status now, and plan again once it is written."""

    accept: bool = False
    """Write the status now, annotate the DkronJob as accepted, and plan again. Nothing that is due is decided before
    that."""

    stop: list[AttemptJob] = field(default_factory=list)
    """Jobs to stop: the operator reads the last output of their pods and deletes them."""

    call: list[Active] = field(default_factory=list)
    """Claimed inline calls that have not begun."""

    cancel: list[str] = field(default_factory=list)
    """Inline calls under way to cancel, by the names of their attempts."""

    gather: list[str] = field(default_factory=list)
    """Names of the Jobs whose outcome is to be read."""

    probe: list[str] = field(default_factory=list)
    """Names of the Jobs whose pods are to be asked why they do not start."""

    delete: list[AttemptJob] = field(default_factory=list)
    """Jobs to delete in clean-up."""

    reports: list[Report] = field(default_factory=list)
    check: bool = False
    """Make a dry run of the Job at the API server."""

    remove: bool = False
    """Delete the DkronJob itself, unless another client has written to it since."""

    crowded: bool = False
    """The status has no room to show another ended run to dependent jobs."""

    wake: datetime | None = None
    """When to plan again; None if no time is known."""

    def __post_init__(self) -> None:
        self.status = self.situation.status

    @property
    def acts(self) -> bool:
        """Whether the plan changes anything outside this process."""
        written = (
            self.changes or self.create or self.settle or self.accept or self.remove or self.forget or self.answered
        )
        return bool(written or self.stop or self.delete or self.call or self.cancel)

    def note(self, change: Change) -> None:
        """Fold the change into the status, if it makes a difference."""
        changed = fold(self.status, change, self.situation.job.spec.history)
        if changed is not self.status and changed != self.status:
            self.status = changed
            self.changes.append(change)

    def warn(self, reason: str, message: str, subject: str = "") -> None:
        """Report a Warning Event."""
        self.reports.append(Report(Severity.WARNING, reason, message, subject))

    def tell(self, reason: str, message: str, subject: str = "") -> None:
        """Report a Normal Event."""
        self.reports.append(Report(Severity.NORMAL, reason, message, subject))

    def wake_at(self, when: datetime) -> None:
        """Plan again at this time or earlier."""
        self.wake = when if self.wake is None else min(self.wake, when)


def creation(plan: Plan, entry: Active, decision: Fire, mark: tuple[Change, ...] = ()) -> Create | Skip:
    """How the first attempts of a trigger are created under the job's concurrency policy and tags: at once, or after a
    claim. `entry` stands for the trigger; the members of its group are decided here, once."""
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
    """Whether any trace of this run exists: a Job, an execution, or an entry in the status."""
    job = plan.situation.job
    others = (plan.status.active, plan.status.executions, plan.situation.runs.values())
    run = (cause.trigger, cause.group)
    if cause.trigger is Trigger.SCHEDULE and cause.slot in plan.status.ran_ahead:
        return True
    if any((other.trigger, other.group) == run for attempts in others for other in attempts):
        return True
    return is_recorded(plan.status, cause.job_name(uid=job.uid, name=job.name))


def begun_slots(plan: Plan) -> set[datetime]:
    """The slots that have a known attempt, or that ran ahead of time."""
    status = plan.status
    attempts = (status.active, status.executions, plan.situation.runs.values())
    slots = {each.slot for of_kind in attempts for each in of_kind if each.trigger is Trigger.SCHEDULE}
    return slots | {*status.ran_ahead}


def busy(plan: Plan) -> int:
    """How many attempts block another run: those that run or wait. Attempts that have ended for good and only need
    recording do not count."""
    return sum(not _over(plan, entry) for entry in plan.status.active)


def _over(plan: Plan, entry: Active) -> bool:
    run = plan.situation.runs.get(entry.job)
    if run is None or not run.finished:
        return False
    return run.state is AttemptState.SUCCEEDED or entry.attempt > plan.situation.job.spec.retries
