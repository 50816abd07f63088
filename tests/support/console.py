"""Commands that a page of the documentation shows, run as a reader would: one after the other, in one shell.

A block that is marked `console` holds commands, each behind `$ ` and followed by what it prints. In what is printed `…`
stands for anything, and digits, times and hashes may be others.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARYING = re.compile(
    r"…|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)|(?<![0-9a-z])(?=[0-9a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])|\d+"
)
_FORWARD = re.compile(r"^kubectl .*port-forward .* (\d+):\S+ &$", re.MULTILINE)
_UNTIL_OPEN = r"timeout 20 sh -c 'until curl -s -o /dev/null localhost:\1; do sleep 0.1; done'"
_HERE_DOCUMENT = re.compile(r"<<(\w+)")
_END = "\x1e"
_PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Shown:
    """A command, what the page says it prints, and the line of the page."""

    command: str
    output: str
    line: int


def shown(page: str) -> list[Shown]:
    """Every command of a page, in order."""
    return [
        each for block in _BLOCK.finditer(page) for each in _commands(block[1], 1 + page[: block.start(1)].count("\n"))
    ]


def run(commands: Sequence[Shown], *, environment: Mapping[str, str], folder: Path, seconds: float) -> list[str]:
    """What each command prints, errors included; of as many as end within these seconds."""
    script = "".join(f"{{ {each.command}\n}} 2>&1; printf '\\036'\n" for each in commands)
    shell = ["bash", "-c", script]
    try:
        done = subprocess.run(
            shell, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False,
            timeout=seconds,
        )  # fmt: skip
        printed = done.stdout
    except subprocess.TimeoutExpired as late:
        printed = late.stdout or b""
    return printed.decode().replace("\r\n", "\n").split(_END)[:-1]


def run_script(script: str, *, environment: Mapping[str, str], folder: Path, seconds: float) -> str:
    """The output of a script, errors included. Its background jobs end with it."""
    shell = ["bash", "-c", f"trap 'kill $(jobs -p) 2>/dev/null' EXIT\nexec 2>&1\n{script}\n"]
    done = subprocess.run(
        shell, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False,
        timeout=seconds, text=True,
    )  # fmt: skip
    return done.stdout


def script(page: str, *, leave_out: Sequence[str] = ()) -> str:
    """The commands of a page as one script, except those that begin with one of these. A forwarded port is waited for,
    as a reader does."""
    lines = []
    for block in _BLOCK.finditer(page):
        text = block[1]
        commands = [each.command for each in _commands(text, 0)] if _PROMPT in text else _continued(text)
        lines += [command for command in commands if not command.startswith(tuple(leave_out))]
    return _FORWARD.sub(rf"\g<0>\n{_UNTIL_OPEN}", "\n".join(lines))


def pattern(output: str) -> re.Pattern[str]:
    """What fits the output that a page shows."""
    parts, at = [], 0
    for varying in _VARYING.finditer(output):
        parts += [re.escape(output[at : varying.start()]), _any_of(varying[0])]
        at = varying.end()
    return re.compile("".join([*parts, re.escape(output[at:])]), re.DOTALL)


def fits(output: str, page: str) -> bool:
    """Whether a command has printed what the page says."""
    return pattern(page.rstrip()).fullmatch(output.rstrip()) is not None


def _commands(block: str, line: int) -> Iterator[Shown]:
    lines = block.splitlines()
    starts = [at for at, text in enumerate(lines) if text.startswith(_PROMPT)]
    for start, end in pairwise([*starts, len(lines)]):
        said = next((at for at in range(start + 1, end) if _is_whole(lines[start:at])), end)
        command = "\n".join(lines[start:said]).removeprefix(_PROMPT)
        yield Shown(command, "\n".join(lines[said:end]), line + start)


def _continued(block: str) -> list[str]:
    """The commands of a block without prompts: a line that begins with a space or ends a loop goes on."""
    return re.split(r"\n(?! |done\b|$)", block.rstrip())


def _is_whole(lines: Sequence[str]) -> bool:
    """Whether a shell would wait for no further line."""
    text = "\n".join(lines)
    here = _HERE_DOCUMENT.search(text)
    if here is not None and lines[-1] != here[1]:
        return False
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def _any_of(text: str) -> str:
    if text == "…":
        return ".*?"
    if "T" in text:
        return r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"
    return r"\d+" if text.isdigit() else "[0-9a-f]+"
