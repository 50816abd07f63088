"""Entry points: finds the command, loads it, and turns what goes wrong into a sentence and an exit code.

Typer does the parsing. Commands are loaded when they are called, so that `--help` and completion stay fast.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dkron_cli.catalog import CATALOG, Entry
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.plain_texts import take_plainly
from dkron_cli.shared_options import shared_parameters

ABOUT = "Run, watch and migrate jobs of dkron-operator, by kubeconfig, or with --server by Dkron's REST API."
PLUGIN = "kubectl-dkron"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of a file that takes no more."""
NO_FILES = ":4"
"""How a plugin tells kubectl not to complete names of files."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


def load(entry: Entry) -> Any:  # noqa: ANN401 - a command of typer
    """Return the command, or the group of commands, with the shared options added to its own."""
    module, name = entry.target.split(":")
    found = getattr(import_module(f"dkron_cli.commands.{module}"), name)
    if isinstance(found, typer.Typer):
        return _group(found, entry)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    passing = {"allow_extra_args": True, "ignore_unknown_options": True} if entry.passes else {}
    app.command(entry.name, cls=Command, context_settings=SETTINGS | passing)(_called(found))
    command = typer.main.get_command(app)
    command.params.extend(shared_parameters())
    command.epilog = _example(entry.example)
    return command


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as typer calls it: one that is asynchronous runs until its end."""
    if not iscoroutinefunction(function):
        return function

    @wraps(function)
    def command(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        from dkron_cli.edge.terminal import run  # noqa: PLC0415 - help and completion need none of it

        return run(function(*args, **options))

    return command


def _group(app: typer.Typer, entry: Entry) -> Any:  # noqa: ANN401 - a command of typer
    for command in app.registered_commands:
        command.callback = command.callback and _called(command.callback)
    if (own := app.registered_callback) is not None:
        own.callback = own.callback and _called(own.callback)
    group: Any = typer.main.get_command(app)
    for each in (group, *group.commands.values()):
        each.params.extend(shared_parameters())
        each.epilog = _example(entry.example if each is group else f"{entry.name} {entry.inner[each.name]}")
    return group


def _example(words: str) -> str:
    """Return the end of a help. The control character keeps its lines."""
    return f"\b\nExample:\n  dkronctl {words}"


class Command(TyperCommand):
    """A command that is quick to read its words."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401
        """Return the options, with the one of help."""
        return take_plainly(super().get_params(ctx))


class Commands(TyperGroup):
    """All commands: names and summaries from the catalog, the rest on demand."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - typer's
        super().__init__(**settings)
        for entry in CATALOG:
            # A stand-in with the summary: help and completion need no more.
            self.add_command(TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.section))
        self.params.extend(shared_parameters())

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401
        """Return the options, with the one of help."""
        return take_plainly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """Read the options, of which some print."""
        with _writing():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Carry out the command."""
        with _writing():
            return super().invoke(ctx)

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
        from importlib.metadata import version  # noqa: PLC0415 - slow, and needed only here

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

    command = typer.main.get_command(app)
    # It prints the script of the calling shell, whatever shell it is asked for; `completion` prints each.
    command.params = [each for each in command.params if each.name != "show_completion"]
    return command


def main(arguments: Iterable[str] | None = None) -> None:
    """Entry point of `dkronctl` and of `kubectl dkron`. Ends the process."""
    plugin = Path(sys.argv[0]).name == PLUGIN
    name = "kubectl dkron" if plugin else "dkronctl"
    code: Any = Code.OK
    try:
        words = None if arguments is None else list(arguments)
        build(completion=not plugin).main(words, prog_name=name, complete_var="_DKRONCTL_COMPLETE")
    except CliError as error:
        code = _print_error(name, error)
    except (Interrupted, KeyboardInterrupt):
        code = Code.INTERRUPTED
    except SystemExit as end:
        code = end.code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        code = code or _print_error(name, _unwritten(error))
    sys.exit(code)


def _print_error(name: str, error: CliError) -> Code:
    from dkron_reports.words import one_line  # noqa: PLC0415 - only for errors

    sys.stderr.write(f"{name}: {one_line(str(error))}\n")
    return error.code


@contextmanager
def _writing() -> Iterator[None]:
    """Typer would end with 1 when the reader of a pipe has gone, as `head` does; a full disk would be a traceback."""
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        raise typer.Exit from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        _discard_output()
        raise _unwritten(error) from None


def _unwritten(error: OSError) -> CliError:
    return CliError(Code.FAILED, f"cannot write the output: {error.strerror}")


def _discard_output() -> None:
    """Python flushes once more as it ends, and nothing may come of that."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
