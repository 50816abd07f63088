"""The parent's side of a dependency: a job shows its ended runs until every job that depends on it has noted them. An
ephemeral job is deleted after that.

The status has room for a limited number of ended runs. When it is full, further ends are recorded with a delay, so that
the dependent jobs can catch up. If they do not, the oldest runs are given up, and each job that misses one counts it
(`chain`).

Both steps look at what the API server has of the other jobs, never at their plans.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from dkron_crds.job import AttemptState, Ended, GroupStatus, JobStatus
from dkron_crds.status import MAX_DEPENDENTS, MAX_ENDED
from dkron_operator.plan.actions import DeleteDkronJob, ReadOutcome, RemoveAnnotation, WriteStatus
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob, JobView
from dkron_operator.plan.status.changes import Forgotten
from dkron_operator.plan.status.dependencies import Followed, oldest_first
from dkron_operator.plan.status.fold import group_status, recorded
from dkron_operator.plan.status.outbox import is_owing

PATIENCE = timedelta(seconds=30)
"""How long the oldest run may block another one before it is given up."""
NOTES_BYTES, NOTE_BYTES = 32 * 1024, 120
"""The bytes of all notes about one parent in the status of a dependent job, and of one note without the name."""
NAMES_BYTES = 16 * 1024


class Fullness(NamedTuple):
    """The status shows as many ended runs as it can, and `oldest` is the group of the oldest since `since`."""

    oldest: int
    since: datetime


def fullness(job: JobView, status: JobStatus, before: Fullness | None, *, now: datetime) -> Fullness | None:
    """The fullness of the API server's status; None if it has room for a run. `before` is the previous result."""
    if len(status.ended) < most_shown(job.dkron_name):
        return None
    oldest = oldest_first(status.ended)[0].group
    # Do not wait longer because a clock was ahead.
    same = before is not None and before.oldest == oldest and before.since <= now
    return before if same else Fullness(oldest, now)


def plan_settling(plan: Plan) -> None:
    """Drop the runs that no dependent job waits for any more, and list the jobs that depend on this one."""
    if plan.status.ended:
        _settle(plan)
    _report(plan)
    children = plan.situation.dependencies.children
    if children or plan.status.dependent_jobs:
        plan.record(Followed(_names(sorted({child.name for child in children}))))


def most_shown(name: str) -> int:
    """How many runs a job of this name shows at most: fewer with a long name, which each note repeats."""
    return min(MAX_ENDED, NOTES_BYTES // (NOTE_BYTES + len(name.encode())))


def has_room(plan: Plan) -> bool:
    """Whether one more ended run can be shown now. If the dependent jobs do not note the runs that are shown, the
    oldest make room after a while."""
    if plan.crowded:
        return False
    limit = most_shown(plan.situation.job.dkron_name)
    if len(plan.status.ended) >= limit:
        _settle(plan)
    if len(plan.status.ended) >= limit:
        plan.crowded = not _make_room(plan)
    return not plan.crowded


def _make_room(plan: Plan) -> bool:
    now, since = plan.situation.now, plan.situation.full_since
    due = (now if since is None else since) + PATIENCE
    # Runs that have not been shown yet keep their full time.
    shown = {ended.group for ended in plan.situation.persisted.ended}
    old = [ended.group for ended in oldest_first(plan.status.ended) if not _is_last(plan, ended)]
    old = [group for group in old if group in shown]
    if due > now or not old:
        plan.wake_at(due if due > now else now + PATIENCE)
        return False
    known = recorded(plan.status)
    wanted = sum(attempt.finished and attempt.name not in known for attempt in plan.situation.attempts.values())
    plan.record(Forgotten("ended", frozenset(old[: max(wanted, 1)])))
    return True


def _settle(plan: Plan) -> None:
    uid, dependencies = plan.situation.job.uid, plan.situation.dependencies
    settled = frozenset(
        ended.group
        for ended in plan.status.ended
        if not _is_last(plan, ended) and not any(child.awaits(uid, ended) for child in dependencies.children)
    )
    if settled:
        plan.record(Forgotten("ended", settled))


def plan_removal(plan: Plan) -> None:
    """Delete an ephemeral job once it has succeeded. The API server has to have its complete record, none of its
    attempts may be active, and the dependent jobs, processors, notifications and the archive have to have handled
    it."""
    situation, uid = plan.situation, plan.situation.job.uid
    status = plan.status
    to_do = plan.changes or plan.create or plan.wants(RemoveAnnotation, WriteStatus, ReadOutcome)
    if to_do or status.active or is_owing(status):
        return
    if not is_over(plan) or situation.persisted != situation.status:
        return
    awaited = any(child.awaits(uid, ended) for child in situation.dependencies.children for ended in plan.status.ended)
    if not awaited:
        plan.do(DeleteDkronJob())


def is_over(plan: Plan) -> bool:
    """Whether the job is ephemeral and has succeeded: it starts nothing more."""
    if not plan.situation.job.spec.ephemeral:
        return False
    return any(_is_last(plan, ended) for ended in plan.status.ended) or _has_succeeded(plan)


def _has_succeeded(plan: Plan) -> bool:
    """Whether a run has succeeded that is not recorded yet. The record waits for what the pods tell, which takes longer
    where much is to be read, and slots come due meanwhile."""
    status = plan.status
    done = {entry.job for entry in status.active if _succeeded(plan.situation.attempts.get(entry.job))}
    for group in {entry.group for entry in status.active if entry.job in done}:
        attempts = [entry for entry in status.active if entry.group == group]
        members = {entry.member for entry in attempts}
        others = [each for each in status.executions if each.group == group and each.member not in members]
        good = not others or group_status(others) is GroupStatus.SUCCESS
        if good and all(entry.job in done for entry in attempts):
            return True
    return False


def _succeeded(attempt: AttemptJob | None) -> bool:
    if attempt is None or attempt.state is not AttemptState.SUCCEEDED:
        return False
    # The end of one that is being deleted may be the work of the deletion.
    return not attempt.deleting or attempt.ended_before_its_deletion


def _is_last(plan: Plan, ended: Ended) -> bool:
    return plan.situation.job.spec.ephemeral and ended.status is GroupStatus.SUCCESS


def _report(plan: Plan) -> None:
    uid, children = plan.situation.job.uid, plan.situation.dependencies.children
    kept = {ended.group for ended in plan.status.ended}
    left = [ended for ended in plan.situation.status.ended if ended.group not in kept]
    given_up = sum(any(child.awaits(uid, ended) for child in children) for ended in left)
    if given_up:
        limit = most_shown(plan.situation.job.dkron_name)
        text = f"more than {limit} ended runs wait for dependent jobs; the operator dropped the oldest {given_up}"
        plan.warn("DependentsOverrun", f"{text}; each dependent job counts the runs that it missed")


def _names(names: list[str]) -> tuple[str, ...]:
    """As many names as there is room for."""
    kept, room = [], NAMES_BYTES
    for name in names[:MAX_DEPENDENTS]:
        room -= len(name.encode())
        if room < 0:
            break
        kept.append(name)
    return tuple(kept)
