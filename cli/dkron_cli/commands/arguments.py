"""Arguments that several commands share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from dkron_cli.complete import job_names
from dkron_cli.core.selection import Selection, plain, read_selector
from dkron_cli.errors import CliError, Code
from dkron_reports.words import read_span


def _named(value: str | list[str] | None) -> str | list[str] | None:
    """Refuse an empty name: a variable of a script that is not set would name no job, or all of them."""
    if value == "" or (isinstance(value, list) and "" in value):
        raise usage("the name of a job is empty")
    if isinstance(value, list):
        return [plain(each) for each in value]
    return plain(value) if value else value


JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names, callback=_named)
]
JobNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[JOB]...", help="Names of jobs; default: all.", autocompletion=job_names, callback=_named),
]
OneJob = Annotated[
    str | None,
    typer.Argument(
        metavar="[JOB]", help="Name of the job.", autocompletion=job_names, callback=_named, show_default=False
    ),
]
Selector = Annotated[
    str | None,
    typer.Option(
        "--selector",
        "-l",
        show_default=False,
        help="Jobs with these labels, as in team=a,tier=1; with --server, with this metadata.",
    ),
]
Execution = Annotated[
    str, typer.Argument(metavar="[EXECUTION]", help="Execution id, or the name of its Job; default: the newest.")
]
Timeout = Annotated[str, typer.Option("--timeout", help="Longest wait, as 90s or 2h.", show_default=False)]


def read_timeout(text: str) -> float | None:
    """Return the seconds of --timeout; None without it. Raises `CliError`."""
    with refusing():
        return read_span("--timeout", text).total_seconds() if text else None


def chosen(jobs: Sequence[str] | None, selector: str | None, *, needed: bool = False) -> Selection:
    """Return which jobs are meant. Raises `CliError` for names beside labels, for no labels in `-l`, and with `needed`
    for neither."""
    if selector is None:
        if needed and not jobs:
            raise usage("name jobs, or give -l")
        return Selection(tuple(jobs or ()))
    if jobs:
        raise usage("name jobs, or give -l")
    with refusing():
        labels = read_selector(selector)
    if not labels:
        raise usage("-l is empty; name a label, as in team=a")
    return Selection(labels=labels)


def usage(sentence: str) -> CliError:
    """Return the error for a command line that cannot be carried out."""
    return CliError(Code.USAGE, sentence)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a ValueError of the block, whose text is a sentence, into that error."""
    try:
        yield
    except ValueError as error:
        raise usage(str(error)) from None
