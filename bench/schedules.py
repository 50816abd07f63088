"""What schedules cost: parse, next, latest and count, beside croniter and beside a loop that does nothing.

    python bench/schedules.py

All figures of a line come from one run of one process, the best of several rounds of CPU time, so the ratios hold
on a busy machine too. The last part tries texts that were made to be expensive.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count

from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from dkron_crds.schedule import Schedule, parse

SINCE = datetime(2026, 3, 7, 12, tzinfo=UTC)
WEEK = SINCE + timedelta(days=7)
YEARS = SINCE + timedelta(days=3653)
ROUNDS = 5
BUDGET_MS = 10

KINDS = (
    ("every second", "* * * * * *", "UTC"),
    ("every 5 seconds", "*/5 * * * * *", "UTC"),
    ("minute grid", "0 */15 * * * *", "UTC"),
    ("daily", "0 30 9 * * *", "UTC"),
    ("weekdays", "0 30 9 * * MON-FRI", "UTC"),
    ("monthly", "0 0 0 1 * *", "UTC"),
    ("leap day", "0 0 0 29 2 *", "UTC"),
    ("impossible date", "0 0 0 31 2 *", "UTC"),
    ("daily, New York", "0 30 9 * * *", "America/New_York"),
    ("yearly, New York", "0 0 0 1 1 *", "America/New_York"),
    ("@every", "@every 90s", "UTC"),
)

COSTLY = (
    ("1,024 characters of a list", "1," * 500 + "1 * * * * *"),
    ("a list of steps", ",".join(["*/7"] * 250) + " * * * * *"),
    ("a thousand digits", "9" * 1000 + " * * * * *"),
    ("a long duration", "@every " + "1s" * 500),
    ("a long fraction", "@every 1." + "9" * 1000 + "s"),
    ("a long grace", "@after 2026-01-01T00:00:00Z <P" + "9" * 990 + "Y"),
    ("spaces", " " * 1024),
    ("a zone never loaded, due in four years", "TZ=Europe/Vaduz 0 0 0 29 2 *"),
    ("a time that only a gap would have", "TZ=Asia/Amman 0 30 0 29 2 ?"),
    ("a megabyte", "* " * 500_000),
    ("not a schedule at all", "\U0001f980" * 1024),
)


def micros(call: Callable[[], object], *, times: int = 2000) -> float:
    """The best of several rounds, in microseconds of CPU time per call."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(times):
            call()
        best = min(best, time.process_time() - start)
    return best / times * 1_000_000


def unseen(text: str) -> Callable[[], object]:
    """Parses the text as one that no cache knows: other white space, or another interval, at each call."""
    serial = count(90)
    if text.startswith("@"):
        return lambda: parse(f"@every {next(serial)}s")

    def call() -> object:
        tabs, spaces = divmod(next(serial), 500)
        return parse(text + "\t" * tabs + " " * spaces)

    return call


def croniter_costs(text: str) -> tuple[float, float]:
    """Parse and next of croniter; a date that never comes counts as its answer."""
    witness = croniter(text, SINCE, second_at_beginning=True)

    def step() -> None:
        witness.set_current(SINCE, force=True)
        with suppress(CroniterBadDateError):
            witness.get_next(datetime)

    parsed = micros(lambda: croniter(text, SINCE, second_at_beginning=True), times=200)
    return parsed, micros(step, times=50)


def row(text: str, zone: str, idle: float) -> list[str]:
    """One line of the table."""
    schedule = parse(text, timezone=zone)
    due = micros(lambda: schedule.next(SINCE))
    ours = [
        f"{micros(unseen(text), times=500):.1f}",
        f"{due:.2f}",
        f"{micros(lambda: schedule.latest(SINCE, None, WEEK)):.2f}",
        f"{micros(lambda: schedule.count(SINCE, None, WEEK)):.2f}",
        f"{micros(lambda: schedule.count(SINCE, None, YEARS), times=100):.1f}",
        f"{due / idle:.0f}",
    ]
    if zone != "UTC" or text.startswith("@"):
        return [*ours, "-", "-", "-"]
    parsed, step = croniter_costs(text)
    return [*ours, f"{parsed:.0f}", f"{step:.0f}", f"{step / due:.0f}"]


def bytes_per_schedule(number: int = 20_000) -> int:
    """Memory of one schedule among many different ones, the caches that were filled by them included."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept: list[Schedule] = [parse(f"{n % 60} {n // 60 % 60} {n // 3600} * * *") for n in range(number)]
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used // len(kept)


def first_cost(text: str) -> float:
    """Milliseconds of a first parse and of every question, or of the refusal."""
    start = time.process_time()
    try:
        schedule = parse(text)
        schedule.next(SINCE)
        schedule.latest(SINCE, None, YEARS)
    except ValueError:
        pass
    return (time.process_time() - start) * 1_000


def main() -> None:
    """Print the tables; exit with 1 if a text costs more than the budget."""
    console = Console(width=140)
    idle = micros(lambda: None)
    table = Table(title=f"microseconds of CPU per call; one that does nothing costs {idle:.3f}")
    ours = ("parse", "next", "latest", "count 7 d", "count 10 y", "next / nothing")
    for column in ("schedule", *ours, "croniter parse", "its next", "its next / ours"):
        table.add_column(column, justify="left" if column == "schedule" else "right", no_wrap=True)
    for title, text, zone in KINDS:
        table.add_row(title, *row(text, zone, idle))
    console.print(table)
    console.print(f"memory: {bytes_per_schedule()} bytes per schedule")

    worst = Table("text", "ms", title=f"texts made to be expensive, first time, budget {BUDGET_MS} ms")
    costs = {title: first_cost(text) for title, text in COSTLY}
    for title, cost in costs.items():
        worst.add_row(title, f"{cost:.3f}")
    console.print(worst)
    console.print(f"worst: {max(costs.values()):.3f} ms")
    sys.exit(max(costs.values()) > BUDGET_MS)


if __name__ == "__main__":
    main()
