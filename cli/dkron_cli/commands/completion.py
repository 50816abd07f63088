"""`completion`: the script by which a shell completes."""

import sys
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.shells import SCRIPTS


def _shells(incomplete: str) -> list[str]:
    return [each for each in SCRIPTS if each.startswith(incomplete)]


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, fish or zsh.", autocompletion=_shells)],
) -> None:
    """Print the completion script for a shell.

    Install it where the shell looks for it; `source <(dkronctl completion bash)` loads it once.
    """
    if shell not in SCRIPTS:
        raise usage(f'there is no script for "{shell}"; there is one for {", ".join(SCRIPTS)}')
    sys.stdout.write(SCRIPTS[shell])
