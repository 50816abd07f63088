"""How far an object has got that a command has created: whether the operator has accepted it, and its progress on
standard error, as a bar in a terminal, else as a line for each change."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from dkron_cli.core.table import safe
from dkron_cli.edge.terminal import remark
from dkron_cli.options import Options

T = TypeVar("T")
Show = Callable[[int, int | None, str], None]
"""Takes how much is done, how much there is (None while that is not known), and a sentence."""

PATIENCE = 5.0
"""Seconds in which an operator that runs has decided."""
INTERVAL = 0.2
"""Seconds between two looks."""


async def decided(look: Callable[[], Awaitable[T | None]]) -> T | None:
    """Return the first result of `look` that is not None; None if there is none in time. What `look` raises ends the
    wait."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await look()
                if found is not None:
                    return found
                await asyncio.sleep(INTERVAL)
    except TimeoutError:
        return None


@contextmanager
def shown_progress(options: Options) -> Iterator[Show]:
    """Yield a function that shows how far it is."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        said = ""

        def report(_done: int, _total: int | None, sentence: str) -> None:
            nonlocal said
            if sentence and sentence != said:
                said = sentence
                remark(sentence)

        yield report
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms, only for terminals
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    console = Console(stderr=True, no_color=options.no_color, highlight=False)
    with Progress(BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int | None, sentence: str) -> None:
            bar.update(task, completed=done, total=total, description=safe(sentence).replace("[", "\\["))

        yield show
