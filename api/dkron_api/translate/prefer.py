"""What a request prefers (RFC 7240): to be answered when a run is over, or at once. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WAIT = re.compile(r"wait\s*(?:=\s*(?:\"(\d{1,9})\"|(\d{1,9})))?\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_ASYNC = re.compile(r"respond-async\s*(?:;.*)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait`: the client waits, for `seconds` if it says so. `at_once`: it does not want to."""

    wait: bool = False
    seconds: int | None = None
    at_once: bool = False

    def applied(self, *, waiting: bool) -> str:
        """What Preference-Applied says of an answer that was waited for, or not; empty for nothing."""
        if waiting and self.wait:
            return "wait" if self.seconds is None else f"wait={self.seconds}"
        return "respond-async" if self.at_once and not waiting else ""


def read_preference(headers: Iterable[str]) -> Preference:
    """From the values of all Prefer headers. Of two of a name the first counts; what is not known, does not."""
    wait: re.Match[str] | None = None
    at_once = False
    for word in (word.strip() for header in headers for word in header.split(",")):
        wait = wait or _WAIT.fullmatch(word)
        at_once = at_once or _ASYNC.fullmatch(word) is not None
    if wait is None:
        return Preference(at_once=at_once)
    seconds = wait[1] or wait[2]
    return Preference(wait=True, seconds=None if seconds is None else int(seconds), at_once=at_once)
