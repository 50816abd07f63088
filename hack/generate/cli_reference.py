"""Writes the reference of commands into docs/cli.md, from the commands themselves."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dkron_cli.catalog import CATALOG
from dkron_cli.errors import MEANINGS
from dkron_cli.main import load
from dkron_cli.shared_options import shared_parameters
from generate.page import with_part

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
CODES = "<!-- codes: make generate writes what is between these lines -->\n", "<!-- /codes -->\n"
COMMANDS = "<!-- commands: make generate writes what is between these lines -->\n", "<!-- /commands -->\n"


def codes() -> str:
    """The table of exit codes."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| code | means |", "| --- | --- |", *rows])


def commands() -> str:
    """A section for each group of commands, and the options that all share."""
    parts: list[str] = []
    for section in dict.fromkeys(entry.section for entry in CATALOG):
        parts.append(f"### {section}")
        for entry in CATALOG:
            if entry.section == section:
                parts += _command(entry.name, load(entry))
    return "\n\n".join([*parts, "### Options of every command", _options(shared_parameters())])


def _command(name: str, command: Any, *, level: str = "####") -> Iterator[str]:  # noqa: ANN401 - of typer
    inner = getattr(command, "commands", {})
    shared = {parameter.name for parameter in shared_parameters()}
    own = [each for each in command.params if each.name not in shared]
    arguments = [each for each in own if each.param_type_name == "argument"]
    options = [each for each in own if each.param_type_name == "option"]
    words = "COMMAND" if inner else " ".join(each.metavar or each.name.upper() for each in arguments)
    yield f"{level} {name}"
    yield f"```text\ndkronctl {name}{f' {words}' if words else ''}{' [options]' if options else ''}\n```"
    yield inspect.cleandoc(command.help)
    yield f"Example: `{command.epilog.splitlines()[-1].strip()}`"
    if options:
        yield _options(options)
    for each, its in inner.items():
        yield from _command(f"{name} {each}", its, level=f"{level}#")


def _options(options: list[Any]) -> str:
    rows = [f"| {', '.join(f'`{opt}`' for opt in _spelled(each))} | {_help(each)} |" for each in options]
    return "\n".join(["| option | |", "| --- | --- |", *rows])


def _spelled(option: Any) -> list[str]:  # noqa: ANN401 - of typer
    return sorted(option.opts, key=len)


def _help(option: Any) -> str:  # noqa: ANN401 - of typer
    default = option.default
    shown = f" Default: `{default}`." if default not in (None, "", False) and not callable(default) else ""
    return str(option.help or "").replace("|", "\\|") + shown


def files() -> dict[Path, str]:
    """The page, and its content."""
    page = PAGE.read_text(encoding="utf-8")
    for (begin, end), part in ((CODES, codes()), (COMMANDS, commands())):
        page = with_part(page, begin=begin, end=end, part=part)
    return {PAGE: page}
