"""The statuses in the end, beside the runs that the witness saw: each attempt counted once, with its outcome, and each
slot that did not run counted as skipped.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, GroupStatus, JobStatus, Trigger
from dkron_crds.run import RunPhase
from tests.chaos.case import Case
from tests.chaos.history import FOREVER, OLD_LISTS, Act, Run
from tests.chaos.job_lifetimes import Setting
from tests.chaos.objections import Kind, Objection
from tests.chaos.rules.ends import is_forgotten
from tests.chaos.spans import Change
from tests.chaos.targets import is_vague

AHEAD = timedelta(seconds=60)
"""How far clocks may differ before an operator takes back what the other one has written."""


def check(case: Case) -> Iterator[Objection]:
    """Look at the record, if there is one."""
    record = case.life.record
    if record is None:
        return
    wrong = (_executions, _missing, _counters, _active, _skipped, _mark, _origin, _outcome)
    for part in wrong:
        for text in part(case, record.status):
            yield case.object_to(Kind.RECORD, record.read, text)


def _executions(case: Case, status: JobStatus) -> Iterator[str]:
    runs = {run.name: run for run in case.life.runs}
    for name, times in Counter(execution.job for execution in status.executions).items():
        if times > 1:
            yield f"status.executions has Job {name} {times} times"
    for execution in status.executions:
        run = runs.get(execution.job)
        if run is None:
            if execution not in case.unseen:
                yield f"status.executions tells how Job {execution.job} ended, which the witness never saw"
        else:
            yield from _differences(case, execution, run)


def _differences(case: Case, execution: Attempt, run: Run) -> Iterator[str]:
    told = (execution.slot, execution.trigger, execution.attempt, execution.member)
    if told != (run.slot, run.trigger, run.attempt, run.member):
        yield f"status.executions gives Job {run.name} another cause than {run}"
    if run.end is None:
        return
    if execution.success and not run.success:
        yield f"status.executions tells of a success of {run}, which failed"
    if not execution.success and run.success and not _is_cut(case, run):
        yield f"status.executions tells of a failure ({execution.reason}) of {run}, which succeeded"
    terms = case.weather.terms
    # Of a Job that was deleted it is the moment at which an operator noticed.
    broken = case.weather.storm(run.began, run.end + terms.lateness) is not None
    if abs(execution.ended_at - run.end) > terms.lateness + terms.grain and not broken:
        yield f"status.executions has {run} end at {rfc3339(execution.ended_at)}, and it ended at {rfc3339(run.end)}"


def _missing(case: Case, status: JobStatus) -> Iterator[str]:
    told = {execution.job for execution in status.executions}
    for run in _over(case):
        if run.name not in told and not is_forgotten(case, run):
            yield f"status.executions does not have {run}, which ended at {rfc3339(case.end(run))}"


def _counters(case: Case, status: JobStatus) -> Iterator[str]:
    ended, over = [run for run in case.life.runs if run.end is not None], _over(case)
    # A run may be cut short after its success, and then is none; or be seen by the witness, and not by its Job.
    unsure = sum(1 for run in ended if run.success and _is_cut(case, run))
    lost = len(case.life.runs) - len(ended)
    # Of a mark that was taken back, an old list shows Jobs that were recorded, forgotten and deleted.
    twice = _is_blind(case) and case.weather.ahead > AHEAD and case.is_full
    for what, count, success in (
        ("successCount", status.success_count, True),
        ("errorCount", status.error_count, False),
    ):
        least = 0 if case.is_wiped else sum(1 for run in over if run.success is success)
        most = sum(1 for run in ended if run.success is success)
        if success:
            least -= unsure
        else:
            most += unsure + lost + len([*case.refused, *case.stopped] if case.weather.terms.complete else case.unseen)
        told = sum(1 for execution in status.executions if execution.success is success)
        if count < least or (count > most and not twice):
            yield f"status.{what} is {count}, and the witness saw {_range(max(least, 0), most)}"
        elif count != told and not case.is_wiped and not case.is_full:
            yield f"status.{what} is {count}, and status.executions, of which none was dropped, has {told}"


def _is_blind(case: Case) -> bool:
    return any(OLD_LISTS in fault.what for fault in case.weather.faults)


def _is_cut(case: Case, run: Run) -> bool:
    """Whether its success may not count: it was hit, a newer run took its place before it was seen to be over, or
    another operator had recorded that its Job was refused."""
    end = None if run.end is None else case.weather.decided(run.end)
    record = case.executions.get(run.name)
    refused = case.was_refused_first(run) and (record is None or record.reason == "JobRejected")
    return refused or case.is_hit(run) or case.is_replaced(run, end)


def _active(case: Case, status: JobStatus) -> Iterator[str]:
    over = {run.name: run for run in _over(case)}
    for entry in status.active:
        if entry.job in over:
            yield f"status.active has {over[entry.job]}, which ended at {rfc3339(case.end(over[entry.job]))}"
        elif not entry.uid and entry.queued_at is None and _is_shown(case, entry.started_at):
            yield f"status.active has a claim of Job {entry.job} for {rfc3339(entry.started_at)}, which was never made"


def _is_shown(case: Case, began: datetime) -> bool:
    """Whether the status has to show a run that was due to begin at this time."""
    terms = case.weather.terms
    return case.weather.decided(began) + terms.shown <= terms.read


def _skipped(case: Case, status: JobStatus) -> Iterator[str]:
    mark, skipped = status.last_schedule_time, status.skipped
    # A claim stands for a run that is about to begin.
    claimed = {entry.slot for entry in status.active if entry.trigger is Trigger.SCHEDULE}
    undecided = [target for target in case.unrun if target.slot not in claimed and not _waits(status, target.slot)]
    unrun = [(target, mark is not None and target.slot <= mark) for target in undecided]
    surely = (target for target, decided in unrun if target.counted and case.is_decided(target, marked=decided))
    # Whose Job was refused by the API server has failed, or was skipped after a death before its status said so.
    unmade = sum(case.is_refused(target.slot) for target in case.targets)
    refused, perhaps = _refused(case)
    least, most = len(list(surely)) + refused, sum(decided for _, decided in unrun) + unmade
    others = sum(1 for op in case.life.operations if op.act is Act.RUN) + perhaps
    dependents = any(spec.parents for spec in case.life.specs(case.life.created, case.weather.terms.read))
    count = skipped.count if skipped else 0
    # Where several act, one may pass over for good what another runs in that moment.
    others += len(case.of(Trigger.SCHEDULE)) if case.weather.terms.rivals else 0
    # An operator that starts on an old list passes over slots with a younger Job.
    # A mark that a clock has put far ahead is taken back, and the slots up to it are decided, and counted, again.
    ahead = case.weather.ahead > AHEAD
    unknown = dependents or is_vague(case.life) or _is_blind(case) or ahead
    if (count < least and not case.is_wiped) or (count > most + others and not unknown):
        reason = f" (the last for {skipped.last_reason})" if skipped else ""
        asked = f", and {others} others may count as well" if others else ""
        yield f"status.skipped counts {count}{reason}, and {_range(least, max(least, most))} slots did not run{asked}"


def _waits(status: JobStatus, slot: datetime) -> bool:
    """Whether the slot waits for its turn."""
    return any((each.after is None or each.after < slot) and slot <= each.until for each in status.deferred)


def _refused(case: Case) -> tuple[int, int]:
    """How many DkronRuns this job has surely refused, and how many it may have refused."""
    life = case.life
    ran = {group.asked for group in case.groups}
    # Another job may have had that name before, or since.
    bound = {each.name: each.status.dkron_job for each in life.run_objects}
    others = {name for name, job in bound.items() if job is not None and job.uid != life.uid}
    refused = (each.name for each in life.run_objects if each.status.phase is RunPhase.REFUSED)
    surely = sum(bound[name] is not None and name not in others for name in refused)
    return surely, len(life.asked_by_name - ran - others)


def _mark(case: Case, status: JobStatus) -> Iterator[str]:
    mark = status.last_schedule_time
    slots = (group.slot for group in case.of(Trigger.SCHEDULE))
    newest = max((slot for slot in slots if _is_shown(case, slot)), default=None)
    if newest is not None and (mark is None or mark < newest) and not case.is_wiped:
        yield f"status.lastScheduleTime is {rfc3339(mark) if mark else 'absent'}, before {rfc3339(newest)}, which ran"


def _origin(case: Case, status: JobStatus) -> Iterator[str]:
    """Slots count from the creation, or from a change that was seen: never from anything else, as from a restart."""
    life, since = case.life, status.since
    if since is None or case.is_wiped:
        return
    changes = [change for change in life.changes if change.value is not None]
    if since < life.created - case.weather.terms.grain:
        yield f"status.since is {rfc3339(since)}, before the job was made at {rfc3339(life.created)}"
    elif since != life.created and not any(_may_begin(case, change, since) for change in changes[1:]):
        yield f"status.since is {rfc3339(since)}, when no client had changed the job"


def _may_begin(case: Case, change: Change[Setting], since: datetime) -> bool:
    grain = case.weather.terms.grain
    return change.invoked - grain - case.weather.behind(change.invoked) <= since <= (change.seen or FOREVER) + grain


def _outcome(case: Case, status: JobStatus) -> Iterator[str]:
    """The newest run that is over decides about `status.status`; one that a wipe or a cut has touched is not judged."""
    # Within one second their numbers decide, which for requests say nothing about what came first.
    runs = case.groups
    newest = max(runs, key=lambda group: (group.first.due.replace(microsecond=0), group.first.group), default=None)
    if newest is None or case.is_wiped or newest.ended is None:
        return
    if any(case.is_hit(run) or case.is_replaced(run) for run in newest.runs):
        return
    shown = {execution.job for execution in status.executions}
    if all(run.name not in shown and is_forgotten(case, run) for run in newest.runs):
        # It made room for attempts of older runs that began later: the last of these decides.
        return
    last = {run.member: run for run in sorted(newest.runs, key=lambda run: run.attempt)}
    waits = {entry.group for entry in status.active} & {execution.group for execution in status.executions}
    results = {bool(run.success) for run in last.values()}
    told = max(case.told(run) for run in newest.runs)
    if waits or case.weather.decided(told) > case.weather.terms.read or case.unseen or len(results) > 1:
        return
    outcome = GroupStatus.SUCCESS if True in results else GroupStatus.FAILED
    if status.status != outcome:
        yield f"status.status is {status.status or 'empty'}, and the newest run, {newest}, was a {outcome}"


def _over(case: Case) -> list[Run]:
    """What ended so long ago that its record must have been written. A Job whose slot a clock put far ahead counts when
    that slot comes."""
    read = case.weather.terms.read
    ended = (run for run in case.life.runs if run.end is not None and run.due <= read + AHEAD)
    return [run for run in ended if case.weather.decided(case.told(run)) <= read]


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
