"""How a run is asked for: the annotation `run.dkron.io/<id>` on a DkronJob, written by people and by the REST API, and
read by the operator, which makes one run of each and removes it. Pure.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from dkron_crds.base import rfc3339
from dkron_crds.traceparent import TraceContext, read_traceparent

RUN_PREFIX = "run.dkron.io/"
FIRST, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""What nanoseconds since the epoch can say in 64 bits, and so what a group can be."""

_FORCE, _BY, _TRACE = "force", "by ", "traceparent="
_ID = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""What Kubernetes takes as the name of an annotation, behind its prefix."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for a run. `at` is None where its time cannot be read; `force`: also while the job is busy;
    `trace` is the span in which it was asked for."""

    id: str
    at: datetime | None
    by: str
    text: str
    force: bool = False
    trace: TraceContext | None = None


def run_annotation(
    request_id: str, at: datetime, *, by: str = "", force: bool = False, trace: TraceContext | None = None
) -> tuple[str, str]:
    """Key and text of the annotation that asks for a run at `at` (aware), in the name of `by`, as a part of `trace`.

    Raises ValueError for an id that Kubernetes would not take: letters, digits, `-`, `_` and `.`, at most 63, a letter
    or digit at both ends.
    """
    if _ID.fullmatch(request_id) is None:
        raise ValueError(f"{request_id!r} cannot be part of an annotation; use up to 63 of A-Z a-z 0-9 - _ .")
    who = " ".join(by.split())
    words = (rfc3339(at), _FORCE if force else "", f"{_TRACE}{trace}" if trace else "", _BY + who if who else "")
    return RUN_PREFIX + request_id, " ".join(word for word in words if word)


# A job that has many of them is read anew with each of its versions.
@lru_cache(maxsize=16384)
def read_request(key: str, text: str) -> Request | None:
    """The request that an annotation makes; None if it is another annotation.

    Its text is `<RFC 3339 time> [force] [traceparent=<W3C trace context>] [by <who>]`.
    """
    if not key.startswith(RUN_PREFIX):
        return None
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
    """The execution group of a request, in Unix nanoseconds: its second, with a fraction that tells ids apart.

    Stable for ever: names of Jobs depend on it.
    """
    fraction = int.from_bytes(sha256(request_id.encode()).digest()[:8]) % 1_000_000_000
    return (at - FIRST) // timedelta(seconds=1) * 1_000_000_000 + fraction


def read_instant(text: str) -> datetime | None:
    """An RFC 3339 time with a zone, in UTC; None if it is not one, or does not fit into 64 bits of nanoseconds."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None and FIRST <= at < END else None
    except (ValueError, OverflowError):
        return None
