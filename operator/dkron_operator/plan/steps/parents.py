"""Runs after other jobs (Dkron behaviour §4.8, extended by several parents and by results other than success).

A parent shows each ended run until every job that depends on it has noted the run (see `upstream_runs`). This module
notes each run once, and runs the job when all of its parents have had a run that counts. One write holds both the claim
and the note that the parents' runs have had their effect, so each run has its effect exactly once, whatever crashes and
when.
"""

from dkron_crds.base import rfc3339
from dkron_crds.job import Consumed, Dependency, GroupStatus, Heard, MissedRuns, ReadyReason, SkipReason
from dkron_operator.plan.actions import AcceptJob
from dkron_operator.plan.decide import Decision, Skip, decide_dependent
from dkron_operator.plan.plan import Plan, busy, creation, has_begun
from dkron_operator.plan.situation.cause import following
from dkron_operator.plan.situation.dependencies import GroupKey, Parent
from dkron_operator.plan.situation.view import Situation
from dkron_operator.plan.status.changes import Accepted, Forgotten, ParentRunsHandled
from dkron_operator.plan.status.dependencies import (
    Noted,
    ParentRunsPassed,
    Tracked,
    key,
)
from dkron_operator.plan.steps.acceptance import is_accepted
from dkron_operator.plan.steps.dependents import is_over
from dkron_operator.plan.steps.pauses import dropped_before
from dkron_pods.problem import Problem


def plan_dependent_runs(plan: Plan) -> None:
    """Note the parents' runs, and run after them."""
    _keep_account(plan)
    if not plan.situation.job.spec.parents:
        return
    _give_up_waiting(plan)
    _join(plan)
    for run in _unrecorded(plan):
        if (plan.create is not None or plan.throttled) and not _is_dropped(plan, run):
            # A run that waits has its effect before the next one of that parent is noted.
            break
        if _in_force(plan, run) and not is_accepted(plan):
            plan.do(AcceptJob())
            break
        _record_ended(plan, run)


def _keep_account(plan: Plan) -> None:
    """Count the runs that a parent showed and dropped before this job noted them."""
    links = {link.job: link for link in plan.situation.job.spec.parents}
    left = frozenset(each.job for each in plan.status.consumed if each.job not in links)
    if left:
        plan.record(Forgotten("consumed", left))
    for link in links.values():
        parent = plan.situation.dependencies.parents.get(link.job)
        if parent is not None:
            _compare(plan, link, parent)


def _compare(plan: Plan, link: Dependency, parent: Parent) -> None:
    known = {key(run) for run in plan.status.heard}
    ahead = sum(1 for run in _shown(plan, link) if key(run) not in known)
    now = Consumed(
        job=link.job, uid=parent.uid, rebuilt_at=parent.rebuilt_at, when=link.when,
        count=max(parent.has_published(link.when) - ahead, 0),
    )  # fmt: skip
    before = next((each for each in plan.status.consumed if each.job == link.job), None)
    if before is None or before.model_copy(update={"count": now.count}) != now:
        plan.record(Tracked(now))
    elif now.count > before.count and _ended_before(plan, parent):
        plan.record(ParentRunsPassed(parent.uid, now.count))
    elif now.count > before.count:
        missed = now.count - before.count
        plan.record(ParentRunsPassed(parent.uid, now.count, plan.situation.now))
        runs = f"1 run of {link.job} that counts" if missed == 1 else f"{missed} runs of {link.job} that count"
        text = f"the job did not run after {runs}: they left the parent's status before the operator processed them"
        plan.warn("DependentRunSkipped", text)


def _ended_before(plan: Plan, parent: Parent) -> bool:
    """Whether all runs of the parent ended before the job depended on it.

    A parent on which no job depends drops a run in the write that records it. If this job begins to depend on the
    parent before that write has arrived, it sees the count grow by a run that it was never shown.
    """
    since, last = plan.status.since, parent.last_end
    # An edit that this plan accepts sets `since` now: runs missed before it still count as missed.
    return since is not None and since == plan.situation.status.since and last is not None and last <= since


def plan_forgetting(plan: Plan) -> None:
    """Forget the runs that no parent shows any more."""
    # Leftovers are harmless: they go with a write that happens anyway.
    if not (plan.changes and plan.status.heard):
        return
    waiting = _waiting(plan).values()
    vanished = frozenset(key(run) for run in plan.status.heard if run not in waiting and not _is_shown(plan, run))
    if vanished:
        plan.record(Forgotten("heard", vanished))


def broken_tie(situation: Situation) -> Problem | None:
    """Why no run of its parents can start the job. It still runs on request."""
    circle = situation.dependencies.circle
    if circle:
        text = f"the job would run after itself: {' → '.join(circle)}; remove one of these dependencies"
        return Problem(ReadyReason.PARENT_CYCLE, text)
    missing = sorted(link.job for link in situation.job.spec.parents if link.job not in situation.dependencies.parents)
    if missing:
        text = f'this job runs after job "{missing[0]}", which does not exist in this namespace'
        return Problem(ReadyReason.PARENT_NOT_FOUND, text)
    return None


def _unrecorded(plan: Plan) -> list[Heard]:
    """The matching runs of parents that are not noted yet, in the order of their ends."""
    known = {key(run) for run in plan.status.heard}
    found = [run for link in plan.situation.job.spec.parents for run in _shown(plan, link) if key(run) not in known]
    return sorted(found, key=_order)


def _shown(plan: Plan, link: Dependency) -> list[Heard]:
    parent = plan.situation.dependencies.parents.get(link.job)
    if parent is None:
        return []
    return [
        Heard(job=link.job, uid=parent.uid, group=ended.group, at=ended.at)
        for ended in parent.ended
        if link.when.fits(success=ended.status is GroupStatus.SUCCESS)
    ]


def _record_ended(plan: Plan, run: Heard) -> None:
    # The next join needs only one run of each parent. With a single parent, each earlier run has been joined by now, or
    # waits for the end of a pause.
    before = _waiting(plan).get(run.job)
    single = len(plan.situation.job.spec.parents) == 1
    if before is not None and single and plan.hold is not None and _in_force(plan, run):
        _skip(plan, frozenset({key(before)}), before, Skip(SkipReason.PAUSED, "a later run ended during the pause"))
        before = None
    waiting = _in_force(plan, run) and before is None
    plan.record(Noted(run.model_copy(update={"waiting": waiting})))
    if waiting:
        _join(plan)


def _in_force(plan: Plan, run: Heard) -> bool:
    """Whether the job already depended on its parents when this run ended; an edit starts nothing retroactively.

    Ends and creations are whole seconds. Within the second of the edit, runs that the parents already showed came
    before it, and runs that appear later came after it.
    """
    since = plan.status.since
    if since is None:
        return False
    if any(isinstance(change, Accepted) for change in plan.changes):
        return run.at > since
    return run.at >= since.replace(microsecond=0)


def _give_up_waiting(plan: Plan) -> None:
    """Drop the runs that were waiting before an edit: they have no effect any more."""
    old = frozenset(key(run) for run in plan.status.heard if run.waiting and not _in_force(plan, run))
    if old:
        plan.record(ParentRunsHandled(old, plan.situation.now))


def _waiting(plan: Plan) -> dict[str, Heard]:
    """For each parent, the first run that has not had its effect yet."""
    names = {link.job for link in plan.situation.job.spec.parents}
    waiting = [run for run in plan.status.heard if run.waiting and run.job in names and _in_force(plan, run)]
    return {run.job: run for run in sorted(waiting, key=_order, reverse=True)}


def _join(plan: Plan) -> None:
    """Run once every parent has had its run, or report why not."""
    waiting = _waiting(plan)
    if len(waiting) < len(plan.situation.job.spec.parents):
        return
    job, now = plan.situation.job, plan.situation.now
    last = max(waiting.values(), key=_order)
    if (plan.create is not None or plan.hold is not None) and not _is_dropped(plan, last):
        return
    runs = frozenset(map(key, waiting.values()))
    if has_begun(plan, following(last)):
        # A user has deleted the note about it.
        plan.record(ParentRunsHandled(runs, last.at))
        return
    decision = _decide(plan, last)
    entry = following(last).entry(uid=job.uid, name=job.name, at=now)
    mark = (ParentRunsHandled(runs, last.at),)
    create = decision if isinstance(decision, Skip) else creation(plan, entry, decision, mark=mark)
    if isinstance(create, Skip):
        _skip(plan, runs, last, create)
    else:
        plan.start(create)


def _skip(plan: Plan, runs: frozenset[GroupKey], last: Heard, skip: Skip) -> None:
    plan.record(ParentRunsHandled(runs, last.at, skip.reason))
    ended = f'the run of "{last.job}" that ended at {rfc3339(last.at)}'
    plan.warn("DependentRunSkipped", f"the job did not run after {ended}: {skip.why or skip.reason}")


def _decide(plan: Plan, last: Heard) -> Decision:
    situation = plan.situation
    if is_over(plan):
        return Skip(SkipReason.SUCCEEDED)
    if _is_dropped(plan, last):
        return Skip(SkipReason.PAUSED, "the job was paused")
    if situation.own_problem is not None or situation.dependencies.circle:
        return Skip(SkipReason.NOT_READY)
    return decide_dependent(situation.job, slot=last.at, now=situation.now, active=busy(plan))


def _is_dropped(plan: Plan, run: Heard) -> bool:
    """Whether a pause keeps the job from ever running after this run of a parent."""
    until = dropped_before(plan)
    if until is not None and run.at < until:
        return True
    return plan.hold is not None and plan.situation.job.spec.missed_runs is MissedRuns.SKIP


def _is_shown(plan: Plan, run: Heard) -> bool:
    parent = plan.situation.dependencies.parents.get(run.job)
    return parent is not None and parent.uid == run.uid and parent.shows(run.group)


def _order(run: Heard) -> tuple[object, ...]:
    return run.at, run.job, run.group
