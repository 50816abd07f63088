"""A table in a terminal that is redrawn in place."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from dkron_cli.core.table import Table, lines
from dkron_cli.edge.terminal import colored
from dkron_cli.options import Options

Draw = Callable[[Table, str], None]
"""Takes the table, and a line that stands below it."""
PAUSE = 1.0
"""Seconds between two looks."""


async def redrawn(options: Options, look: Callable[[], Awaitable[tuple[Table, str]]]) -> None:
    """Draw the table that `look` finds, and the line below it, again and again until Ctrl-C."""
    with live(options) as screen:
        while True:
            screen(*await look())
            await asyncio.sleep(PAUSE)


@contextmanager
def live(options: Options) -> Iterator[Draw]:
    """Yield a function that draws the table in place of the one before. The last one stays."""
    from rich.console import Console, Group  # noqa: PLC0415 - 60 ms, only for terminals
    from rich.live import Live  # noqa: PLC0415

    plain = options.no_color or os.environ.get("TERM") == "dumb"
    console = Console(highlight=False, no_color=plain)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as screen:

        def draw(content: Table, below: str) -> None:
            width = None if options.output == "wide" else shutil.get_terminal_size().columns
            screen.update(Group(*colored([*lines(content, width=width), below])), refresh=True)

        yield draw
