"""The Prefer header (RFC 7240): respond when a run is over; refuse a job that cannot run. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WAIT = re.compile(r"wait\s*(?:=\s*(?:\"(\d{1,9})\"|(\d{1,9})))?\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_STRICT = re.compile(r"handling\s*=\s*\"?strict\"?\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
STRICT = "handling=strict"


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait`: the client waits, for `seconds` if given."""

    wait: bool = False
    seconds: int | None = None

    def applied(self, *, waiting: bool) -> str:
        """Return the Preference-Applied header for a response after waiting or without; empty for none."""
        if not waiting or not self.wait:
            return ""
        return "wait" if self.seconds is None else f"wait={self.seconds}"


def read_preference(headers: Iterable[str]) -> Preference:
    """Parse the values of all Prefer headers. The first of duplicates counts; unknown preferences are ignored."""
    words = (word.strip() for header in headers for word in header.split(","))
    wait = next(filter(None, map(_WAIT.fullmatch, words)), None)
    if wait is None:
        return Preference()
    seconds = wait[1] or wait[2]
    return Preference(wait=True, seconds=None if seconds is None else int(seconds))


def wants_strict(headers: Iterable[str]) -> bool:
    """Whether the client prefers a refusal to a job that is stored and cannot run."""
    return any(_STRICT.fullmatch(word.strip()) for header in headers for word in header.split(","))
