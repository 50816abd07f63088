"""What became of each slot of a job in a period: it ran, it was skipped and by which rule, it did not exist, or it is
to come; and the runs that no slot of the schedule caused. It reads the object, and goes as far back as its status goes,
or an archive."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from dkron_crds.schedule.instants import rfc3339, shifted
from dkron_crds.schedule.once import Never
from dkron_crds.schedule.timeline import TICK, Timeline
from dkron_reports.history import History, all_runs
from dkron_reports.job import Job, condition
from dkron_reports.line import NO_POOL
from dkron_reports.past import Past
from dkron_reports.pause_times import MISSED, PauseTimes
from dkron_reports.reading import Object, mapping, number
from dkron_reports.run import Result, Run
from dkron_reports.skipping import because, setting_of
from dkron_reports.slices import Steps, at_once
from dkron_reports.slots import Timing, clock_changes, following, past_the_last, read_timing
from dkron_reports.telling import beginning, sentence, wait_json
from dkron_reports.troubles import problem_in_words
from dkron_reports.words import instant, read_moment, read_time, span

MOST = 2000
"""Slots that are explained at once."""
LONGEST = timedelta(days=1830)
"""The longest period that is explained at once: five years."""
BACK, AHEAD = timedelta(hours=24), timedelta(hours=1)
"""The period that is explained if none is asked for: so long before now, and after."""
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


class What(StrEnum):
    """What became of a slot, in one word."""

    RAN = "ran"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    """A user stopped its run before that began."""
    REFUSED = "refused"
    """It was a request for a run."""
    NONE = "none"
    """It did not exist, or does not."""
    PAUSED = "paused"
    LATE = "late"
    WAITING = "waiting"
    """It waits in line for its turn."""
    TO_COME = "to come"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Explained:
    """A slot, what became of it in one word, and why as a sentence. A change of the clocks that took slots away stands
    at the instant of the change."""

    slot: datetime
    what: What
    why: str
    run: Run | None = None
    reason: str = ""
    """The reason of `status.skipped`, for a slot that it names."""
    setting: str = ""
    """The field whose rule decided."""

    def as_json(self) -> dict[str, Any]:
        """Return the slot for programs."""
        found: dict[str, Any] = {"slot": rfc3339(self.slot), "what": self.what.value, "why": self.why}
        if self.run is not None:
            late = self.run.late
            found |= {"trigger": self.run.trigger, "result": self.run.word, "attempts": self.run.tries}
            found |= {"group": self.run.group} | wait_json(self.run)
            found |= {} if late is None else {"late_seconds": late.total_seconds()}
        return found | {key: text for key, text in (("reason", self.reason), ("setting", self.setting)) if text}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The slots of a period, and what has to be said about all of them. `runs` are those that no slot here tells: on
    request, after a parent, or by an earlier schedule, each at its slot or at the time of its request. `known_since` is
    from when on each run is known; None for a job without slots."""

    job: str
    start: datetime
    end: datetime
    slots: tuple[Explained, ...] = ()
    runs: tuple[Explained, ...] = ()
    remarks: tuple[str, ...] = ()
    known_since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the explanation for programs."""
        return {
            "job": self.job,
            "from": rfc3339(self.start),
            "to": rfc3339(self.end),
            "known_since": None if self.known_since is None else rfc3339(self.known_since),
            "slots": [each.as_json() for each in self.slots],
            "runs": [each.as_json() for each in self.runs],
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, slots=True)
class Question:
    """The period to explain, both ends included; with `moment`, only its start."""

    start: datetime
    end: datetime
    moment: bool = False


def read_question(
    *, at: str | None = None, start: str | None = None, end: str | None = None, now: datetime, prefix: str = ""
) -> Question:
    """Return the question that these texts ask, None for absent. `prefix` is what stands before the names in messages.
    Raises ValueError with a sentence."""
    if at is not None:
        if start is not None or end is not None:
            raise ValueError(f"{prefix}at is a moment, {prefix}from and {prefix}to are a period; use one of them")
        moment = read_moment(f"{prefix}at", at, now)
        return Question(moment, moment, moment=True)
    first = now - BACK if start is None else read_moment(f"{prefix}from", start, now)
    last = shifted(max(now, first), AHEAD) if end is None else read_moment(f"{prefix}to", end, now)
    if first > last:
        raise ValueError(f"{prefix}from is later than {prefix}to; swap them")
    if last - first > LONGEST:
        raise ValueError(f"{prefix}from and {prefix}to are more than {LONGEST.days} days apart; use a shorter period")
    return Question(first, last)


def explain(job: Job, question: Question, *, now: datetime, pauses: Iterable[Object] = ()) -> Explanation:
    """Explain the slots of the question. Takes up to a tenth of a second."""
    return at_once(explaining(job, question, now=now, pauses=pauses))


def explaining(
    job: Job, question: Question, *, now: datetime, pauses: Iterable[Object] = (), past: Past | None = None
) -> Steps[Explanation]:
    """Explain the slots of the question, in steps. `pauses` are the DkronPauses that may have held the job, and `past`
    is what an archive has of the period."""
    known = _Known(PauseTimes(job, pauses, now), past, now)
    if not question.moment:
        return (yield from _period(job, question.start, question.end, known))
    whole = question.start.replace(microsecond=0)
    found = yield from _period(job, whole, whole, known)
    timing = read_timing(job)
    line = timing.line()
    if found.slots or line is None or isinstance(line.schedule, Never) or past_the_last(line.schedule, whole):
        return found
    if whole < timing.since:
        # Another schedule may have been in force, so whether it was a slot is not known.
        return found
    before, later = line.latest(None, shifted(whole, -TICK)), following(line, max(whole, timing.since))
    around = [f"the {name} slot is {instant(slot)}" for name, slot in (("latest", before), ("next", later)) if slot]
    none = f"{instant(whole)} is no slot of {job.when}" + (f"; {', '.join(around)}" if around else "")
    changes = clock_changes(line.schedule, shifted(whole, -DAY), shifted(whole, DAY))
    near = (yield from _period(job, before, before, known)).slots if before else ()
    remarks = (*found.remarks, none, *(each.sentence for each in changes))
    return replace(found, slots=near, remarks=remarks)


class _Known(NamedTuple):
    """The sources beside the object of the job."""

    pause_times: PauseTimes
    past: Past | None
    now: datetime


def _period(job: Job, start: datetime, end: datetime, sources: _Known) -> Steps[Explanation]:
    timing, status, now, past = read_timing(job), mapping(job.raw, "status"), sources.now, sources.past
    line = timing.line()
    history = None if line is None else History(status, timing, line, now, past)
    remarks = list(_of_all(job, timing, status, now, refused=history is not None and history.refused_at is not None))
    if line is None or history is None:
        known = all_runs(status, past, mapping(job.raw, "spec"))
        runs = _others(known, (), start, end, now=now)
        remarks += [_no_slots(job), *_newest(known, runs, now)]
        return Explanation(job.name, start, end, runs=runs, remarks=tuple(remarks))
    rules = _Rules(job, timing, history, sources)
    found: list[Explained] = []
    more = False
    for slot in _slots(line, rules.counts_from, start, end):
        yield
        more = len(found) == MOST
        if more:
            break
        found.append(rules.explain(slot))
    shown = found[-1].slot if more else end
    changes = clock_changes(line.schedule, start, shown)
    gone = [each for each in changes if each.takes_away and each.at >= timing.since]
    gaps = [Explained(each.at, What.NONE, each.sentence, setting="spec.timezone") for each in gone]
    slots = sorted([*found, *gaps], key=lambda each: each.slot)
    runs = _others(history.all_runs, slots, start, shown, now=now)
    runs = tuple(sorted((*runs, *_refusal(history, start, shown)), key=lambda each: each.slot))
    if isinstance(line.schedule, Never):
        remarks += [f"it runs only on request ({job.schedule})", *_newest(history.all_runs, runs, now)]
    has_slots = not isinstance(line.schedule, Never)
    since = _known_since(history, found) if has_slots else history.kept
    remarks += _bounds(timing, history, start, end, slots=has_slots)
    if since is not None and history.since != history.kept and since > max(history.since, start):
        remarks.append(f"before {instant(since)}, not each run is known")
    remarks += filter(None, (past_the_last(line.schedule, end),))
    remarks += [each.sentence for each in changes if not each.takes_away]
    if more:
        remarks.append(f"only the first {MOST} slots are shown, up to {instant(shown)}; start the next report there")
    return Explanation(job.name, start, end, tuple(slots), runs, tuple(remarks), since)


def _known_since(history: History, slots: Iterable[Explained]) -> datetime:
    """Return from when on the fate of each of these slots is known."""
    unknown = (each.slot for each in slots if each.what is What.UNKNOWN and each.slot >= history.since)
    return max((shifted(slot, SECOND) for slot in unknown), default=history.since)


def _others(
    runs: Iterable[Run], slots: Iterable[Explained], start: datetime, end: datetime, *, now: datetime
) -> tuple[Explained, ...]:
    """Return the runs of the period that these slots do not tell, the earliest first."""
    known = {(each.run.trigger, each.run.group) for each in slots if each.run is not None}
    known_runs = tuple(runs)
    found = [
        (at, run) for run in known_runs if (at := run.slot or run.started) and (run.trigger, run.group) not in known
    ]
    first = start.replace(microsecond=0)
    return tuple(
        _explained(at, run, known_runs, now)
        for at, run in sorted(found, key=lambda each: (each[0], each[1].group))
        if first <= at.replace(microsecond=0) <= end
    )


def _refusal(history: History, start: datetime, end: datetime) -> Iterator[Explained]:
    """Yield the newest request for a run if it was refused in the period, and none has come to nothing since."""
    at, reason = history.refused_at, history.reason
    if at is not None and start <= at <= end:
        yield Explained(
            at, What.REFUSED, f"a run on request: {because(reason)}", reason=reason, setting=setting_of(reason)
        )


def _newest(known: Sequence[Run], told: Sequence[Explained], now: datetime) -> Iterator[str]:
    """Yield how the newest run went, if the period has none."""
    if known and not told:
        yield f"its newest run {beginning(known[0])}: {sentence(known[0], known, now)}"


def _explained(at: datetime, run: Run, known: Sequence[Run], now: datetime) -> Explained:
    what = What.WAITING if run.result is Result.WAITING else What.STOPPED if run.never_began else What.RAN
    return Explained(at, what, sentence(run, known, now), run)


def _slots(line: Timeline, since: datetime, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the slots of the schedule after `since`, whether startsAt and expiresAt allow them or not."""
    whole = Timeline(line.schedule, since, None, None)
    mark: datetime | None = shifted(start, -TICK)
    while (slot := following(whole, mark)) is not None and slot <= end:
        yield slot
        mark = slot


def _no_slots(job: Job) -> str:
    if job.parents:
        return f"it runs after {', '.join(job.parents)}, and has no slots"
    return job.problem or "its schedule is not valid"


def _of_all(job: Job, timing: Timing, status: Object, now: datetime, *, refused: bool) -> Iterator[str]:
    """Yield the sentences that are true of all slots. `refused`: the newest skip was the refusal of a request."""
    if timing.job.disabled:
        yield "it is disabled (spec.disabled), so it has no further slots"
    if job.paused:
        yield f"it is {job.paused}"
    if not timing.seen:
        yield "the operator has not acted on the newest change of the job yet"
    yield from filter(None, (problem_in_words(job),))
    skipped = mapping(status, "skipped")
    if count := number(skipped, "count"):
        what = "1 slot or request was" if count == 1 else f"{count} slots or requests were"
        newest, why = instant(read_time(skipped.get("lastTime"))), because(str(skipped.get("lastReason")), job.problem)
        others = "" if count == 1 else "; of the others, Events and DkronRuns may tell why"
        yield f"{what} skipped, the newest{', a request at' if refused else ''} {newest}: {why}{others}"
    if timing.expires and timing.expires < now:
        yield f"it has expired (spec.expiresAt, {instant(timing.expires)})"


def _bounds(timing: Timing, history: History, start: datetime, end: datetime, *, slots: bool) -> Iterator[str]:
    """Yield where the period leaves what is known. `slots` is whether the schedule has any."""
    if slots and start < timing.since:
        yield (
            f"the schedule counts from {instant(timing.since)} on: of earlier slots, only the runs that the status "
            "keeps are known"
        )
    if history.since > max(start, timing.since):
        earlier = "the fate of earlier slots is unknown" if slots else "earlier ones are unknown"
        yield f"the status keeps runs from {instant(history.since)} on (spec.history.executions); {earlier}"
    if not slots:
        return
    if timing.starts and start < timing.starts:
        yield f"slots before spec.startsAt, {instant(timing.starts)}, do not exist"
    if timing.expires and end > timing.expires:
        yield f"slots after spec.expiresAt, {instant(timing.expires)}, do not exist"


class _Rules:
    """Explains one slot after another by what the status tells."""

    def __init__(self, job: Job, timing: Timing, history: History, sources: _Known) -> None:
        self._timing, self._history = timing, history
        self._pause_times, self._now = sources.pause_times, sources.now
        ready, noted = condition(job.raw, "Ready"), mapping(job.raw, "status").get("paused")
        problem = job.problem if ready.get("status") == "False" else ""
        # Slots of a job whose pool is missing join its line.
        self._broken, self._no_pool = ("", problem) if ready.get("reason") == NO_POOL else (problem, "")
        self._paused = job.paused
        pause: Object = noted if isinstance(noted, Mapping) else {}
        self._drops, self._until = bool(pause.get("drop")), read_time(pause.get("until"))
        self._resumed = timing.resumed()
        self.counts_from = timing.since if self._resumed is None else job.created or timing.since
        """From when on slots are explained."""

    def explain(self, slot: datetime) -> Explained:
        """Return the fate of the slot."""
        run = self._history.runs.get(slot) or self._history.again.get(slot)
        if run is not None:
            return _explained(slot, run, self._history.all_runs, self._now)
        skip = self._history.skip_of(slot)
        if skip is not None:
            return Explained(slot, What.SKIPPED, skip.why, reason=skip.reason, setting=setting_of(skip.reason))
        if slot == self._history.skipped_at and self._history.refused_at is None:
            reason = self._history.reason
            by_pause = (self._pause_times.known(slot) or self._likely(slot)) if reason in MISSED else ""
            setting = "DkronPause" if by_pause else setting_of(reason)
            return Explained(slot, What.SKIPPED, by_pause or because(reason), reason=reason, setting=setting)
        if slot in self._history.ahead:
            return Explained(slot, What.RAN, "early, because a clock was ahead")
        if self._resumed is not None and slot <= self._timing.since:
            return self._not_resumed(slot, self._resumed)
        return self._outside(slot) or (self._decided(slot) if self._history.decided(slot) else self._undecided(slot))

    def _not_resumed(self, slot: datetime, resumed: datetime) -> Explained:
        bounded, mark = self._timing.starts or self._timing.expires, self._timing.mark
        # The condition keeps no reason of the time before.
        what = "disabled, or outside of spec.startsAt and spec.expiresAt," if bounded else "disabled"
        why = f"the job was {what} until {instant(resumed)}"
        if mark is not None and slot > mark:
            # When it was disabled, all slots up to then were decided.
            return Explained(slot, What.NONE, why, setting="spec.disabled")
        return Explained(slot, What.UNKNOWN, f"not known: {why}, and from when on is not kept")

    def _outside(self, slot: datetime) -> Explained | None:
        timing = self._timing
        if timing.starts and slot < timing.starts:
            return Explained(slot, What.NONE, because("NotStarted"), setting="spec.startsAt")
        if timing.expires and slot > timing.expires:
            return Explained(slot, What.NONE, because("Expired"), setting="spec.expiresAt")
        return None

    def _decided(self, slot: datetime) -> Explained:
        if slot < self._history.since:
            return Explained(slot, What.UNKNOWN, "older than the runs that the status keeps")
        kept = self._history.kept
        if kept is None or slot < kept:
            return Explained(slot, What.UNKNOWN, "the archive has neither a run of it, nor that it was skipped")
        if why := self._pause_times.known(slot):
            return Explained(slot, What.SKIPPED, why, setting="DkronPause")
        if self._history.has_gaps:
            return Explained(slot, What.UNKNOWN, "its run is not kept: it was skipped, or its execution was deleted")
        if why := self._likely(slot):
            return Explained(slot, What.SKIPPED, why, setting="DkronPause")
        return Explained(slot, What.SKIPPED, "it did not run; no reason is kept; its Event may say more")

    def _likely(self, slot: datetime) -> str:
        return self._pause_times.likely(slot, self._history.runs.values())

    def _undecided(self, slot: datetime) -> Explained:
        if self._timing.job.disabled:
            return Explained(slot, What.NONE, "the job is disabled", setting="spec.disabled")
        if self._broken:
            return Explained(slot, What.NONE, f"the job is not ready: {self._broken}")
        if self._paused and (self._until is None or slot <= self._until):
            then = "it is dropped" if self._drops else "spec.missedRuns decides about it after the pause"
            return Explained(slot, What.PAUSED, f"the job is {self._paused}; {then}", setting="DkronPause")
        if self._history.deferred(slot):
            why = "missed, and waits for its turn"
            return Explained(slot, What.LATE, why, setting="spec.concurrency")
        if slot > self._now:
            then = f", and then waits in line: {self._no_pool}" if self._no_pool else ""
            return Explained(slot, What.TO_COME, f"in {span(slot - self._now)}{then}")
        late = span(self._now - slot)
        return Explained(slot, What.LATE, f"due {late} ago and not decided; see dkronctl doctor if that lasts")
