"""Shows what happens in the table of `dkronctl top`: live for a person, or at the end of a wait with a deadline for a
script."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo.expectations import EXPECTATIONS, Known, problem, unmet
from dkron_cli.core.job import job_table
from dkron_cli.core.table import Table, lines
from dkron_cli.edge.live import live as live_table
from dkron_cli.edge.terminal import colored
from dkron_cli.options import from_environment
from dkron_crds.job import DkronJob
from dkron_reports.job import busiest_first, from_object
from localcluster.progress import duration, say

Read = Callable[[], list[DkronJob]]
Before = Mapping[str, Known]

PAUSE_SECONDS = 1.0
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
NAMED = 3
"""Examples that the line below the table names."""


def live(read: Read, before: Before) -> None:
    """Draw the table anew each second until Ctrl-C, which ends the table alone."""
    with live_table(from_environment(os.environ)) as draw:
        try:
            while True:
                begun = time.monotonic()
                jobs = read()
                draw(table_of(jobs), f"Ctrl-C ends this table only; {standing(unmet(jobs, before))}")
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
    printed = [*lines(table_of(jobs)), standing(missing)]
    console = Console(width=max(map(len, printed)), highlight=False, record=picture is not None)
    for line in colored(printed):
        console.print(line)
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


def table_of(jobs: Sequence[DkronJob], now: datetime | None = None) -> Table:
    """Return the jobs as `dkronctl top` shows them."""
    seen = [from_object({**job.to_wire(), "status": job.status.to_wire()}) for job in jobs]
    return job_table(busiest_first(seen), now=now or datetime.now(UTC), wide=False, namespaces=False)


def standing(missing: Sequence[str]) -> str:
    """Return how far the examples are, as one line."""
    total = len(EXPECTATIONS)
    named = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    left = f" (not yet: {named})" if missing else ""
    return f"{total - len(missing)} of {total} examples have shown what they should{left}"
