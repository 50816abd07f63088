"""How far something has got, on standard error: a bar in a terminal, else a line for each change."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dkron_cli.core.table import safe
from dkron_cli.edge.terminal import remark
from dkron_cli.options import Options

Show = Callable[[int, int | None, str], None]
"""Takes how much is done, how much there is (None while that is not known), and a sentence."""


@contextmanager
def shown_progress(options: Options) -> Iterator[Show]:
    """Yield a function that shows how far it is."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _lines()
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms, only for terminals
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    console = Console(stderr=True, no_color=options.no_color, highlight=False)
    with Progress(BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int | None, sentence: str) -> None:
            bar.update(task, completed=done, total=total, description=safe(sentence).replace("[", "\\["))

        yield show


def _lines() -> Show:
    said = ""

    def show(_done: int, _total: int | None, sentence: str) -> None:
        nonlocal said
        if sentence and sentence != said:
            said = sentence
            remark(sentence)

    return show
