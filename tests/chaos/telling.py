"""Facts in the words of a report: short, with the clock first."""

from datetime import datetime

from tests.chaos.history import Fault, Operation, Run


def run(seen: Run) -> str:
    """A run from its beginning to its end."""
    end = f"to {clock(seen.end)} {'succeeded' if seen.success else 'failed'}" if seen.end else "without an end"
    return f"{clock(seen.began)} {end}, {seen}"


def operation(op: Operation) -> str:
    """The operations, and whether each had an answer."""
    answer = f"answered {clock(op.answered)}" if op.answered else "never answered"
    spec = op.spec
    setting = f" ({spec.schedule or 'no schedule'}, {spec.concurrency}, {spec.missed_runs})" if spec else ""
    return f"{clock(op.invoked)} {op.act}{setting} {'refused' if op.refused else answer}"


def fault(broken: Fault) -> str:
    """The faults, and until when each lasted."""
    until = f"to {clock(broken.end)}" if broken.end else "until the end"
    return f"{clock(broken.begin)} {until} {broken.what}"


def clock(at: datetime) -> str:
    """The time of day, as exact as it is known."""
    text = at.strftime("%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".")
