"""The operators of a storm. One that ends by itself is started again, as Kubernetes would."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos.history import Fault
from tests.support.operator_process import OperatorProcess
from tests.support.shifted_operator import ShiftedOperator

READY_SECONDS = 120.0
"""Seconds that a start may take where many other things happen on the machine."""
SETTLED = 20.0
"""Seconds after the start of an operator until it surely has found out who leads, and has seen everything."""


class Crew:
    """`told` hears of each fault when it is over, among them the times in which no operator lived. `fallen` is what
    none of them should do: to end without being asked, or not in order when asked. `on_time`: when a clock that was set
    right says what it has said before."""

    def __init__(self, operators: list[ShiftedOperator], told: Callable[[Fault], None]) -> None:
        self.operators = operators
        self.fallen: list[str] = []
        self.on_time = datetime.now(UTC)
        self._told = told
        self._frozen: dict[int, datetime] = {}
        self._wrong: dict[int, tuple[timedelta, datetime]] = {}
        self._away: dict[int, tuple[str, datetime]] = {}
        self._starting: dict[int, tuple[str, datetime]] = {}
        self._alone: datetime | None = None
        self._started = time.monotonic()

    def start(self) -> None:
        """Start all of them, and wait until they are ready."""
        for operator in self.operators:
            operator.start(wait=False)
        for operator in self.operators:
            operator.wait_for_line("ready with", seconds=READY_SECONDS)
        self._started = time.monotonic()

    def able(self) -> list[int]:
        """Those that run and are not frozen."""
        return [n for n, operator in enumerate(self.operators) if operator.running and n not in self._frozen]

    def is_settled(self) -> bool:
        """Whether all run and have done so for a while: one of them acts, and remembers what was."""
        return len(self.able()) == len(self.operators) and time.monotonic() > self._started + SETTLED

    def end(self, number: int, how: signal.Signals) -> bool:
        """End one: at once, or as Kubernetes does. Whether it is still to be started again."""
        operator, begin = self.operators[number], datetime.now(UTC)
        if not operator.running:
            return False
        self.thaw(number)
        if how is signal.SIGKILL:
            operator.kill()
        else:
            self._stop(operator)
        self._lost(number, f"{how.name} to operator {number + 1}", begin)
        return True

    def freeze(self, number: int) -> None:
        """Stop it where it stands."""
        self._frozen[number] = datetime.now(UTC)
        self.operators[number].pause()

    def thaw(self, number: int) -> None:
        """Let it go on, if it was frozen."""
        begin = self._frozen.pop(number, None)
        if begin is not None:
            self.operators[number].resume()
            self._told(Fault(what=f"SIGSTOP of operator {number + 1}", begin=begin, end=datetime.now(UTC)))

    def set_clock(self, number: int, shift: timedelta) -> bool:
        """Let its clock be wrong by so much; False if it is wrong already."""
        if number in self._wrong:
            return False
        self._wrong[number] = (shift, datetime.now(UTC))
        self.operators[number].set_clock(shift)
        return True

    def set_right(self, number: int) -> None:
        """Let its clock be right, if it was wrong."""
        if number not in self._wrong:
            return
        shift, begin = self._wrong.pop(number)
        self.on_time = max(self.on_time, datetime.now(UTC) + abs(shift))
        self.operators[number].set_clock(timedelta(0))
        what = f"clock of operator {number + 1} wrong by {shift.total_seconds():+.0f} s"
        self._told(Fault(what=what, begin=begin, end=datetime.now(UTC), skew=shift))

    def call(self, number: int) -> None:
        """Start it again, if it does not run."""
        if self.operators[number].running:
            return
        now = datetime.now(UTC)
        self.operators[number].start(wait=False)
        self._started = time.monotonic()
        if self._alone is not None:
            self._told(Fault(what="no operator lived", begin=self._alone, end=now, down=True))
            self._alone = None
        self._starting[number] = self._away.pop(number, ("an operator was not there", now))

    def look_after(self) -> None:
        """Start those again that have ended by themselves, and notice those that are ready again."""
        for number in [number for number in self._starting if _is_ready(self.operators[number])]:
            self._back(number)
        for number, operator in enumerate(self.operators):
            if not operator.running and number not in self._away:
                words = str([{}, *operator.lines()][-1].get("msg", ""))
                if _is_ready(operator):
                    # While it starts, it may give up if the API server does not answer as it should.
                    self.fallen.append(f"operator {number + 1} has ended by itself: {words}")
                self._lost(number, f"operator {number + 1} has ended: {words}", datetime.now(UTC))
                self.call(number)

    def heal(self) -> None:
        """Have all of them run."""
        for number in range(len(self.operators)):
            self.thaw(number)
            self.set_right(number)
            self.call(number)

    def is_whole(self) -> bool:
        """Whether all of them run and are ready."""
        return not self._starting and len(self.able()) == len(self.operators)

    def finish(self) -> None:
        """Stop all of them in order."""
        for number, operator in enumerate(self.operators):
            self.thaw(number)
            if operator.running:
                self._stop(operator)

    def complaints(self) -> list[str]:
        """What none of them should have done, and the tracebacks in their logs."""
        return [*self.fallen, *(trace for operator in self.operators for trace in _traces(operator.log))]

    def abandon(self) -> None:
        """Kill what is left of them."""
        for operator in self.operators:
            if operator.running:
                operator.kill()

    def _stop(self, operator: OperatorProcess) -> None:
        begun = _is_ready(operator)
        try:
            code = operator.end(signal.SIGTERM)
        except AssertionError as error:
            self.fallen.append(str(error).splitlines()[0])
            return
        # One that has hardly begun does not listen to signals yet, and just ends.
        if code != 0 and begun:
            self.fallen.append(f"an operator ended with {code} after SIGTERM")

    def _back(self, number: int) -> None:
        """What had befallen it lasted until it was ready again: how long that takes is the machine's business."""
        what, begin = self._starting.pop(number)
        self._told(Fault(what=what, begin=begin, end=datetime.now(UTC)))

    def _lost(self, number: int, what: str, begin: datetime) -> None:
        if number in self._starting:
            self._back(number)
        self._away[number] = (what, begin)
        if not any(operator.running for operator in self.operators) and self._alone is None:
            self._alone = datetime.now(UTC)


def _traces(log: Path) -> Iterator[str]:
    """The lines with a traceback. What asyncio has to say about a library's generators after the end is left out."""
    before = ""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if "Traceback" in line and '"msg": "stopped"' not in before:
            yield line
        before = line


def _is_ready(operator: OperatorProcess) -> bool:
    return any("ready with" in str(line["msg"]) for line in operator.lines())
