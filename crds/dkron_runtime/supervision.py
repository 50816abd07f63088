"""Supervision: what a program does all its life, in tasks that do not end unseen.

A part that ends, by an error or by itself, is told in the log and to the probes, and begins anew after a pause that
grows. So one fault costs a moment of one part, and a fault that stays has the program restarted by its probes.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0
"""Seconds until a part begins anew."""
STEADY = 30.0
"""A part that has lived for so many seconds begins anew after the first pause."""
PROBATION = 5.0
"""Seconds that a part has to live until nothing is said about its end any more."""


@dataclass(slots=True)
class _Trouble:
    """How a part has ended; `since` is when it has begun anew, None while it pauses."""

    reason: str
    since: float | None = None


class Supervisor:
    """Keeps parts alive. `clock` is the monotonic one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._troubles: dict[str, _Trouble] = {}

    @property
    def troubles(self) -> list[str]:
        """The parts that have ended and do not live again for long enough, with the reason of each."""
        now = self._clock()
        return [
            f"{name} ({trouble.reason})"
            for name, trouble in self._troubles.items()
            if trouble.since is None or now - trouble.since < PROBATION
        ]

    def start(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        fatal: tuple[type[Exception], ...] = (),
        may_end: bool = False,
    ) -> asyncio.Task[None]:
        """Have a part live until the task is cancelled. If it `may_end`, its own end is meant; the task raises what is
        `fatal`."""
        return asyncio.create_task(self._live(name, work, fatal, may_end=may_end), name=name)

    async def _live(
        self, name: str, work: Callable[[], Awaitable[None]], fatal: tuple[type[Exception], ...], *, may_end: bool
    ) -> None:
        pause = FIRST_PAUSE
        while True:
            began = self._clock()
            reason = await self._ended(name, work, fatal)
            if may_end and not reason:
                self._troubles.pop(name, None)
                return
            pause = FIRST_PAUSE if self._clock() - began > STEADY else pause
            trouble = self._troubles[name] = _Trouble(reason or "it came to an end")
            log.error("%s has ended: %s; it begins anew in %.0f s", name, trouble.reason, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)
            trouble.since = self._clock()

    async def _ended(self, name: str, work: Callable[[], Awaitable[None]], fatal: tuple[type[Exception], ...]) -> str:
        """Do the work; why it has ended, empty if it came to its end."""
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return "it was cancelled"
        except fatal:
            raise
        except Exception as exc:
            log.exception("%s has failed", name)
            return _reason(exc)
        return ""


def _reason(exc: BaseException) -> str:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
