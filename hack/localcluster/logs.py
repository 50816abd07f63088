"""What components wrote: the end of it for an error, all of it or what comes for a person."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PAUSE = 0.2
TAIL_BYTES = 64_000


def tail(log: Path, *, lines: int) -> list[str]:
    """The last lines of a log; none when there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def follow(logs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Lines (component, line) as they are written, until the caller stops asking."""
    offsets = {log: log.stat().st_size for log in logs}
    while True:
        for log in logs:
            with log.open("rb") as file:
                file.seek(offsets[log])
                whole, newline, _ = file.read().rpartition(b"\n")
            offsets[log] += len(whole) + len(newline)
            for line in whole.decode(errors="replace").splitlines():
                yield log.stem, line
        time.sleep(PAUSE)


def show(logs: Sequence[Path], *, lines: int) -> None:
    """Print the ends of these logs, each under its name when there are several."""
    for log in logs:
        if len(logs) > 1:
            print(f"==> {log.stem}")
        print("\n".join(tail(log, lines=lines)), flush=True)


def show_coming(logs: Sequence[Path]) -> None:
    """Print what is written from now on, until interrupted."""
    for component, line in follow(logs):
        sys.stdout.write(f"{component}: {line}\n" if len(logs) > 1 else f"{line}\n")
        sys.stdout.flush()
