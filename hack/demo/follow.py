"""Shows what happens: a live table for a person, or waiting with a deadline for a script."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.expectations import EXPECTATIONS, Known, problem, unmet
from demo.table import render, rows
from dkron_crds.job import DkronJob
from localcluster.progress import duration, say

Read = Callable[[], list[DkronJob]]
Before = Mapping[str, Known]

PAUSE_SECONDS = 1.0
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
PLAIN_WIDTH = 140


def live(read: Read, before: Before) -> None:
    """Draw the table anew each second until Ctrl-C, which ends the table alone."""
    console = Console()
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as screen:
        try:
            while True:
                begun = time.monotonic()
                jobs = read()
                table = _table(jobs, unmet(jobs, before), width=console.width, hint="; Ctrl-C ends this table only")
                screen.update(table, refresh=True)
                time.sleep(max(0.0, PAUSE_SECONDS - (time.monotonic() - begun)))
        except KeyboardInterrupt:
            return


def wait(read: Read, before: Before, *, seconds: float, picture: Path | None = None) -> Sequence[str]:
    """Wait until every example has shown what it should, and print the table, to the file `picture` too, as SVG. Return
    the names of those that have not."""
    begun = time.monotonic()
    missing: Sequence[str] = tuple(EXPECTATIONS)
    say(f"waiting up to {seconds:.0f} s for {len(missing)} examples")
    while True:
        jobs = read()
        left = unmet(jobs, before)
        for name in [name for name in missing if name not in left]:
            say(f"  ✓ {name} {EXPECTATIONS[name].text} ({duration(time.monotonic() - begun)})")
        missing = left
        if not missing or time.monotonic() - begun > seconds:
            break
        time.sleep(PAUSE_SECONDS)
    console = Console(width=PLAIN_WIDTH, record=picture is not None)
    console.print(_table(jobs, missing, width=PLAIN_WIDTH))
    if picture is not None:
        # Its fonts would be loaded from a server of others.
        svg = _FONTS.sub("", console.export_svg(title="make demo"))
        picture.write_text(svg, encoding="utf-8")
    for name in missing:
        say(f"  missing: {name} {EXPECTATIONS[name].text}{_why(name, jobs)}")
    return missing


def _why(name: str, jobs: Sequence[DkronJob]) -> str:
    job = next((job for job in jobs if job.metadata.name == name), None)
    if job is None:
        return "; the job is not there"
    wrong = problem(job.status)
    return f"; the operator says: {wrong}" if wrong else ""


def _table(jobs: Sequence[DkronJob], missing: Sequence[str], *, width: int, hint: str = "") -> Table:
    done = len(EXPECTATIONS) - len(missing)
    title = f"{done} of {len(EXPECTATIONS)} examples have shown what they should{hint}"
    return render(rows(jobs, unmet=missing, now=datetime.now(UTC)), title=title, width=width)
