"""Arguments that several commands share."""

from typing import Annotated

import typer

from dkron_cli.complete import job_names
from dkron_cli.errors import CliError, Code

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of the job.", autocompletion=job_names)]
JobNames = Annotated[
    list[str] | None, typer.Argument(metavar="[JOB]...", help="Names of jobs; default: all.", autocompletion=job_names)
]
SomeJobs = Annotated[list[str], typer.Argument(metavar="JOB...", help="Names of jobs.", autocompletion=job_names)]
Execution = Annotated[
    str, typer.Argument(metavar="[EXECUTION]", help="Its id, or the name of its Job; default: the newest.")
]


def usage(sentence: str) -> CliError:
    """Return the error for a command line that cannot be carried out."""
    return CliError(Code.USAGE, sentence)
