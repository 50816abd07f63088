"""The operator with a wall clock that is wrong by `CLOCK_SHIFT` seconds, as on a machine that nobody sets. Its
monotonic clock goes like any other.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import partial

from dkron_operator import main as program
from dkron_operator.app import Operator
from dkron_operator.clock import Clock


def main() -> None:
    """As `dkron-operator`."""
    shift = timedelta(seconds=float(os.environ["CLOCK_SHIFT"]))
    clock = Clock(now=lambda: datetime.now(UTC) + shift)
    vars(program)["Operator"] = partial(Operator, clock=clock)
    program.main()


if __name__ == "__main__":
    main()
