"""`python -m budgets`: what the source may not exceed, as it is and as it may be. Fails if a figure is over its budget.

A budget is the figure of the last change that lowered it.
"""

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from budgets.lines import code_lines, fields, names_of_type, python_files
from budgets.walk import Source, Steps, Walk

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("lib", "operator", "api", "cli", "crds", "charts")

ATTEMPTS = {
    "crds": ("Attempt",),  # in the statuses of DkronJobs and DkronRuns
    "operator": ("AttemptJob", "Outcome", "Cause"),  # a Job as the operator sees it, its end, and what names it
    "lib": ("ArchivedExecution", "Ended", "Attempt"),  # a row of the archive, in messages to processors, in reports
    "api": ("Found", "Ended"),  # in lists of the REST API, and in their filters
}
"""The classes whose instances are an attempt, or a part of one, by folder."""
JOBS = ("AttemptJob",)
"""The class for a Kubernetes Job of an attempt."""
QUEUED = re.compile(r"queued_?at|queue_?time(?!out)", re.IGNORECASE)
"""The moment at which a run was queued, under its names in Python, in JSON and in tables."""
ENTRIES = (
    "dkron_operator.reconcile.reconciler:Reconciler.reconcile",  # with the key that the queue has given out
    "dkron_operator.act.status_writer:StatusWriter._write",  # the status is written in a queue of its own
)


class Gone(Exception):
    """A class of ATTEMPTS that the source does not define any more."""


class Budget(NamedTuple):
    """`measure` gives the figure, which may be `limit` at most."""

    name: str
    limit: int
    measure: Callable[[], int]


@cache
def _sources() -> tuple[str, ...]:
    return tuple(file.read_text(encoding="utf-8") for file in python_files(ROOT, PRODUCT))


@cache
def _walk() -> Steps:
    return Walk(Source.read(ROOT / "operator")).follow(*ENTRIES)


def _lines(file: Path) -> int:
    return file.read_text(encoding="utf-8").count("\n")


def _page_lines() -> int:
    # The build writes `api/schema.ts`, from the description of the REST API.
    written = [file for ending in ("*.ts", "*.tsx") for file in (ROOT / "ui" / "src").rglob(ending)]
    return sum(_lines(file) for file in written if file != ROOT / "ui" / "src" / "api" / "schema.ts")


def _fields(folder: str, name: str) -> int:
    files = (file.read_text(encoding="utf-8") for file in python_files(ROOT, [folder]))
    found = sum(fields(source, name) for source in files if f"class {name}" in source)
    if not found:
        raise Gone(f"{folder} has no class {name}: bring ATTEMPTS of hack/budgets up to date")
    return found


def _all_fields() -> int:
    return sum(_fields(folder, name) for folder, names in ATTEMPTS.items() for name in names)


def _queue_files() -> int:
    return sum(QUEUED.search(source) is not None for source in _sources())


def _run_names() -> int:
    return sum(1 for source in _sources() for _ in names_of_type(source, "run", JOBS))


BUDGETS = (
    # Without blanks, comments and docstrings; the others with all lines.
    Budget("product: lines of code", 45_234, lambda: sum(map(code_lines, _sources()))),
    Budget("page: lines of TypeScript", 14_461, _page_lines),
    Budget("tests: lines of Python", 102_545, lambda: sum(map(_lines, python_files(ROOT, ["tests"])))),
    Budget("attempt: classes", 9, lambda: sum(map(len, ATTEMPTS.values()))),
    Budget("attempt: fields of these", 130, _all_fields),
    Budget("attempt: files with its queue time", 29, _queue_files),
    # A run is all attempts of one cause.
    Budget("attempt: names with run in them", 0, _run_names),
    # Each counts once, where it is first called.
    Budget("reconcile: functions entered", 664, lambda: len(_walk().functions)),
    Budget("reconcile: files", 89, lambda: _walk().files),
    Budget("reconcile: returns to a file", 261, lambda: _walk().returns),
)


def main() -> int:
    """Print each figure beside its budget, and return the exit code."""
    try:
        figures = [(budget, budget.measure()) for budget in BUDGETS]
    except Gone as gone:
        print(gone)
        return 1
    for budget, figure in figures:
        over = f", {figure - budget.limit:,} over" if figure > budget.limit else ""
        print(f"{budget.name:36} {figure:7,} of {budget.limit:,}{over}")
    return int(any(figure > budget.limit for budget, figure in figures))


if __name__ == "__main__":
    sys.exit(main())
