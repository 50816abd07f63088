"""Entry points: finds the command, loads it, and turns what goes wrong into a sentence and an exit code.

Typer does the parsing. Commands are loaded when they are called, so that `--help` and completion stay fast.
"""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dkron_cli.catalog import CATALOG, Entry
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import shared_parameters

ABOUT = "Run, watch and migrate jobs of dkron-operator, by kubeconfig, or with --server by Dkron's REST API."
PLUGIN = "kubectl-dkron"
NO_FILES = ":4"
"""How a plugin tells kubectl not to complete names of files."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


def load(entry: Entry) -> Any:  # noqa: ANN401 - a command of typer
    """Return the command, or the group of commands, with the shared options added to its own."""
    module, name = entry.target.split(":")
    found = getattr(import_module(f"dkron_cli.commands.{module}"), name)
    if isinstance(found, typer.Typer):
        return _group(found)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    passing = {"allow_extra_args": True, "ignore_unknown_options": True} if entry.passes else {}
    app.command(entry.name, context_settings=SETTINGS | passing)(found)
    command = typer.main.get_command(app)
    command.params.extend(shared_parameters())
    return command


def _group(app: typer.Typer) -> Any:  # noqa: ANN401 - a command of typer
    group: Any = typer.main.get_command(app)
    for each in (group, *group.commands.values()):
        each.params.extend(shared_parameters())
    return group


class Commands(TyperGroup):
    """All commands: names and summaries from the catalog, the rest on demand."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's
        super().__init__(**settings)
        for entry in CATALOG:
            # A stand-in with the summary: help and completion need no more.
            self.add_command(TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.section))
        self.params.extend(shared_parameters())

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Return the names in the order of the catalog."""
        return [entry.name for entry in CATALOG]

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        """Replace the stand-in by the command itself."""
        name, command, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in CATALOG if entry.name == name), None)
        return name, command if entry is None else load(entry), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the commands by section."""
        for section in dict.fromkeys(entry.section for entry in CATALOG):
            with formatter.section(section):
                formatter.write_dl([(entry.name, entry.summary) for entry in CATALOG if entry.section == section])


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and needed here alone

        typer.echo(f"dkronctl {version('dkron-operator')}")
        raise typer.Exit


def build(*, completion: bool = False) -> Any:  # noqa: ANN401 - a command of typer
    """Return the group of all commands. `completion` adds the options that install it."""
    app = typer.Typer(
        cls=Commands, help=ABOUT, rich_markup_mode=None, context_settings=SETTINGS, pretty_exceptions_enable=False,
        no_args_is_help=True, add_completion=completion,
    )  # fmt: skip

    @app.callback()
    def root(
        version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
    ) -> None:
        """Take the options before the command."""

    return typer.main.get_command(app)


def main(arguments: Iterable[str] | None = None) -> None:
    """Entry point of `dkronctl` and of `kubectl dkron`. Ends the process."""
    plugin = Path(sys.argv[0]).name == PLUGIN
    name = "kubectl dkron" if plugin else "dkronctl"
    try:
        words = None if arguments is None else list(arguments)
        build(completion=not plugin).main(words, prog_name=name, complete_var="_DKRONCTL_COMPLETE")
    except CliError as error:
        from dkron_reports.words import one_line  # noqa: PLC0415 - for errors alone

        sys.stderr.write(f"{name}: {one_line(str(error))}\n")
        sys.exit(error.code)
    except (Interrupted, KeyboardInterrupt):
        sys.exit(Code.INTERRUPTED)
    except BrokenPipeError:
        # The reader of the pipe has gone, as `head` does. Nothing more may be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Code.OK)


def complete() -> None:
    """Entry point of `kubectl_complete-dkron`, which kubectl calls to complete `kubectl dkron`."""
    # kubectl passes the words behind `dkron`; the last one is to be completed.
    words = ["dkronctl", *sys.argv[1:]]
    os.environ |= {
        "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_DKRONCTL_COMPLETE": "complete_bash",
    }  # fmt: skip
    try:
        build(completion=True).main([], prog_name="dkronctl", complete_var="_DKRONCTL_COMPLETE")
    finally:
        print(NO_FILES)
