"""Errors for invalid schedules: one sentence that a user can act on."""

_SHOWN = 40


class ScheduleError(ValueError):
    """The text is not a schedule. `str()` is one sentence that names the field and what is allowed there."""


class TimezoneError(ValueError):
    """The named zone is not in the tz database. `str()` is one sentence that names the zone."""


def refusal(where: str, item: str, problem: str, *, use: str) -> ScheduleError:
    """Return the error for `item`, found in the field or descriptor `where`; `use` states what is allowed."""
    return ScheduleError(f"{where}: {quoted(item)} {problem}; use {use}")


def quoted(text: str, limit: int = _SHOWN) -> str:
    """Return `text` in double quotes for use in a sentence, shortened and with unprintable characters escaped."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return f'"{printable(shown)}"'


def printable(text: str) -> str:
    """Return `text` with control characters, line breaks and all other unprintable characters escaped."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)
