"""What a text that is no schedule is answered with: one sentence that a user can act on."""

_SHOWN = 40


class ScheduleError(ValueError):
    """The text is no schedule. `str()` is one sentence that names the field and what is allowed there."""


class TimezoneError(ValueError):
    """The named zone is not in the tz database. `str()` is one sentence that names the zone."""


def refusal(where: str, item: str, problem: str, *, use: str) -> ScheduleError:
    """The sentence for `item`, found in the field or descriptor `where`; `use` tells what is allowed."""
    return ScheduleError(f"{where}: {quoted(item)} {problem}; use {use}")


def quoted(text: str, limit: int = _SHOWN) -> str:
    """`text` in double quotes, shortened and with unprintable characters escaped, fit for a sentence."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return f'"{printable(shown)}"'


def printable(text: str) -> str:
    """`text` with escapes for control characters, line breaks and whatever else cannot be printed."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)
