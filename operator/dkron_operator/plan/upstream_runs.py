"""The other end of a chain: a job shows its runs that have ended until all that depend on them have taken note, and one
that is ephemeral goes after that.

There is room for so many. When it is used up, further ends are recorded a while later, so that the dependent jobs can
take note; if they do not, the oldest runs are given up, and each job that misses one counts it (`chain`).

Both look at what the API server has of the other jobs, never at what they plan.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from dkron_crds.job import Ended, GroupStatus, JobStatus
from dkron_crds.status import MAX_DEPENDENTS, MAX_ENDED
from dkron_operator.plan.actions import DeleteDkronJob, ReadOutcome, RemoveAnnotation, WriteStatus
from dkron_operator.plan.dependency_changes import Followed, GivenUp, Settled, oldest_first
from dkron_operator.plan.fold import recorded
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import JobView

PATIENCE = timedelta(seconds=30)
"""How long the oldest run stands in the way of another one before it is given up."""
NOTES_BYTES, NOTE_BYTES = 32 * 1024, 120
"""What one parent may take up in the status of a job that depends on it, and one note there without the name."""
NAMES_BYTES = 16 * 1024


class Fullness(NamedTuple):
    """As many ended runs are shown as can be. `oldest` is the group of the oldest, and has been that `since` then."""

    oldest: int
    since: datetime


def fullness(job: JobView, status: JobStatus, before: Fullness | None, *, now: datetime) -> Fullness | None:
    """Whether the status, as the API server has it, has no room for another run that has ended; None if it has.
    `before` is what was found the last time."""
    if len(status.ended) < most_shown(job.dkron_name):
        return None
    oldest = oldest_first(status.ended)[0].group
    # A clock that was ahead does not make it wait for as long.
    same = before is not None and before.oldest == oldest and before.since <= now
    return before if same else Fullness(oldest, now)


def plan_settling(plan: Plan) -> None:
    """Drop the runs that nobody waits for any more, and list who depends on this job."""
    if plan.status.ended:
        _settle(plan)
    _tell(plan)
    children = plan.situation.dependencies.children
    if children or plan.status.dependent_jobs:
        plan.note(Followed(_names(sorted({child.name for child in children}))))


def most_shown(name: str) -> int:
    """How many runs a job of this name shows at most: fewer where it is long, as each note of a run repeats it."""
    return min(MAX_ENDED, NOTES_BYTES // (NOTE_BYTES + len(name.encode())))


def has_room(plan: Plan) -> bool:
    """Whether one more run that has ended can be shown now. Where the dependent jobs take no note of those that are,
    the oldest make room after a while."""
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
    # Those that were not shown yet have their time to come.
    shown = {ended.group for ended in plan.situation.persisted.ended}
    old = [ended.group for ended in oldest_first(plan.status.ended) if not _is_last(plan, ended)]
    old = [group for group in old if group in shown]
    if due > now or not old:
        plan.wake_at(due if due > now else now + PATIENCE)
        return False
    known = recorded(plan.status)
    wanted = sum(run.finished and run.name not in known for run in plan.situation.runs.values())
    plan.note(GivenUp(frozenset(old[: max(wanted, 1)])))
    return True


def _settle(plan: Plan) -> None:
    uid, dependencies = plan.situation.job.uid, plan.situation.dependencies
    settled = frozenset(
        ended.group
        for ended in plan.status.ended
        if not _is_last(plan, ended) and not any(child.awaits(uid, ended) for child in dependencies.children)
    )
    if settled:
        plan.note(Settled(settled))


def plan_removal(plan: Plan) -> None:
    """Delete an ephemeral job once it has succeeded: when the API server has all that there is to know of it, nothing
    of it is active, and everybody who is to hear of it has: jobs that depend on it, processors and notifications."""
    situation, uid = plan.situation, plan.situation.job.uid
    status = plan.status
    to_do = plan.changes or plan.create or plan.wants(RemoveAnnotation, WriteStatus, ReadOutcome)
    if to_do or status.active or status.undelivered or not is_over(plan) or situation.persisted != situation.status:
        return
    awaited = any(child.awaits(uid, ended) for child in situation.dependencies.children for ended in plan.status.ended)
    if not awaited:
        plan.do(DeleteDkronJob())


def is_over(plan: Plan) -> bool:
    """Whether the job is ephemeral and has had its run: nothing of it starts any more."""
    return any(_is_last(plan, ended) for ended in plan.status.ended)


def _is_last(plan: Plan, ended: Ended) -> bool:
    return plan.situation.job.spec.ephemeral and ended.status is GroupStatus.SUCCESS


def _tell(plan: Plan) -> None:
    given_up = sum(len(change.groups) for change in plan.changes if isinstance(change, GivenUp))
    if given_up:
        limit = most_shown(plan.situation.job.dkron_name)
        text = f"more than {limit} runs wait for jobs that depend on this one, and the oldest {given_up} wait no longer"
        plan.warn("DependentsOverrun", f"{text}; each of those jobs counts what it misses")


def _names(names: list[str]) -> tuple[str, ...]:
    """As many as there is room for."""
    kept, room = [], NAMES_BYTES
    for name in names[:MAX_DEPENDENTS]:
        room -= len(name.encode())
        if room < 0:
            break
        kept.append(name)
    return tuple(kept)
