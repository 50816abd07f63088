"""Messages for a person who waits. Standard error, so that standard output stays fit for scripts."""

import sys


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Render seconds as people say them: `4.2 s`, `3 min 05 s`."""
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
