"""The Prefer header (RFC 7240): respond when a run is over, or at once; refuse a job that cannot run. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WAIT = re.compile(r"wait\s*(?:=\s*(?:\"(\d{1,9})\"|(\d{1,9})))?\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_ASYNC = re.compile(r"respond-async\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_STRICT = re.compile(r"handling\s*=\s*\"?strict\"?\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
STRICT = "handling=strict"


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait`: the client waits, for `seconds` if given. `at_once`: it wants an immediate response."""

    wait: bool = False
    seconds: int | None = None
    at_once: bool = False

    def applied(self, *, waiting: bool) -> str:
        """Return the Preference-Applied header for a response after waiting or without; empty for none."""
        if waiting and self.wait:
            return "wait" if self.seconds is None else f"wait={self.seconds}"
        return "respond-async" if self.at_once and not waiting else ""


def read_preference(headers: Iterable[str]) -> Preference:
    """Parse the values of all Prefer headers. The first of duplicates counts; unknown preferences are ignored."""
    wait: re.Match[str] | None = None
    at_once = False
    for word in (word.strip() for header in headers for word in header.split(",")):
        wait = wait or _WAIT.fullmatch(word)
        at_once = at_once or _ASYNC.fullmatch(word) is not None
    if wait is None:
        return Preference(at_once=at_once)
    seconds = wait[1] or wait[2]
    return Preference(wait=True, seconds=None if seconds is None else int(seconds), at_once=at_once)


def wants_strict(headers: Iterable[str]) -> bool:
    """Whether the client prefers a refusal to a job that is stored and cannot run."""
    return any(_STRICT.fullmatch(word.strip()) for header in headers for word in header.split(","))
