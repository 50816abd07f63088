"""The operator with a wall clock that is wrong by as many seconds as the file CLOCK_SHIFT says, as on a machine that
no test sets; written again, it is a clock that a test sets. Its monotonic clock goes like any other. If ELECTS is
False, it acts whatever other replicas do.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from dkron_operator import main as program
from dkron_operator.kit.clock import Clock
from dkron_operator.lifecycle import Surroundings
from tests.support.operator_process import OperatorProcess
from tests.support.unelected import Unelected


class ShiftedOperator(OperatorProcess):
    """One replica, and the clock of its machine. It can be set while it runs, and between two runs."""

    module = "tests.support.shifted_operator"

    def __init__(
        self,
        log: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        shift: timedelta | None = None,
        elects: bool = True,
    ) -> None:
        self._clock = log.with_suffix(".clock")
        own = {"CLOCK_SHIFT": str(self._clock), "ELECTS": str(elects)}
        super().__init__(log, *arguments, environment={**(environment or {}), **own})
        self.set_clock(shift or timedelta(0))

    def set_clock(self, shift: timedelta) -> None:
        """Let it be wrong by so much from now on."""
        partial_file = self._clock.with_suffix(".partial")
        partial_file.write_text(str(shift.total_seconds()), encoding="utf-8")
        partial_file.rename(self._clock)


def main() -> None:
    """As `dkron-operator`."""
    file = Path(os.environ["CLOCK_SHIFT"])

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text(encoding="utf-8")))

    vars(program)["Clock"] = lambda: Clock(now=now)
    if os.environ["ELECTS"] == "False":
        vars(program)["Surroundings"] = partial(Surroundings, lease=Unelected)
    program.main()


if __name__ == "__main__":
    main()
