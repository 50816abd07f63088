"""The other end of a chain: a job shows its runs that have ended until all that depend on them have taken note, and one
that is ephemeral goes after that.

Both look at what the API server has of the other jobs, never at what they plan.
"""

from dkron_crds.job import Ended, GroupStatus
from dkron_crds.status import MAX_DEPENDENTS
from dkron_operator.plan.draft import Draft
from dkron_operator.plan.linked import Followed, Settled

MOST_SHOWN = 256
"""How many runs are shown at most. All of them stand in the status, and in that of each job that depends on this one
and 31 others; both have to fit into etcd."""
NAMES_BYTES = 16 * 1024


def plan_settling(draft: Draft) -> None:
    """Drop the runs that nobody waits for any more, and list who depends on this job."""
    if draft.status.ended:
        _settle(draft)
        _give_up_the_oldest(draft)
    children = draft.situation.kin.children
    if children or draft.status.dependent_jobs:
        draft.note(Followed(_names(sorted({child.name for child in children}))))


def _settle(draft: Draft) -> None:
    uid, kin = draft.situation.job.uid, draft.situation.kin
    settled = frozenset(
        ended.group
        for ended in draft.status.ended
        if not _is_last(draft, ended) and not any(child.awaits(uid, ended) for child in kin.children)
    )
    if settled:
        draft.note(Settled(settled))


def plan_removal(draft: Draft) -> None:
    """Delete an ephemeral job once it has succeeded: when the API server has all that there is to know of it, nothing
    of it is active, and everybody who is to hear of it has: jobs that depend on it, processors and notifications."""
    situation, uid = draft.situation, draft.situation.job.uid
    status = draft.status
    to_do = draft.changes or draft.create or draft.forget or draft.answered or draft.settle or draft.gather
    if to_do or status.active or status.undelivered or not is_over(draft) or situation.persisted != situation.status:
        return
    awaited = any(child.awaits(uid, ended) for child in situation.kin.children for ended in draft.status.ended)
    draft.remove = not awaited


def is_over(draft: Draft) -> bool:
    """Whether the job is ephemeral and has had its run: nothing of it starts any more."""
    return any(_is_last(draft, ended) for ended in draft.status.ended)


def _is_last(draft: Draft, ended: Ended) -> bool:
    return draft.situation.job.spec.ephemeral and ended.status is GroupStatus.SUCCESS


def _give_up_the_oldest(draft: Draft) -> None:
    oldest = sorted(draft.status.ended, key=lambda ended: ended.at)[:-MOST_SHOWN]
    if oldest:
        draft.note(Settled(frozenset(ended.group for ended in oldest)))
        text = (
            f"more than {MOST_SHOWN} runs wait for the jobs that depend on this one; {len(oldest)} of them start none"
        )
        draft.warn("DependentsOverrun", text)


def _names(names: list[str]) -> tuple[str, ...]:
    """As many as there is room for."""
    kept, room = [], NAMES_BYTES
    for name in names[:MAX_DEPENDENTS]:
        room -= len(name.encode())
        if room < 0:
            break
        kept.append(name)
    return tuple(kept)
