"""The terminal: its width and colours, and how results are printed for people and for programs."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from dkron_cli.core.table import Table, hung, lines, safe
from dkron_cli.errors import Interrupted
from dkron_cli.options import Options

if TYPE_CHECKING:
    from rich.text import Text

T = TypeVar("T")
GOOD = frozenset({"success", "succeeded", "Succeeded", "Scheduled", "ran", "ok"})
BAD = frozenset(
    {"failed", "Failed", "Refused", "partially_failed", "NotReady", "problem", "refused", "skipped", "stopped"}
)
BUSY = frozenset({"running", "Running", "warning", "late"})


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command. Raises `Interrupted`: typer would say "Aborted" to Ctrl-C."""
    try:
        return asyncio.run(main)
    except KeyboardInterrupt:
        raise Interrupted from None


def is_terminal() -> bool:
    """Whether a person reads the output."""
    return sys.stdout.isatty()


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(safe(text) + "\n")


def remark(text: str) -> None:
    """Print a line to standard error: what a program that reads the output does not want."""
    sys.stderr.write(safe(text) + "\n")
    sys.stderr.flush()


def agreed(question: str) -> bool:
    """Ask a person, and return whether the answer is yes. No program is asked."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{safe(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def say_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print titles and values, a line each."""
    width = max(len(title) for title, _ in facts) + 2
    room = shutil.get_terminal_size().columns if is_terminal() else None
    for title, value in facts:
        for line in hung(f"{title + ':':{width}}", value, room):
            say(line)


def show(content: Table, options: Options) -> None:
    """Print a table: in a terminal fitted to its width and with colours, else whole and plain."""
    if not is_terminal():
        sys.stdout.writelines(f"{line}\n" for line in lines(content))
        return
    fitted = lines(content, width=shutil.get_terminal_size().columns, wrap=True)
    if options.no_color or os.environ.get("TERM") == "dumb":
        sys.stdout.writelines(f"{line}\n" for line in fitted)
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms, only for terminals

    console = Console(highlight=False, soft_wrap=True)
    for text in colored(fitted):
        console.print(text)


def colored(fitted: Iterable[str]) -> "Iterator[Text]":
    """Yield the lines of a table with the colours of their words."""
    from rich.text import Text  # noqa: PLC0415 - 60 ms, only for terminals

    for number, line in enumerate(fitted):
        text = Text(line, style="bold" if number == 0 and line.isupper() else "", no_wrap=True)
        for words, style in ((GOOD, "green"), (BAD, "red"), (BUSY, "yellow")):
            text.highlight_regex(rf"(?<![\w-])(?:{'|'.join(sorted(words))})(?![\w-])", style)
        yield text


def structured(options: Options, found: Sequence[Any], *, names: Callable[[], Iterable[str]], one: bool) -> bool:
    """Print raw objects as JSON, YAML or names if the options want that, and return whether they did."""
    match options.output:
        case "name":
            for name in map(_full_name, found) if found and all(map(_is_object, found)) else names():
                say(name)
        case "json":
            print_json(found[0] if one and len(found) == 1 else _listed(found))
        case "yaml":
            import yaml  # noqa: PLC0415 - only for this format

            sys.stdout.write(
                yaml.safe_dump(found[0] if one and len(found) == 1 else _listed(found), sort_keys=False,
                               allow_unicode=not is_terminal())
            )  # fmt: skip
        case _:
            return False
    return True


def print_json(found: Any, *, indent: int = 2) -> None:  # noqa: ANN401 - JSON
    """Print JSON. A terminal gets ASCII: characters beyond it may control the terminal."""
    json.dump(found, sys.stdout, indent=indent, ensure_ascii=is_terminal())
    sys.stdout.write("\n")


def print_line(found: Any) -> None:  # noqa: ANN401 - JSON
    """Print JSON in one line."""
    sys.stdout.write(json.dumps(found, ensure_ascii=is_terminal(), separators=(",", ":")) + "\n")


def print_manifests(manifests: Sequence[Any], options: Options) -> None:
    """Print objects as files keep them: documents of YAML, or with -o json a List."""
    if options.output == "json":
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        print_json(whole)
        return
    import yaml  # noqa: PLC0415 - only for this format

    yaml.safe_dump_all(manifests, sys.stdout, sort_keys=False, allow_unicode=not is_terminal(), explicit_start=True)


def _is_object(found: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether it is an object of Kubernetes."""
    return isinstance(found, dict) and "apiVersion" in found and "metadata" in found


def _full_name(found: Any) -> str:  # noqa: ANN401 - JSON
    """Return the name of an object as kubectl prints and takes it."""
    return f"{found['kind'].lower()}.{found['apiVersion'].partition('/')[0]}/{found['metadata']['name']}"


def _listed(found: Sequence[Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a list as kubectl does for objects of Kubernetes, and as Dkron does for others."""
    if found and all(map(_is_object, found)):
        return {"apiVersion": "v1", "kind": "List", "items": list(found)}
    return list(found)
