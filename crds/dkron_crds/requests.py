"""Requests for a run: the annotation `run.dkron.io/<id>` on a DkronJob. People and the REST API write it; the
operator reads it, makes one run of it and removes it. Pure.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from dkron_crds.schedule.instants import rfc3339
from dkron_crds.traceparent import TraceContext, read_traceparent

RUN_PREFIX = "run.dkron.io/"
FIRST, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""The range that nanoseconds since the epoch can express in 64 bits, and therefore the range of groups."""

MOST_TEXT = 1024
"""Characters of a request that count. An annotation may have 256 KiB, and requests stay in memory."""

OVERRULED = "force overrules that"
"""How the operator's refusal of a run ends where only a pause, which force overrules, is in its way."""

_FORCE, _BY, _TRACE = "force", "by ", "traceparent="
_ID = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""What Kubernetes accepts as the name of an annotation, after its prefix."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a run. `at` is None if its time cannot be read. `force` runs the job even while it is busy.
    `trace` is the span that made the request."""

    id: str
    at: datetime | None
    by: str
    text: str
    force: bool = False
    trace: TraceContext | None = None


def run_annotation(
    request_id: str, at: datetime, *, by: str = "", force: bool = False, trace: TraceContext | None = None
) -> tuple[str, str]:
    """Return the key and text of the annotation that requests a run at `at` (aware), on behalf of `by`, as part of
    `trace`.

    Raises ValueError for an id that Kubernetes would reject. It allows letters, digits, `-`, `_` and `.`, at most 63,
    with a letter or digit at both ends.
    """
    if _ID.fullmatch(request_id) is None:
        raise ValueError(f"{request_id!r} cannot be part of an annotation; use up to 63 of A-Z a-z 0-9 - _ .")
    who = " ".join(by.split())
    words = (rfc3339(at), _FORCE if force else "", f"{_TRACE}{trace}" if trace else "", _BY + who if who else "")
    return RUN_PREFIX + request_id, " ".join(word for word in words if word)


def read_request(key: str, text: str) -> Request | None:
    """Return the request in an annotation; None if the annotation is not a request.

    Its text is `<RFC 3339 time> [force] [traceparent=<W3C trace context>] [by <name>]`, and is cut to `MOST_TEXT`
    characters.
    """
    return _read_request(key, text[:MOST_TEXT]) if key.startswith(RUN_PREFIX) else None


# The operator reads all of a job's requests again with each version of the job.
@lru_cache(maxsize=16384)
def _read_request(key: str, text: str) -> Request:
    time, rest = _first_word(text)
    word, others = _first_word(rest)
    force = word == _FORCE
    rest = others if force else rest
    word, others = _first_word(rest)
    trace = read_traceparent(word.removeprefix(_TRACE)) if word.startswith(_TRACE) else None
    by = (rest if trace is None else others).removeprefix(_BY)
    return Request(id=key.removeprefix(RUN_PREFIX), at=read_instant(time), by=by, text=text, force=force, trace=trace)


def _first_word(text: str) -> tuple[str, str]:
    word, _, rest = text.strip().partition(" ")
    return word, rest.strip()


@lru_cache(maxsize=16384)
def group_of(request_id: str, at: datetime) -> int:
    """Return the execution group of a request, in Unix nanoseconds: its second, with a fraction derived from the id.

    The result must never change: Job names depend on it.
    """
    fraction = int.from_bytes(sha256(request_id.encode()).digest()[:8]) % 1_000_000_000
    return (at - FIRST) // timedelta(seconds=1) * 1_000_000_000 + fraction


def read_instant(text: str) -> datetime | None:
    """Return an RFC 3339 time with a zone, in UTC; None if it is not one, or does not fit into 64 bits of
    nanoseconds."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None and FIRST <= at < END else None
    except (ValueError, OverflowError):
        return None
