"""Whether the process is alive and ready, as one sentence each, and how long work waits in the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from dkron_operator.watch.liveness import LastSign

HANG = 5.0
"""Seconds that work may have to wait in the event loop. A process that exceeds this again and again hangs."""
SILENCE = 150.0
"""Seconds that a watch may be silent; a healthy one is heard from every minute."""
FAILURE = 15.0
"""Seconds that a watch may fail to start again."""
BEAT = 0.5
"""Seconds between two beats."""
MEMORY = 60.0
"""Seconds that a late beat is remembered."""


class Phase(StrEnum):
    """The lifecycle phase of a process."""

    STARTING = "starting"
    WORKING = "working"
    LEFT = "left"
    STOPPING = "stopping"


def unhealthy(*, lag: float, ended: Sequence[str], troubles: Sequence[str] = ()) -> str:
    """Why the process should be restarted; empty if it should not. `ended` are tasks that should be alive, `troubles`
    parts that ended and are being restarted."""
    if ended or troubles:
        return f"a part of the operator has ended: {', '.join((*ended, *troubles))}"
    if lag > HANG:
        return f"the event loop is blocked: work waits for {lag:.1f} s, more than the {HANG:.0f} s allowed"
    return ""


def unready(
    phase: Phase, now: float, watches: Mapping[str, LastSign], *, troubles: Sequence[str] = (), lacking: str = ""
) -> str:
    """Why the operator does not do its work yet; empty if it does. `now` is of the monotonic clock, `watches` are by
    resource, `troubles` are parts that ended and are being restarted. `lacking` says why the REST API in the same pod
    lacks a token; empty if it has one, or there is none."""
    match phase:
        case Phase.STARTING:
            return "the operator is still reading the existing jobs from the API server"
        case Phase.LEFT:
            return "this replica was asked to leave: it fires nothing until it is restarted"
        case Phase.STOPPING:
            return "the operator is stopping"
        case Phase.WORKING:
            ended = (f"a part of the operator has ended: {trouble}" for trouble in troubles)
            wrong = (_wrong(resource, sign, now) for resource, sign in watches.items())
            return "; ".join(filter(None, (*ended, *wrong, lacking)))


def _wrong(resource: str, sign: LastSign, now: float) -> str:
    if sign.failing is not None and now - sign.failing > FAILURE:
        failing = f"the watch of {resource} has failed for {now - sign.failing:.0f} s"
        return f"{failing}: the API server does not answer, or refuses"
    if sign.seen is None:
        return f"the watch of {resource} has not started yet"
    if now - sign.seen > SILENCE:
        return f"the watch of {resource} has received nothing for {now - sign.seen:.0f} s"
    return ""


class LoopLag:
    """Beats while it runs. `clock` is the monotonic one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: float | None = None
        self._late: deque[tuple[float, float]] = deque()

    @property
    def lag(self) -> float:
        """How many seconds late the newest beat was, or the next one is by now."""
        overdue = 0.0 if self._due is None else self._clock() - self._due
        return max(overdue, self._late[-1][1] if self._late else 0.0)

    @property
    def worst(self) -> float:
        """The largest delay of a beat in the last minute, in seconds."""
        since = self._clock() - MEMORY
        return max((late for at, late in self._late if at >= since), default=0.0)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock() + BEAT
            await asyncio.sleep(BEAT)
            now = self._clock()
            self._late.append((now, max(now - self._due, 0.0)))
            while self._late[0][0] < now - MEMORY:
                self._late.popleft()
