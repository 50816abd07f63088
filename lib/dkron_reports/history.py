"""The facts that a status still has about decided slots, and from when on."""

from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import datetime

from dkron_crds.schedule.instants import shifted
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_reports.line import runs_beside
from dkron_reports.past import Past, Skip
from dkron_reports.reading import Object, items, mapping, number, objects, whole
from dkron_reports.run import Run, attempts_of, runs_of
from dkron_reports.skipping import OF_REQUESTS, OF_SLOTS
from dkron_reports.slots import Timing
from dkron_reports.words import read_time


class History:
    """The runs and skips of one status, and of an archive. `since` is from when on they tell of slots. Each run of a
    slot is known from `kept` on, where the status begins; None if there is no status. An archive may lack earlier ones.
    """

    def __init__(  # noqa: PLR0917 - built in one place
        self, status: Object, timing: Timing, line: Timeline, now: datetime, past: Past | None = None
    ) -> None:
        self.all_runs = all_runs(status, past, mapping(timing.job.raw, "spec"))
        self.runs = {run.slot: run for run in self.all_runs if run.trigger == "schedule" and run.slot is not None}
        oldest_first = ((run.stands_for, run) for run in reversed(self.all_runs) if run.trigger != "schedule")
        self.again = {slot: run for slot, run in oldest_first if slot is not None}
        """The newest run on request of each slot, as a backfill makes one."""
        skipped = mapping(status, "skipped")
        self.skipped_at = read_time(skipped.get("lastTime"))
        self.reason = str(skipped.get("lastReason") or "")
        self.ahead = frozenset(read_time(each) for each in items(status, "ranAhead"))
        without_status = past is not None and past.without_status
        self.kept = None if without_status else _kept_from(status, timing)
        begins = () if past is None else (max(past.since, timing.since),)
        self.since = min((*begins, *(() if self.kept is None else (self.kept,))))
        self._slots = sorted(self.runs)
        self._skips = () if past is None else past.skips
        self._ends = {each.last for each in self._skips}
        self._whole: dict[Skip, bool] = {}
        self._mark, self._line = timing.mark, line
        spans = ((read_time(each.get("after")), read_time(each.get("until"))) for each in objects(status, "deferred"))
        self._deferred = [(after, until) for after, until in spans if until is not None]
        self.has_gaps = self._lacking(line, now) > number(skipped, "count")
        """Whether more slots became no run than were ever skipped, as after a client deleted the executions."""

    @property
    def refused_at(self) -> datetime | None:
        """When the newest skip was the refusal of a run on request; None if it was a slot, or may have been one."""
        at = self.skipped_at
        if at is None or self.reason in OF_SLOTS or (at < self._line.since and self.reason not in OF_REQUESTS):
            # Before the schedule counts, another one may have had a slot then.
            return None
        is_slot = self._line.latest(shifted(at, -TICK), at) == at
        return None if is_slot and self.decided(at) and self.reason not in OF_REQUESTS else at

    def decided(self, slot: datetime) -> bool:
        """Whether the operator has decided the slot."""
        return self._mark is not None and slot <= self._mark and not self.deferred(slot)

    def skip_of(self, slot: datetime) -> Skip | None:
        """Return the record that says why the slot did not run; None if there is none."""
        return next((each for each in self._skips if each.first <= slot <= each.last and self._is_whole(each)), None)

    def _is_whole(self, skip: Skip) -> bool:
        """Whether all slots of a record without a known run were skipped. A record that took up several stretches of
        slots also spans others, and one that goes on from an earlier record begins at its last slot."""
        known = self._whole.get(skip)
        if known is None:
            goes_on = skip.first in self._ends and skip.first < skip.last
            slots = self._line.count(skip.first if goes_on else shifted(skip.first, -TICK), skip.last)
            ran = bisect_right(self._slots, skip.last) - bisect_left(self._slots, skip.first)
            known = self._whole[skip] = slots - ran <= skip.count
        return known

    def deferred(self, slot: datetime) -> bool:
        """Whether the slot was missed and waits for its turn."""
        return any((after is None or after < slot) and slot <= until for after, until in self._deferred)

    def _lacking(self, line: Timeline, now: datetime) -> int:
        """Count the decided slots up to now of which the status would keep a run, and does not."""
        if self._mark is None or self.kept is None:
            return 0
        kept, last = self.kept, min(self._mark, now)
        begin = shifted(kept, -TICK)
        waiting = sum(line.count(max(after or begin, begin), min(until, last)) for after, until in self._deferred)
        return line.count(begin, last) - waiting - sum(kept <= slot <= last for slot in self.runs)


def all_runs(status: Object, past: Past | None, spec: Object) -> list[Run]:
    """Return the runs of a status and of an archive, newest first, each attempt once: as the status has it."""
    shown = attempts_of(status, spec)
    known = {each.job for each in shown}
    attempts = () if past is None else past.attempts
    further = (replace(each, beside=runs_beside(each.trigger, spec)) for each in attempts if each.job not in known)
    return runs_of([*shown, *further])


def _kept_from(status: Object, timing: Timing) -> datetime:
    """Return from when on each run of a slot is in the status.

    The operator keeps the executions that started last. A slot after the start of the oldest of them would have
    started later still. Executions of runs that are active are kept longer, and tell nothing about others.
    """
    executions = objects(status, "executions")
    if number(status, "successCount") + number(status, "errorCount") <= len(executions) or not executions:
        return timing.since
    active = {whole(each.get("group")) for each in objects(status, "active")}
    starts = [read_time(each.get("startedAt")) for each in executions if whole(each.get("group")) not in active]
    known = [at for at in starts if at is not None]
    return max(min(known), timing.since) if known else timing.mark or timing.since
