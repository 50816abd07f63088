"""Supervision: runs the long-lived parts of a program in tasks, and never lets one end unnoticed.

When a part ends, with an error or without, the supervisor logs it, reports it to the probes, and restarts the part
after a growing pause. A single fault therefore interrupts one part briefly, and a lasting fault makes the probes
restart the program.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dkron_kube.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0
"""Seconds before a part restarts."""
STEADY = 30.0
"""A part that has run for this many seconds restarts after the first pause again."""
PROBATION = 5.0
"""Seconds that a restarted part has to run before its end is no longer reported."""


@dataclass(slots=True)
class _Trouble:
    """Why a part has ended; `since` is when it restarted, None while it pauses."""

    reason: str
    since: float | None = None


class Supervisor:
    """Keeps parts running. `clock` is the monotonic clock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._troubles: dict[str, _Trouble] = {}

    @property
    def troubles(self) -> list[str]:
        """The parts that have ended and have not been running again for long enough, with their reasons."""
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
        """Run a part until the task is cancelled. If it `may_end`, a normal return is final. The task raises `fatal`
        exceptions."""
        return asyncio.create_task(self._live(name, work, fatal, may_end=may_end), name=name)

    async def _live(
        self, name: str, work: Callable[[], Awaitable[None]], fatal: tuple[type[Exception], ...], *, may_end: bool
    ) -> None:
        failures, backoff = 0, Backoff(FIRST_PAUSE, LAST_PAUSE)
        while True:
            began = self._clock()
            reason = await self._ended(name, work, fatal)
            if may_end and not reason:
                self._troubles.pop(name, None)
                return
            failures = 1 if self._clock() - began > STEADY else failures + 1
            pause = backoff.after(failures)
            trouble = self._troubles[name] = _Trouble(reason or "it returned")
            log.error("%s has ended: %s; restarting it in %.0f s", name, trouble.reason, pause)
            await asyncio.sleep(pause)
            trouble.since = self._clock()

    async def _ended(self, name: str, work: Callable[[], Awaitable[None]], fatal: tuple[type[Exception], ...]) -> str:
        """Run the part. Return why it ended, or an empty string if it returned normally."""
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
