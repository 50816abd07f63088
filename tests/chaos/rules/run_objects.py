"""DkronRuns: each becomes exactly one run, or is refused for a reason that holds, and says in the end what became of
it. Nothing else runs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import Trigger
from dkron_crds.run import RunPhase
from tests.chaos.asked import ENDED, JOB_DELETED, Asked, strangers
from tests.chaos.case import Case, Group
from tests.chaos.history import FOREVER, History, RunObject
from tests.chaos.needs import Need
from tests.chaos.objections import Kind, Objection

KEPT = timedelta(minutes=1)
"""How long a DkronRun that has ended is kept at least."""


def check(history: History, cases: Sequence[Case], runs: Sequence[Asked]) -> Iterator[Objection]:
    """Look at each DkronRun, and at what seems to be of one."""
    for case, group in strangers(history, cases):
        yield case.object_to(Kind.EXTRA, group.began, f"{group} ran, and no client had asked for it")
    for asked in runs:
        whose = [case for case, _ in asked.groups] or asked.cases[-1:]
        parts = (*_runs(asked), *_becomes_nothing(asked), *_says(asked), *_ends(asked), *_is_gone(asked, runs))
        for kind, at, text in parts:
            told = f"DkronRun {asked.name} of {asked.spec.job}: {text}"
            yield whose[0].object_to(kind, at, told) if whose else Objection(kind, "", "", at, told)


Told = tuple[Kind, datetime, str]


def _runs(asked: Asked) -> Iterator[Told]:
    if len(asked.groups) > 1:
        both = " and ".join(str(group) for _, group in asked.groups)
        yield Kind.DOUBLE, asked.groups[1][1].began, f"it is one run, and {both} ran for it"
    if asked.groups and asked.owed is not None and asked.need is Need.MUST:
        by = asked.owed[1] + asked.weather.terms.behind
        group = min((group for _, group in asked.groups), key=lambda group: group.began)
        start = timedelta(0) if group.first.created else asked.weather.terms.start
        if group.began > by + start:
            yield Kind.UNTIMELY, group.began, f"{group} began at {rfc3339(group.began)}, and had to by {rfc3339(by)}"
    if asked.groups and asked.withdrawn < FOREVER:
        # Its run may have come into line before it could say so.
        case, group = asked.groups[0]
        if group.began > asked.wait(case, asked.weather.decided(asked.withdrawn)).turn:
            yield Kind.EXTRA, group.began, f"{group} began at {rfc3339(group.began)}, and it was deleted before"
    for case, group in asked.groups:
        yield from ((kind, group.began, f"{group} {text}") for kind, text in _wrong(asked, case, group))


def _wrong(asked: Asked, case: Case, group: Group) -> Iterator[tuple[Kind, str]]:
    grain = asked.weather.terms.grain
    slot = asked.spec.scheduled_time or asked.created
    wanted = Trigger.BACKFILL if asked.backfill else Trigger.MANUAL
    if asked.need is Need.NEVER:
        yield Kind.EXTRA, "ran, though the API server or its values kept it from running"
    # It says so before it runs; of one that is gone, that may have been seen before.
    unbound = asked.object is None or (not asked.bound and asked.object.gone is not None)
    if not unbound and asked.bound != case.life.uid:
        yield Kind.EXTRA, f"ran for the job {case.life.uid}, and it says that it is for {asked.bound or 'none'}"
    if asked.phase is RunPhase.REFUSED and not asked.was_refused_by_a_rival:
        yield Kind.EXTRA, f"ran, and it was refused ({asked.reason})"
    if group.began < asked.invoked - grain:
        yield Kind.UNTIMELY, f"began at {rfc3339(group.began)}, and was asked for at {rfc3339(asked.invoked)}"
    if group.slot != slot and asked.known is not None:
        yield Kind.EXTRA, f"ran for {rfc3339(group.slot)}, and stands for {rfc3339(slot)}"
    if group.trigger is not wanted:
        yield Kind.EXTRA, f"ran, and its trigger is {wanted}"
    if not asked.spec.force and case.is_paused(asked.invoked, group.began):
        yield Kind.EXTRA, "ran, though the job was paused"
    specs = case.life.specs(asked.invoked, group.began)
    if not asked.spec.force and specs and all(spec.disabled and not spec.parents for spec in specs):
        yield Kind.EXTRA, "ran, though the job was disabled"


def _becomes_nothing(asked: Asked) -> Iterator[Told]:
    """It has no run: then it was refused for a reason that holds, or no run was owed."""
    if asked.groups or asked.known is None:
        return
    # The Jobs of a job that is deleted go with it, and may do so while the witness sees nothing.
    if asked.phase is RunPhase.SUCCEEDED and all(case.life.deleted >= FOREVER for case in asked.cases):
        yield Kind.RECORD, asked.ended or asked.invoked, "it says that it succeeded, and nothing ran for it"
    if asked.phase is RunPhase.REFUSED:
        by = asked.weather.decided(asked.known) if asked.owed is None else asked.owed[1]
        late = by if asked.ended is None else max(by, asked.ended + asked.weather.terms.lateness)
        if not asked.may_be_refused(asked.reason, late):
            yield Kind.REQUEST, asked.invoked, f"it was refused ({asked.reason}), and that was not so"
    elif asked.owed is not None:
        case, by = asked.owed
        told_by = asked.weather.decided(by)
        with_its_job = asked.ended_with_its_job and case.life.deleted <= told_by
        read = min(asked.weather.terms.read, asked.withdrawn)
        if asked.need is Need.MUST:
            yield Kind.REQUEST, asked.invoked, f"it had to run by {rfc3339(by)}, and nothing ran for it"
        elif told_by <= read and not (with_its_job or _is_lost(asked, case) or asked.may_have_left(case)):
            yield Kind.REQUEST, asked.invoked, f"by {rfc3339(told_by)} it neither ran nor was refused"


def _is_lost(asked: Asked, case: Case) -> bool:
    """Whether its Job was refused by the API server, or its end is unknown."""
    return asked.object is None or asked.need is Need.NEVER or case.is_refused(asked.created)


def _says(asked: Asked) -> Iterator[Told]:
    """What its status says, beside its run."""
    if asked.object is None or len(asked.groups) != 1:
        return
    (case, group), status = asked.groups[0], asked.object.status
    # The status of the job says first how it ended.
    by = asked.weather.decided(case.free(group))
    if asked.ended_with_its_job and case.life.deleted <= by:
        return
    touched = case.is_wiped or any(case.is_hit(run) or case.is_replaced(run) for run in group.runs)
    if status.group not in (None, group.first.group):
        yield Kind.RECORD, group.began, f"status.group is {status.group}, and {group} has {group.first.group}"
    if touched or group.ended is None or asked.was_refused_by_a_rival:
        return
    last = {run.member: run for run in sorted(group.runs, key=lambda run: run.attempt)}
    wanted = RunPhase.SUCCEEDED if all(run.success for run in last.values()) else RunPhase.FAILED
    is_late = by <= asked.weather.terms.read and by < min(case.life.deleted, asked.object.gone or FOREVER)
    if (status.phase != wanted and (status.phase in ENDED or is_late)) or asked.ended_with_its_job:
        yield Kind.RECORD, group.ended, f"its phase is {status.phase} ({asked.reason}), and {group} has {wanted}"
        return
    # The API server may have refused the Job of another attempt.
    attempts = sum(run.attempt for run in last.values())
    if is_late and status.attempt_count != attempts and not case.is_refused(asked.created):
        yield Kind.RECORD, group.ended, f"it counts {status.attempt_count} attempts of {group}"


def _ends(asked: Asked) -> Iterator[Told]:
    """It ends with the job that it is for, and with no other one."""
    if asked.reason == JOB_DELETED and not asked.ended_with_its_job:
        yield Kind.REQUEST, asked.ended or asked.invoked, "it says that its job was deleted, and that was not so"
    if (by := asked.outlives_its_job) is not None:
        yield Kind.REQUEST, by, f"its job was deleted, and by {rfc3339(by)} it has not ended"


def _is_gone(asked: Asked, runs: Sequence[Asked]) -> Iterator[Told]:
    """It is kept for a minute after its end, and as long as its job does not have too many that have ended, unless a
    client deletes it."""
    seen, cancelled = asked.object, None if asked.request is None else asked.request.cancelled
    if seen is None or seen.gone is None or seen.backfill or seen.spec.ttl_seconds_after_finished is not None:
        return
    if cancelled is not None and cancelled <= seen.gone:
        return
    ended = seen.status.finished_at
    if ended is None:
        yield Kind.RECORD, seen.gone, "it was deleted before it had ended"
        return
    if seen.gone < ended + KEPT - 2 * asked.weather.wrong - asked.weather.terms.grain:
        yield Kind.RECORD, seen.gone, f"it ended at {rfc3339(ended)}, and was deleted at {rfc3339(seen.gone)}"
    there = [each.object for each in runs if each.spec.job == asked.spec.job and each.object is not None]
    kept = Counter(_counts(each, seen.gone) for each in there)[True]
    limits = [spec.history.runs for case in asked.cases for spec in case.life.specs(ended, seen.gone)]
    # The runs of a job that is gone are deleted, too.
    if limits and all(case.life.deleted >= FOREVER for case in asked.cases) and kept <= min(limits):
        yield Kind.RECORD, seen.gone, f"it was deleted, and {kept} were there that had ended"


def _counts(seen: RunObject, at: datetime) -> bool:
    """Whether it is one of those that had ended and were kept until then."""
    ended = seen.status.finished_at
    return not seen.backfill and ended is not None and ended <= at and (seen.gone is None or seen.gone >= at)
