"""A plan in the making: what to write, what to do, and when to plan again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from dkron_crds.job import Attempt, AttemptState, Concurrency, JobStatus, QueueOrder, SkipReason, Trigger
from dkron_operator.plan.actions import Action, CreateJob, Effect, Enqueue, Report, Severity
from dkron_operator.plan.decide import MOST_ACTIVE, Fire, Skip
from dkron_operator.plan.job.placement import ONE_MEMBER, Member, members, shortage
from dkron_operator.plan.situation.cause import Cause, RunKey, cause_of
from dkron_operator.plan.situation.pauses import ActivePause, hold_by
from dkron_operator.plan.situation.pools import MOST_WAITING, NO_POOLS, Places
from dkron_operator.plan.situation.view import AttemptJob, Situation
from dkron_operator.plan.status.changes import Change, Dropped, Enqueued, Mark, Started
from dkron_operator.plan.status.facts import Shown
from dkron_operator.plan.status.fold import fold, is_recorded
from dkron_operator.plan.status.line import DroppedFromLine, line_of, queued
from dkron_pods.inline import is_inline

A = TypeVar("A", bound=Action)
MOST_BESIDE = 100
"""How many runs that overrule the line of their job may wait for places."""
NEWER_RUN = "a newer run has begun"
"""Why a retry is not made with concurrency `replace`."""


@dataclass(frozen=True, slots=True)
class Line:
    """The line of a job while `active` of its status is this one. It is the same for all claims in it."""

    active: tuple[Attempt, ...]
    turns: tuple[RunKey, ...]
    """The runs that wait for the job itself, in the order in which they begin."""
    blocked: bool
    """Another attempt of the job is active."""


@dataclass(slots=True)
class Plan:
    """What to do in this situation. `status` already shows the changes, so a later step sees an earlier one's."""

    situation: Situation
    status: JobStatus = field(init=False)
    hold: ActivePause | None = field(init=False)
    """The pauses that hold the job now; None if none does."""
    changes: list[Change] = field(default_factory=list)
    """Changes of the status, in order."""
    actions: list[Action] = field(default_factory=list)
    """What to do besides, in order."""
    create: CreateJob | None = None
    """The Job to create: one at most, and the next plan goes on from there."""
    crowded: bool = False
    """The status has no room to show another ended run to dependent jobs."""
    throttled: bool = False
    """A Job or a request waits for the budget of the namespace."""
    refuses: bool = False
    """A request is refused, which the budget of the namespace pays for as well."""
    ready: list[Attempt] = field(default_factory=list)
    """The runs in line, by their claims, that could begin but for a place in a pool."""
    refused: list[Attempt] = field(default_factory=list)
    """The claims whose Jobs could be created but for a ResourceQuota."""
    line: Line | None = None
    """The line of the job, as it was last computed."""
    made_room: bool = False
    """The refusals that the status holds were compared with the requests that stand."""
    next_slot: datetime | None = None
    """The next slot to come; None if there is none, or if a pause holds the job with no known end."""
    wake: datetime | None = None
    """When to plan again, at the latest."""

    def __post_init__(self) -> None:
        self.status = self.situation.status
        self.hold = hold_by(self.situation.pauses or (), self.situation.now)

    @property
    def places(self) -> Places:
        """The places of the job in its pools. Nothing is planned before they are known."""
        return self.situation.places or NO_POOLS

    @property
    def may_lack_room(self) -> bool:
        """Whether runs may wait in line that no other run of the job is in the way of."""
        return self.places.needed or self.situation.quota.closed

    @property
    def acts(self) -> bool:
        """Whether the plan changes anything outside this process."""
        return bool(self.changes or self.create) or any(isinstance(action, Effect) for action in self.actions)

    @property
    def spends(self) -> bool:
        """Whether the budget of the namespace pays for it. A create that got no answer was paid for, and a call without
        a pod is bounded elsewhere."""
        if self.refuses:
            return True
        create = self.create
        return create is not None and not (create.late or create.call or self.situation.unconfirmed_create)

    def start(self, create: CreateJob | Enqueue) -> bool:
        """Have the run wait in line, or create this Job, unless the budget of the namespace has it wait. Returns
        whether the run is decided."""
        if isinstance(create, Enqueue):
            self.record(create.change)
            # The steps that look at the line come first, and nothing else may ever plan this job again.
            self.wake_at(self.situation.now)
            return True
        if not (create.late or is_inline(self.situation.job.spec)) and self.waits():
            return False
        self.create = create
        return True

    def waits(self) -> bool:
        """Whether the budget of the namespace has all that it pays for wait; if so, plan again when it does not."""
        until = self.situation.throttled_until
        if until is None or until <= self.situation.now:
            return False
        self.throttled = True
        self.wake_at(until)
        return True

    def do(self, action: Action) -> None:
        """Have this done."""
        self.actions.append(action)

    def actions_of(self, kind: type[A]) -> list[A]:
        """The actions of this kind."""
        return [action for action in self.actions if isinstance(action, kind)]

    def wants(self, *kinds: type[Action]) -> bool:
        """Whether it has an action of one of these kinds."""
        return any(isinstance(action, kinds) for action in self.actions)

    def record(self, change: Change) -> None:
        """Fold the change into the status, if it makes a difference."""
        changed, _ = fold(self.status, (change,), self.situation.job.spec.history)
        if changed is not self.status and changed != self.status:
            self.status = changed
            self.changes.append(change)

    def record_started(self, entries: Iterable[Attempt]) -> None:
        """Fold the attempts that the status does not know into it, all at once: there may be thousands."""
        self.status, facts = fold(self.status, map(Started, entries), self.situation.job.spec.history)
        self.changes += [Started(fact.attempt) for fact in facts if isinstance(fact, Shown)]

    def warn(self, reason: str, message: str, subject: str = "") -> None:
        """Report a Warning Event."""
        self.do(Report(Severity.WARNING, reason, message, subject))

    def report(self, reason: str, message: str, subject: str = "") -> None:
        """Report a Normal Event."""
        self.do(Report(Severity.NORMAL, reason, message, subject))

    def wake_at(self, when: datetime) -> None:
        """Plan again at this time or earlier."""
        self.wake = when if self.wake is None else min(self.wake, when)


def creation(plan: Plan, entry: Attempt, decision: Fire, mark: tuple[Mark, ...] = ()) -> CreateJob | Enqueue | Skip:
    """How the first attempts of a trigger are created under the job's concurrency policy and tags: at once, after a
    claim, or when their turn in line comes. `entry` stands for the trigger; the members of its group are decided here,
    once."""
    placed = _placed(plan, decision)
    if isinstance(placed, Skip):
        return placed
    if decision.queue or not plan.places.free or plan.situation.quota.closed:
        return _queued(plan, [_of_member(plan, entry, member) for member in placed], mark)
    # Without a claim, another process would not see who has the place.
    if placed == (ONE_MEMBER,) and not decision.claim and not plan.places.needed:
        return CreateJob(entry, after=mark)
    entries = [_of_member(plan, entry, member) for member in placed]
    claims = tuple(Started(claim) for claim in entries)
    if not decision.replace:
        return CreateJob(entries[0], before=(*mark, *claims))
    running = tuple(
        attempt
        for attempt in plan.situation.attempts.values()
        if not (attempt.finished or attempt.gone) and _yields(attempt)
    )
    waiting = [other for other in plan.status.active if other.is_claim and _yields(other)]
    dropped: tuple[Change, ...] = (
        *(dropped_from_line(plan, entries, SkipReason.REPLACED) for entries in line_of(waiting)),
        *(Dropped(other.job) for other in waiting if other.state is AttemptState.CLAIMED),
    )
    reports = tuple(cancelled(other, NEWER_RUN) for other in waiting if other.attempt > 1)
    return CreateJob(entries[0], before=(*mark, *dropped, *claims), replaces=running, reports=reports)


def _queued(plan: Plan, entries: list[Attempt], mark: tuple[Mark, ...]) -> Enqueue | Skip:
    spec, queue, now = plan.situation.job.spec, plan.situation.job.spec.queue, plan.situation.now
    beside = overrules_line(plan, entries[0])
    waiting = [run for run in line_of(plan.status.active) if overrules_line(plan, run[0]) is beside]
    if plan.places.crowded:
        return Skip(SkipReason.QUEUE_FULL, f"{MOST_WAITING} runs of the namespace wait for places in pools already")
    if beside and len(waiting) >= MOST_BESIDE:
        return Skip(SkipReason.QUEUE_FULL, f"{MOST_BESIDE} forced runs and runs of backfills wait already")
    keeps = queue.order is QueueOrder.OLDEST and spec.concurrency is not Concurrency.REPLACE
    if keeps and not beside and len(waiting) >= queue.max:
        runs = "1 run waits" if queue.max == 1 else f"{queue.max} runs wait"
        return Skip(SkipReason.QUEUE_FULL, f"{runs} in line, as spec.queue.max allows")
    return Enqueue(Enqueued(tuple(queued(entry, now) for entry in entries), mark, _without_member(plan, entries[0])))


def dropped_from_line(plan: Plan, entries: tuple[Attempt, ...], reason: SkipReason) -> DroppedFromLine:
    """The change by which a run leaves the line, and will not begin."""
    return DroppedFromLine(entries, reason, _without_member(plan, entries[0]))


def _without_member(plan: Plan, entry: Attempt) -> str:
    """The name that the Job of this entry would have if the run had one member."""
    job, cause = plan.situation.job, replace(cause_of(entry), member="")
    return cause.job_name(uid=job.uid, name=job.name)


def overrules_line(plan: Plan, entry: Attempt) -> bool:
    """Whether the job's own line does not hold for this run: it is of a backfill, or forced."""
    run = plan.situation.runs.by_group(entry.group)
    return entry.trigger is Trigger.BACKFILL or (run is not None and run.force)


def cancelled(retry: Attempt, why: str) -> Report:
    """The report that a retry is not made."""
    return Report(Severity.WARNING, "RetryCancelled", f"attempt {retry.attempt} is cancelled: {why}", subject=retry.job)


def _yields(attempt: Attempt | AttemptJob) -> bool:
    """Whether it makes way for a newer run. A backfill runs beside others, whatever the concurrency."""
    return attempt.trigger is not Trigger.BACKFILL


def _placed(plan: Plan, decision: Fire) -> tuple[Member, ...] | Skip:
    tags, nodes = plan.situation.job.spec.tags, plan.situation.nodes or {}
    placed = members(tags, nodes.values())
    if isinstance(placed, Skip):
        return placed
    if (0 if decision.replace else busy(plan)) + len(placed) > MOST_ACTIVE:
        return Skip(SkipReason.TOO_MANY_ACTIVE, f"{len(placed)} more would exceed {MOST_ACTIVE} active attempts")
    if tags and (lacking := shortage(tags, len(placed))):
        plan.warn("FewerNodes", lacking)
    return placed


def _of_member(plan: Plan, entry: Attempt, member: Member) -> Attempt:
    job = plan.situation.job
    cause, given = replace(cause_of(entry), member=member.name), entry.parameters_given
    return cause.entry(uid=job.uid, name=job.name, at=entry.started_at, node=member.node, given=given)


def has_begun(plan: Plan, cause: Cause) -> bool:
    """Whether any trace of this run exists: a Job, an execution, or an entry in the status."""
    job = plan.situation.job
    others = (plan.status.active, plan.status.executions, plan.situation.attempts.values())
    run = (cause.trigger, cause.group)
    if cause.trigger is Trigger.SCHEDULE and cause.slot in plan.status.ran_ahead:
        return True
    if any((other.trigger, other.group) == run for attempts in others for other in attempts):
        return True
    return is_recorded(plan.status, cause.job_name(uid=job.uid, name=job.name))


def begun_slots(plan: Plan) -> set[datetime]:
    """The slots that have a known attempt, or that ran ahead of time."""
    status = plan.status
    attempts = (status.active, status.executions, plan.situation.attempts.values())
    slots = {each.slot for of_kind in attempts for each in of_kind if each.trigger is Trigger.SCHEDULE}
    return slots | {*status.ran_ahead}


def busy(plan: Plan) -> int:
    """How many attempts block another run: those that run or wait. Attempts that have ended for good and only need
    recording do not count."""
    return sum(not is_over_for_good(plan, entry) for entry in plan.status.active)


def is_over_for_good(plan: Plan, entry: Attempt) -> bool:
    """Whether the attempt has ended, needs only recording, and no retry follows."""
    attempt = plan.situation.attempts.get(entry.job)
    if attempt is None or not attempt.finished:
        return False
    return attempt.state is AttemptState.SUCCEEDED or entry.attempt > plan.situation.job.spec.retries
