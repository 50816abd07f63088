"""From DkronJobs to the table on the screen: rows are plain text and pure; `render` gives them to rich."""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from demo.expectations import EXPECTATIONS, problem
from dkron_crds.job import DkronJob, Execution, JobStatus

MINUTE, HOUR, DAY = 60, 3600, 86400
SCHEDULE = "SCHEDULE"
COLUMNS = ("", "JOB", SCHEDULE, "NEXT", "NOW", "RUNS", "LATEST", "OUTPUT, LAST LINE")
SCHEDULE_WIDTH = 20
NARROW = 110
"""Columns of a terminal below which the output would have no room beside the schedule."""


@dataclass(frozen=True, slots=True)
class Row:
    """One job; the fields up to `output` are the columns.

    `mark` is ✓ when it has shown what it should, ! when the operator reports a problem, else a dot.
    """

    mark: str
    name: str
    schedule: str
    next: str
    active: str
    runs: str
    latest: str
    output: str
    good: bool


def rows(jobs: Iterable[DkronJob], *, unmet: Collection[str], now: datetime) -> list[Row]:
    """The rows of all jobs: the examples in their order, then any others by name."""
    order = {name: place for place, name in enumerate(EXPECTATIONS)}
    known = sorted(jobs, key=lambda job: (order.get(job.metadata.name, len(order)), job.metadata.name))
    return [_row(job, waiting=job.metadata.name in unmet, now=now) for job in known]


def _row(job: DkronJob, *, waiting: bool, now: datetime) -> Row:
    status, wrong = job.status, problem(job.status)
    newest = status.executions[0] if status.executions else None
    return Row(
        mark="!" if wrong else "·" if waiting else "✓",
        name=job.metadata.name,
        schedule=_schedule(job),
        next=_next(job, now=now),
        active=str(len(status.active) or ""),
        runs=_runs(status),
        latest=_latest(newest, now=now) if newest else "",
        output=wrong or (last_line(newest.output) or newest.message if newest else ""),
        good=not wrong and (newest is None or newest.success),
    )


def _schedule(job: DkronJob) -> str:
    parents = job.spec.parents
    return "after " + ", ".join(parent.job for parent in parents) if parents else job.spec.schedule


def _next(job: DkronJob, *, now: datetime) -> str:
    if job.status.next is not None:
        return f"in {span(job.status.next - now)}"
    return "on request" if job.spec.schedule == "@manually" else ""


def _runs(status: JobStatus) -> str:
    counts = ((status.success_count, "ok"), (status.error_count, "failed"))
    skipped = ((status.skipped.count, "skipped"),) if status.skipped else ()
    return ", ".join(f"{count} {word}" for count, word in (*counts, *skipped) if count)


def _latest(run: Execution, *, now: datetime) -> str:
    code = run.reason if run.exit_code is None else f"exit {run.exit_code}"
    ending = "ok" if run.success else code
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return f"{ending}{attempt}, {span(now - run.finished_at)} ago"


def last_line(output: str) -> str:
    """The last line with something to read; control characters would garble the terminal."""
    lines = [line for line in output.splitlines() if line.strip()]
    return "".join(c if c.isprintable() else " " for c in lines[-1]) if lines else ""


def span(length: timedelta) -> str:
    """A length of time in its largest unit; 0 s for one that is not yet or no longer."""
    seconds = max(0, round(length.total_seconds()))
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def render(content: Iterable[Row], *, title: str, width: int) -> Table:
    """The table for rich. Its lines never wrap: a table that jumps cannot be read while it changes."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", expand=True)
    for header in COLUMNS:
        table.add_column(header, no_wrap=True, max_width=SCHEDULE_WIDTH if header == SCHEDULE else None)
    table.columns[-1].ratio = 1
    for row in content:
        # As Text: what a job has printed may look like rich's markup.
        table.add_row(*map(Text, astuple(row)[: len(COLUMNS)]), style="" if row.good else "red")
    if width < NARROW:
        del table.columns[COLUMNS.index(SCHEDULE)]
    return table
