"""What became of each slot of a job in a period: it ran, it was skipped and by which rule, it did not exist, or it is
to come. From the object alone, and therefore only as far back as its status goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from dkron_cli.core.job import Job
from dkron_cli.core.run import Result, Run, attempts_of, runs_of
from dkron_cli.core.skipping import because
from dkron_cli.core.slots import Timing, clock_changes, read_job
from dkron_cli.core.table import Table, table
from dkron_cli.core.words import exact_span, instant, read_time, span
from dkron_crds.schedule.timeline import TICK, Timeline

MOST = 500
"""Slots that are explained at once."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A slot, in one word, and as a sentence."""

    slot: datetime
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The slots of a period, and what has to be said about all of them."""

    slots: tuple[Explained, ...]
    remarks: tuple[str, ...]


def explain(job: Job, start: datetime, end: datetime, *, now: datetime) -> Explanation:
    """Explain the slots from `start` to `end`, both included."""
    timing, status = read_job(job), job.raw.get("status") or {}
    remarks = list(_standing(job, timing, status, now))
    if timing.parents:
        remarks.append(f"it runs after {', '.join(timing.parents)}, and has no slots; see dkronctl history {job.name}")
        return Explanation((), tuple(remarks))
    line = timing.line()
    if line is None:
        remarks.append(job.problem or "it has no schedule that can be read")
        return Explanation((), tuple(remarks))
    if start < timing.since:
        remarks.append(
            f"before {instant(timing.since)} another schedule was in force, or none: the job was created or changed "
            "then, and slots before that are not known"
        )
    if timing.starts and start < timing.starts:
        remarks.append(f"slots before spec.startsAt, {instant(timing.starts)}, do not exist")
    if timing.expires and end > timing.expires:
        remarks.append(f"slots after spec.expiresAt, {instant(timing.expires)}, do not exist")
    remarks += clock_changes(line.schedule, start, end)
    known = _Known(timing, status, now, kept=_kept_from(status, timing))
    if known.kept > max(start, timing.since):
        remarks.append(
            f"the status keeps runs from {instant(known.kept)} on (spec.history.executions); what earlier slots "
            "became is not known"
        )
    found = tuple(islice(_slots(line, start, end), MOST + 1))
    if len(found) > MOST:
        remarks.append(f"only the first {MOST} slots are shown; ask for a shorter period")
    return Explanation(tuple(known.told(slot) for slot in found[:MOST]), tuple(remarks))


def explain_at(job: Job, at: datetime, *, now: datetime) -> Explanation:
    """Explain one moment: its slot, or why there is none and which are next to it."""
    whole = at.replace(microsecond=0)
    found = explain(job, whole, whole, now=now)
    timing = read_job(job)
    line = timing.line()
    if found.slots or line is None:
        return found
    before, later = line.latest(None, whole - TICK), line.next(max(whole, timing.since))
    around = [f"the {name} slot is {instant(slot)}" for name, slot in (("latest", before), ("next", later)) if slot]
    none = f"{instant(whole)} is no slot of {job.when}" + (f"; {', '.join(around)}" if around else "")
    changes = clock_changes(line.schedule, whole - timedelta(days=1), whole + timedelta(days=1))
    near = explain(job, before, before, now=now).slots if before else ()
    return Explanation(near, (*found.remarks, none, *changes))


def explained_table(slots: Sequence[Explained]) -> Table:
    """Return the table of `explain`."""
    return table(("SLOT", "WHAT", "WHY"), [(instant(each.slot), each.word, each.sentence) for each in slots])


def _standing(job: Job, timing: Timing, status: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield what is true of all slots."""
    if timing.disabled:
        yield "it is disabled (spec.disabled): no slot from then on exists"
    if job.paused:
        yield f"it is {job.paused}"
    if not timing.seen:
        yield "the operator has not acted on the newest change of the job yet"
    if job.problem:
        yield f"{job.state}: {job.problem}"
    skipped = status.get("skipped") or {}
    if count := skipped.get("count"):
        what = "1 slot or request was" if count == 1 else f"{count} slots or requests were"
        newest = instant(read_time(skipped.get("lastTime")))
        yield f"{what} skipped, the newest {newest}: {because(str(skipped.get('lastReason')), job.problem)}"
    if timing.expires and timing.expires < now:
        yield f"it has expired (spec.expiresAt, {instant(timing.expires)})"


def _slots(line: Timeline, start: datetime, end: datetime) -> Iterator[datetime]:
    mark: datetime | None = start - TICK
    while (slot := line.next(mark)) is not None and slot <= end:
        yield slot
        mark = slot


def _kept_from(status: Mapping[str, Any], timing: Timing) -> datetime:
    """Return from when on each run that was made is still in the status."""
    executions = status.get("executions") or ()
    made = sum(value for key in ("successCount", "errorCount") if isinstance(value := status.get(key), int))
    slots = [at for at in (read_time(each.get("slot")) for each in executions) if at is not None]
    if made <= len(executions) or not slots:
        return timing.since
    return max(min(slots), timing.since)


class _Known:
    """What the status tells about slots."""

    def __init__(self, timing: Timing, status: Mapping[str, Any], now: datetime, *, kept: datetime) -> None:
        runs = runs_of(attempts_of(status))
        self._runs = {run.slot: run for run in runs if run.trigger == "schedule" and run.slot is not None}
        self._timing, self._now, self.kept = timing, now, kept
        skipped = status.get("skipped") or {}
        self._skipped_at = read_time(skipped.get("lastTime"))
        self._reason = str(skipped.get("lastReason") or "")
        self._paused = status.get("paused") or {}
        self._ahead = {read_time(each) for each in status.get("ranAhead") or ()}

    def told(self, slot: datetime) -> Explained:
        """Return what became of the slot."""
        run = self._runs.get(slot)
        if run is not None:
            return Explained(slot, "ran", _ran(run, self._now))
        if slot == self._skipped_at:
            return Explained(slot, "skipped", because(self._reason))
        if slot in self._ahead:
            return Explained(slot, "ran", "before its time, because a clock was ahead")
        if slot > self._now:
            return self._to_come(slot)
        if self._timing.mark is None or slot > self._timing.mark:
            return self._undecided(slot)
        return self._decided(slot)

    def _decided(self, slot: datetime) -> Explained:
        if slot >= self.kept:
            newest = f"the newest reason is {because(self._reason)}" if self._reason else "no reason is kept"
            return Explained(slot, "skipped", f"it became no run; {newest}; its Event may tell more")
        return Explained(slot, "unknown", "it is older than what the status keeps")

    def _to_come(self, slot: datetime) -> Explained:
        if self._timing.disabled:
            return Explained(slot, "none", "the job is disabled")
        return Explained(slot, "to come", f"in {span(slot - self._now)}")

    def _undecided(self, slot: datetime) -> Explained:
        if self._timing.disabled:
            return Explained(slot, "none", "the job is disabled")
        if self._paused:
            then = "it is dropped" if self._paused.get("drop") else "spec.missedRuns decides about it after the pause"
            return Explained(slot, "held", f"the job is paused; {then}")
        late = span(self._now - slot)
        return Explained(slot, "late", f"due {late} ago and not decided; see dkronctl doctor if that lasts")


def _ran(run: Run, now: datetime) -> str:
    parts = [run.result.value]
    if run.slot is not None and run.started is not None and run.started - run.slot >= timedelta(seconds=1):
        parts.append(f"{span(run.started - run.slot)} late")
    if run.started is not None:
        verb = "runs for" if run.result is Result.RUNNING else "took"
        parts.append(f"{verb} {exact_span((run.finished or now.astimezone(UTC)) - run.started)}")
    if run.tries > 1:
        parts.append(f"{run.tries} attempts")
    if run.why:
        parts.append(run.why)
    return ", ".join(parts)
