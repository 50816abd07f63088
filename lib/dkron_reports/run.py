"""Runs of a job: the attempts and members of one group, merged."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from dkron_crds.attempt_state import CLAIMS, ENDS, WAITS, AttemptState
from dkron_crds.stops import STOPPED
from dkron_reports.line import NO_SPEC, is_waiting, missing_pool, run_of, runs_beside, shown_line_of
from dkron_reports.pools import PoolPlace, in_words, places_of
from dkron_reports.reading import Object, objects, whole
from dkron_reports.words import exact_span, instant, one_line, read_time, span

SECOND = timedelta(seconds=1)
NANOSECONDS = 1_000_000_000
REQUESTED = ("manual", "backfill")
"""Triggers of runs that may be given something."""
ENOUGH = 3
"""Attempts from which the usual length is known."""
SLOW, SLOWER = "slow", 1.5
"""The word for jobs whose newest attempt is longer than usual, and from how many times the usual length on it is."""
LONGEST_LINE = 200
"""Characters of a line of output in a report."""
EXITS = {
    126: "not executable",
    127: "command not found",
    137: "killed, perhaps out of memory",
    143: "terminated",
}
"""What exit codes of a shell mean."""


_ASKED_TO_STOP = re.compile(r"asked for( at (?P<at>\S+))?( by (?P<who>.*))?", re.DOTALL)
"""The message of an attempt that a user stopped."""


class Result(StrEnum):
    """How a run stands, in Dkron's words, and `waiting` for one in line."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIALLY_FAILED = "partially_failed"


NEVER_BEGAN = "stopped"
"""The word for an attempt or a run that was stopped before it began. Its result is failed, which is how it counts."""
GOING = (Result.WAITING, Result.RUNNING)
"""Results of a run that is not over."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one member. `finished` is None while it runs or waits. `started` is None while it waits in line: only
    its turn decides that."""

    id: str
    group: int
    number: int
    started: datetime | None
    finished: datetime | None = None
    state: AttemptState = AttemptState.RUNNING
    job: str = ""
    slot: datetime | None = None
    trigger: str = ""
    member: str = ""
    node: str = ""
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    output: str = ""
    uid: str = ""
    """The uid of the Job, while it is active."""
    queued: datetime | None = None
    """Since when its run waited in line; None if it did not wait."""
    place: int = 0
    """The place of its run in the line of the job, or of its Job among those that Kueue may admit; 1 for the next one,
    and 0 if it is not known, or for none."""
    pools: tuple[PoolPlace, ...] = ()
    """The places of its run in the lines of pools, as far as they are known."""
    beside: bool = False
    """Whether its run waits, or waited, for no other run of its job."""
    queue: str = ""
    """The LocalQueue of Kueue in which its Job waits; empty if it does not."""
    evictions: int = 0
    """How often Kueue has stopped its Job, which waits again. Nothing tells since when it does so."""
    admitted: datetime | None = None
    """When Kueue first admitted a Job that waits again."""
    no_pool: str = ""
    """The pool that it waits for in vain, and why, as a part of a sentence; empty if each pool of the job serves it."""

    @property
    def where(self) -> str:
        """Where it waits, in a few words; empty if that is not known."""
        if self.queue:
            place = f", place {self.place} in its ClusterQueue" if self.place else ""
            return f"{_in_queue(self.queue, self.evictions)}{place}"
        return self.no_pool or in_words(self.place, self.pools)

    @property
    def begun(self) -> bool:
        """False for a claim: its Job has yet to be created."""
        return self.state not in CLAIMS

    @property
    def waits(self) -> bool:
        """Whether it waits, in line or in a queue of Kueue."""
        return self.state in WAITS

    @property
    def success(self) -> bool | None:
        """Whether it has succeeded; None while it is active."""
        return self.state is AttemptState.SUCCEEDED if self.state in ENDS else None

    def waited(self, now: datetime) -> timedelta | None:
        """Return how long it waited before it first began, up to now if it has not; None if it did not wait."""
        return None if self.queued is None else max((self.started or self.admitted or now) - self.queued, timedelta())

    def took(self, now: datetime) -> timedelta | None:
        """Return how long it ran, up to now if it still does; None if it did not begin."""
        return None if self.started is None or self.never_began else (self.finished or now) - self.started

    @property
    def never_began(self) -> bool:
        """Whether it was stopped before it began."""
        return self.state is AttemptState.CANCELLED


@dataclass(frozen=True, slots=True)
class Run:
    """All attempts of one cause, in the order of their starts."""

    group: int
    attempts: tuple[Attempt, ...]

    @property
    def slot(self) -> datetime | None:
        """The scheduled time, or the time of the request."""
        return self.attempts[0].slot

    @property
    def stands_for(self) -> datetime | None:
        """The slot of the schedule that it stands for; None for a run after a parent, and for one on request that was
        given none."""
        return self.slot if self.trigger == "schedule" else slot_of(self.trigger, self.slot, self.group)

    @property
    def trigger(self) -> str:
        """The cause: schedule, manual, backfill or dependent; empty if the server does not tell."""
        return self.attempts[0].trigger

    @property
    def started(self) -> datetime | None:
        """When the first attempt began."""
        return self.attempts[0].started

    @property
    def never_began(self) -> bool:
        """Whether each of its attempts was stopped before it began."""
        return all(each.never_began for each in self.attempts)

    @property
    def queued(self) -> datetime | None:
        """Since when it waited in line; None if it did not wait."""
        return self.attempts[0].queued

    @property
    def place(self) -> int:
        """Its place in the line of the job; 0 for none."""
        return self.attempts[0].place

    @property
    def where(self) -> str:
        """Where it waits, in a few words; empty if it does not, or if that is not known."""
        return next((each.where for each in self.attempts if each.where), "")

    @property
    def finished(self) -> datetime | None:
        """When the last attempt ended; None while one is active."""
        ends = [each.finished for each in self.attempts]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def last_of_each(self) -> tuple[Attempt, ...]:
        """The last attempt of each member, which decides."""
        return tuple({each.member: each for each in sorted(self.attempts, key=lambda one: one.number)}.values())

    @property
    def result(self) -> Result:
        """How it ended: the last attempt of each member decides."""
        if any(each.finished is None for each in self.attempts):
            return Result.WAITING if all(each.waits for each in self.attempts) else Result.RUNNING
        good = [each.success for each in self.last_of_each]
        return Result.SUCCESS if all(good) else Result.PARTIALLY_FAILED if any(good) else Result.FAILED

    @property
    def word(self) -> str:
        """The result as people are told it."""
        return NEVER_BEGAN if self.never_began else self.result.value

    @property
    def tries(self) -> int:
        """The highest number of an attempt."""
        return max(each.number for each in self.attempts)

    @property
    def late(self) -> timedelta | None:
        """By how much the first attempt began after its slot, at least 0; None unless a schedule caused the run. A wait
        in line is not lateness."""
        began = self.queued or self.started
        if self.trigger != "schedule" or self.slot is None or began is None:
            return None
        return max(began - self.slot, timedelta())

    def waited(self, now: datetime) -> timedelta | None:
        """Return how long it waited in line, up to now if it still does; None if it did not wait."""
        return self.attempts[0].waited(now)

    def took(self, now: datetime) -> timedelta | None:
        """Return how long it took from the start of the first attempt, up to now if it still runs; None if none
        began."""
        if self.started is None or all(each.took(now) is None for each in self.attempts):
            return None
        return (self.finished or now) - self.started

    def sentence(self, now: datetime, *, behind: str = "") -> str:
        """Return how it went, in a few words. `behind` is what it waited for, if it waited in line."""
        if self.never_began:
            return ", ".join((self.why, *self._wait(now, behind)))
        late, parts = self.late, [self.result.value]
        if late is not None and late >= SECOND:
            parts.append(f"{span(late)} late")
        parts += self._wait(now, behind)
        if (took := self.took(now)) is not None:
            parts.append(f"{'runs for' if self.result is Result.RUNNING else 'took'} {exact_span(took)}")
        if self.tries > 1:
            parts.append(f"{self.tries} attempts")
        return ", ".join(filter(None, (*parts, self.why)))

    def _wait(self, now: datetime, behind: str) -> list[str]:
        waited = self.waited(now)
        if waited is None:
            return []
        ahead = f" behind {behind}" if behind else ""
        if self.attempts[0].evictions:
            return [self.where]
        if self.started is None:
            return [f"since {instant(self.queued)} ({span(waited)}){ahead}", *filter(None, (self.where,))]
        return [f"waited {span(waited)} from {instant(self.queued)} to {instant(self.started)}{ahead}"]

    @property
    def why(self) -> str:
        """Why it failed, from the last attempt that did; empty for a success."""
        bad = next((each for each in reversed(self.attempts) if each.success is False), None)
        return "" if bad is None or self.result is Result.SUCCESS else reason_of(bad)


def slot_of(trigger: str, slot: datetime | None, group: int) -> datetime | None:
    """Return the slot that a requested run stood for; None if that was the time of the request."""
    if trigger not in REQUESTED or slot is None or int(slot.timestamp()) == group // NANOSECONDS:
        return None
    return slot


def reason_of(attempt: Attempt) -> str:
    """Return why an attempt failed, in a few words. Of one that a user stopped, the exit code tells nothing."""
    early = f" before {'it' if attempt.number == 1 else 'the attempt'} began" if attempt.never_began else ""
    asked = _ASKED_TO_STOP.fullmatch(attempt.message) if attempt.reason == STOPPED else None
    if asked is not None:
        who, at = asked["who"], read_time(asked["at"])
        return one_line(f"stopped{f' by {who}' if who else ''}{f' at {instant(at)}' if at else ''}{early}")
    code = "" if attempt.exit_code is None else f"exit {attempt.exit_code}"
    if attempt.exit_code in EXITS:
        code += f" ({EXITS[attempt.exit_code]})"
    plain = attempt.reason in ("", "Error")
    return one_line(": ".join(filter(None, (code if plain and code else attempt.reason, attempt.message))) + early)


def usual(status: Object) -> float | None:
    """Return the median of the seconds that attempts took which succeeded; None for fewer than `ENOUGH`."""
    ended = [each for each in objects(status, "executions") if each.get("state") == AttemptState.SUCCEEDED]
    spans = ((read_time(each.get("startedAt")), read_time(each.get("finishedAt"))) for each in ended)
    took = sorted(
        max(0.0, (end - start).total_seconds()) for start, end in spans if start is not None and end is not None
    )
    return took[(len(took) - 1) // 2] if len(took) >= ENOUGH else None


def is_slow(status: Object, now: datetime) -> bool:
    """Whether the attempt that runs longest, or the newest one if none runs, takes longer than usual."""
    usually = usual(status)
    if usually is None:
        return False
    active = (each for each in objects(status, "active") if not is_waiting(each))
    began = [start for start in (read_time(each.get("startedAt")) for each in active) if start]
    newest = next(iter(objects(status, "executions")), {})
    start, end = (
        (min(began), now) if began else (read_time(newest.get("startedAt")), read_time(newest.get("finishedAt")))
    )
    took = 0.0 if start is None or end is None else (end - start).total_seconds()
    return took >= SECOND.total_seconds() and took >= SLOWER * usually


def last_line(attempt: Attempt) -> str:
    """Return the last line of its output that is not empty, cut to what a list has room for."""
    return one_line(attempt.output.rstrip().rpartition("\n")[2])[:LONGEST_LINE]


def attempts_of(status: Object, spec: Object = NO_SPEC) -> list[Attempt]:
    """Return the active and the ended attempts that a status of a DkronJob shows. The spec says which of the runs that
    wait in line comes first."""
    line = shown_line_of(status, spec)
    no_pool = missing_pool(status) if line else ""
    active = [
        _attempt(each, spec, place=line.get(run_of(each)) if line and is_waiting(each) else None, no_pool=no_pool)
        for each in objects(status, "active")
    ]
    ended = [_attempt(each, spec, ended=True) for each in objects(status, "executions")]
    return [*active, *ended]


def attempts_of_run(status: Object) -> list[Attempt]:
    """Return the attempts that a status of a DkronRun shows, without ids and uids, which it does not have."""
    shown = [_attempt(each, NO_SPEC, ended=each.get("finishedAt") is not None) for each in objects(status, "attempts")]
    return [replace(each, group=whole(status.get("group"))) for each in shown]


def runs_of(attempts: Iterable[Attempt]) -> list[Run]:
    """Return the runs, newest first."""

    def order(each: Attempt) -> tuple[int, str, int, str]:
        return each.group, "" if each.started is None else each.started.isoformat(), each.number, each.member

    grouped = groupby(sorted(attempts, key=order), key=lambda each: each.group)
    return [Run(group, tuple(members)) for group, members in grouped][::-1]


def _in_queue(queue: str, evictions: int) -> str:
    """Return that a Job waits in this LocalQueue, and how often Kueue has stopped it."""
    times = "once" if evictions == 1 else f"{evictions} times"
    return f"again in LocalQueue {queue} (evicted {times})" if evictions else f"in LocalQueue {queue}"


def _attempt(raw: Object, spec: Object, *, ended: bool = False, place: int | None = None, no_pool: str = "") -> Attempt:
    """Return an entry of a status. `place` is the place in line of a run that waits; None for any other. `no_pool` is
    what `missing_pool` says."""
    code, pools, queue = raw.get("exitCode"), places_of(raw), str(raw.get("queue") or "")
    evictions = whole(raw.get("evictions")) if queue else 0
    trigger = str(raw.get("trigger") or "")
    return Attempt(
        id=str(raw.get("id") or ""),
        group=whole(raw.get("group")),
        number=whole(raw.get("attempt")) or 1,
        started=None if place is not None or queue else read_time(raw.get("startedAt")),
        finished=read_time(raw.get("finishedAt")) if ended else None,
        state=_state(raw, ended=ended),
        job=str(raw.get("job") or ""),
        slot=read_time(raw.get("slot")),
        trigger=trigger,
        member=str(raw.get("member") or ""),
        node=str(raw.get("nodeName") or ""),
        exit_code=code if isinstance(code, int) else None,
        reason=str(raw.get("reason") or ""),
        message=str(raw.get("message") or ""),
        output=str(raw.get("output") or ""),
        uid=str(raw.get("uid") or ""),
        queued=read_time(raw.get("queuedAt")),
        place=place or (whole(raw.get("place")) if queue else 0),
        pools=pools,
        beside=runs_beside(trigger, spec) or any(each.place for each in pools),
        queue=queue,
        evictions=evictions,
        admitted=read_time(raw.get("startedAt")) if evictions else None,
        no_pool="" if place is None else no_pool,
    )


def _state(raw: Object, *, ended: bool) -> AttemptState:
    """Return the state of an entry; if it is none that this version knows, one that fits its place."""
    state = str(raw.get("state"))
    if state in set(AttemptState):
        return AttemptState(state)
    return AttemptState.FAILED if ended else AttemptState.RUNNING


def end_state(
    *, success: bool, reason: str, exit_code: int | None, started: datetime | None, finished: datetime | None
) -> AttemptState:
    """Return how an attempt ended of which only Dkron's fields tell. Of those that were stopped, one that never began
    has one time for its beginning and its end, and no exit code."""
    if success:
        return AttemptState.SUCCEEDED
    never = reason == STOPPED and exit_code is None and started == finished
    return AttemptState.CANCELLED if never else AttemptState.FAILED
