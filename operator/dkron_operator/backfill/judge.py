"""The status of a DkronBackfill: counts, conditions, one sentence, and the Events about a change. Pure.

Ready and Stalled are for tools that go by kstatus, such as Flux and Helm: with Ready False they wait, and with Stalled
True they fail at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from dkron_crds.backfill import (
    BackfillCondition,
    BackfillPlan,
    BackfillReason,
    BackfillSpec,
    BackfillStatus,
    BackfillTarget,
)
from dkron_crds.base import rfc3339
from dkron_crds.conditions import MAX_MESSAGE, ConditionStatus, ConditionType, condition
from dkron_operator.backfill.advance import is_stopped, planned
from dkron_operator.plan.actions import Report, Severity


class Moment(NamedTuple):
    """The time of a judgement, and the generation of the DkronBackfill that it is about."""

    now: datetime
    generation: int


class Verdict(NamedTuple):
    """How a backfill has ended, and why."""

    kind: BackfillCondition
    reason: BackfillReason
    sentence: str


FINAL = frozenset({BackfillCondition.COMPLETE, BackfillCondition.FAILED})
EVENTS = {BackfillReason.STOPPED.value: "BackfillStopped", BackfillReason.REFUSED.value: "BackfillRefused"}
"""The reason of the Event about the end, by the reason of the condition; else it is BackfillFinished."""
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def is_over(status: BackfillStatus) -> bool:
    """Whether nothing of the backfill begins or runs any more."""
    return status.finished_at is not None


def begin(spec: BackfillSpec, targets: tuple[BackfillTarget, ...], moment: Moment) -> BackfillStatus:
    """The status of a backfill that is planned. With `dryRun`, or without slots, it has ended."""
    plan = planned(targets)
    if spec.dry_run:
        ended = BackfillStatus(plan=plan, remaining=plan.count, finished_at=moment.now)
        sentence = f"would run {_extent(plan)}"
        return _said(ended, Verdict(BackfillCondition.COMPLETE, BackfillReason.PLANNED, sentence), moment)
    return judge(spec, BackfillStatus(plan=plan, targets=targets), moment)


def refused(sentence: str, moment: Moment) -> BackfillStatus:
    """The status of a backfill that cannot run."""
    ended = BackfillStatus(finished_at=moment.now)
    return _said(ended, Verdict(BackfillCondition.FAILED, BackfillReason.REFUSED, sentence), moment)


def judge(spec: BackfillSpec, status: BackfillStatus, moment: Moment) -> BackfillStatus:
    """The status with everything that follows from its runs. It has ended once no run is active and none is to
    begin."""
    plan = status.plan or planned(status.targets)
    active, remaining = len(status.active_runs), max(0, plan.count - status.begun)
    started = status.started_at or (moment.now if status.begun else None)
    status = status.model_copy(update={"active": active, "remaining": remaining, "started_at": started})
    stopped = is_stopped(spec, status)
    if active or (remaining and not stopped):
        return _under_way(spec, status, moment)
    ended = status.model_copy(update={"finished_at": moment.now, "targets": ()})
    if stopped and remaining:
        sentence = f"stopped by a failed run{_first_failure(status)}; {_count(remaining, 'slot')} did not run"
        verdict = Verdict(BackfillCondition.FAILED, BackfillReason.STOPPED, sentence)
    elif status.failed:
        sentence = f"{status.failed} of {_count(plan.count, 'run')} failed{_first_failure(status)}"
        verdict = Verdict(BackfillCondition.FAILED, BackfillReason.RUNS_FAILED, sentence)
    else:
        sentence = {0: "the range has no slot to run", 1: "the run succeeded"}.get(
            plan.count, f"all {plan.count} runs succeeded"
        )
        verdict = Verdict(BackfillCondition.COMPLETE, BackfillReason.FINISHED, sentence)
    return _said(ended, verdict, moment)


def seen(status: BackfillStatus, generation: int) -> BackfillStatus:
    """The status of a backfill that has ended, after an edit that changes nothing about it."""
    conditions = tuple(each.model_copy(update={"observed_generation": generation}) for each in status.conditions)
    return status.model_copy(update={"observed_generation": generation, "conditions": conditions})


def reports(before: BackfillStatus, after: BackfillStatus) -> list[Report]:
    """The Events that tell the change from one status to the next."""
    found = []
    if before.plan is None and after.plan is not None and not is_over(after):
        found.append(Report(Severity.NORMAL, "BackfillBegun", f"begins to run {_extent(after.plan)}"))
    if is_over(after) and not is_over(before):
        ended = next(each for each in after.conditions if each.type in FINAL)
        severity = Severity.NORMAL if ended.type == BackfillCondition.COMPLETE else Severity.WARNING
        found.append(Report(severity, EVENTS.get(ended.reason, "BackfillFinished"), after.message))
    return found


def _under_way(spec: BackfillSpec, status: BackfillStatus, moment: Moment) -> BackfillStatus:
    done = status.succeeded + status.failed
    parts = [f"{done} of {_count(done + status.active + status.remaining, 'run')} ended"]
    parts += [f"{status.failed} failed"] if status.failed else []
    parts += [f"{status.active} active"] if status.active else []
    if is_stopped(spec, status):
        parts.append(f"stops by a failed run{_first_failure(status)}")
    elif spec.suspend:
        parts.append("suspended")
    rests = spec.suspend and not status.active
    reason = BackfillReason.SUSPENDED if rests else BackfillReason.RUNNING
    verdicts: dict[str, tuple[ConditionStatus, str, str]] = {
        # Without a sentence, so that writes about the runs do not repeat the conditions.
        BackfillCondition.SUSPENDED: (TRUE, "Suspended", "") if spec.suspend else (FALSE, "Resumed", ""),
        ConditionType.READY: (TRUE if rests else FALSE, reason, ""),
    }
    return _with(status, verdicts, ", ".join(parts), moment)


def _said(status: BackfillStatus, verdict: Verdict, moment: Moment) -> BackfillStatus:
    kind, reason, sentence = verdict
    values: dict[str, ConditionStatus] = {kind: TRUE, ConditionType.READY: TRUE}
    if kind is BackfillCondition.FAILED:
        values |= {ConditionType.READY: FALSE, ConditionType.STALLED: TRUE}
    return _with(status, {each: (value, reason, sentence) for each, value in values.items()}, sentence, moment)


def _with(
    status: BackfillStatus, verdicts: Mapping[str, tuple[ConditionStatus, str, str]], message: str, moment: Moment
) -> BackfillStatus:
    now, generation = moment
    conditions = tuple(
        condition(status.conditions, kind, verdict, now=now, generation=generation)
        for kind, verdict in verdicts.items()
    )
    update = {"observed_generation": generation, "conditions": conditions, "message": message[:MAX_MESSAGE]}
    return status.model_copy(update=update)


def _first_failure(status: BackfillStatus) -> str:
    """The oldest failure that the status still shows, and why that run failed."""
    if not status.failed_runs:
        return ""
    run = status.failed_runs[-1]
    return f" (slot {rfc3339(run.slot)} of {run.job}{f': {run.message}' if run.message else ''})"


def _extent(plan: BackfillPlan) -> str:
    if plan.first is None or plan.last is None:
        return "no slot"
    jobs = "" if plan.jobs == 1 else f" of {plan.jobs} jobs"
    return f"{_count(plan.count, 'slot')}{jobs}, from {rfc3339(plan.first)} to {rfc3339(plan.last)}"


def _count(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
