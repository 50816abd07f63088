"""Arguments that several commands share."""

from typing import Annotated

import typer

from dkron_cli.complete import job_names
from dkron_cli.errors import CliError, Code
from dkron_reports.words import read_span


def _named(value: str | list[str] | None) -> str | list[str] | None:
    """Refuse an empty name: a variable of a script that is not set would name no job, or all of them."""
    if value == "" or (isinstance(value, list) and "" in value):
        raise usage("the name of a job is empty")
    return value


JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names, callback=_named)
]
JobNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[JOB]...", help="Names of jobs; default: all.", autocompletion=job_names, callback=_named),
]
SomeJobs = Annotated[
    list[str], typer.Argument(metavar="JOB...", help="Names of jobs.", autocompletion=job_names, callback=_named)
]
Execution = Annotated[
    str, typer.Argument(metavar="[EXECUTION]", help="Its id, or the name of its Job; default: the newest.")
]
Timeout = Annotated[str, typer.Option("--timeout", help="Wait at most so long, as 90s or 2h.", show_default=False)]


def read_timeout(text: str) -> float | None:
    """Return the seconds of --timeout; None without it. Raises `CliError`."""
    try:
        return read_span("--timeout", text).total_seconds() if text else None
    except ValueError as error:
        raise usage(str(error)) from None


def usage(sentence: str) -> CliError:
    """Return the error for a command line that cannot be carried out."""
    return CliError(Code.USAGE, sentence)
