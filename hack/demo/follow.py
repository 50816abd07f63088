"""Shows what happens in the table of `dkronctl top`: live for a person, or at the end of a wait with a deadline for a
script."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo import DemoError, last_line
from demo.expectations import EXPECTATIONS, Known, problem, unmet
from demo.target import REQUEST_TIMEOUT, Target
from dkron_cli.core.job import job_table
from dkron_cli.core.table import Table, lines
from dkron_cli.edge.live import live as live_table
from dkron_cli.edge.terminal import colored
from dkron_cli.options import from_environment
from dkron_crds.job import DkronJob
from dkron_reports.job import busiest_first, from_object
from localcluster.errors import ClusterError
from localcluster.progress import duration, say

Read = Callable[[], list[DkronJob]]
Before = Mapping[str, Known]

PAUSE_SECONDS = 1.0
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
NAMED = 3
"""Examples that the line below the table names."""
PATIENCE_SECONDS = 15


def live(read: Read, before: Before) -> None:
    """Draw the table again each second until Ctrl-C, which ends only the table."""
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


class Watch:
    """The jobs of the demo's namespace. A moment without an answer is bridged with what was seen last."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._seen: list[DkronJob] = []
        self._answered = time.monotonic()

    def read(self) -> list[DkronJob]:
        """The jobs as they are now. Raises `DemoError` when a program or the cluster has died."""
        try:
            self._seen = parse(self._target.kubectl("get", "dkronjobs", "--output=json", REQUEST_TIMEOUT))
            self._answered = time.monotonic()
        except (ClusterError, subprocess.TimeoutExpired) as error:
            self._give_up_if_dead(error)
        self._target.programs.check()
        return self._seen

    def _give_up_if_dead(self, error: Exception) -> None:
        if fallen := self._target.fallen():
            verb = "has" if len(fallen) == 1 else "have"
            raise DemoError(
                f"{' and '.join(fallen)} of cluster {self._target.name} {verb} died; "
                f"`hack/cluster logs --name {self._target.name}` shows why, and `make demo` starts it again"
            ) from None
        if time.monotonic() - self._answered > PATIENCE_SECONDS:
            raise DemoError(f"the cluster has not answered for {PATIENCE_SECONDS} s: {last_line(error)}") from None


def parse(text: str) -> list[DkronJob]:
    """Read a list of DkronJobs as kubectl prints it."""
    return [DkronJob.from_wire(item) for item in json.loads(text)["items"]]
