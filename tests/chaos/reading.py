"""A history as a file: JSON Lines, a fact a line, in any order. Times are RFC 3339 with a zone, durations are seconds.

    {"fact": "terms", "read": "…", "lateness": 5, "recovery": 30, "start": 10, "grain": 1, "rivals": false,
     "probe": "a", "settle": 6, "calm": 0.5, "complete": false}
    {"fact": "operation", "act": "create", "job": "a", "invoked": "…", "answered": "…", "uid": "…", "created": "…",
     "labels": ["team=data"], "spec": {"schedule": "*/10 * * * * *", "concurrency": "forbid"}}
    {"fact": "operation", "act": "run", "job": "a", "invoked": "…", "answered": "…", "at": "…", "force": true}
    {"fact": "run", "job": "a", "uid": "…", "name": "a-1767225600-0123abcd", "slot": "…", "trigger": "schedule",
     "group": 0, "attempt": 1, "member": "", "created": "…", "start": "…", "end": "…", "success": true}
    {"fact": "fault", "what": "kill -9 of the leader", "begin": "…", "end": "…", "down": true, "skew": 0, "hits": [],
     "holds": false, "recovery": 5}
    {"fact": "since", "job": "a", "uid": "…", "since": "…"}
    {"fact": "seen", "job": "a", "uid": "…", "at": "…", "since": "…", "fingerprint": "…", "mark": "…", "skipped": 1,
     "claims": [], "deferred": [["…", "…"]]}
    {"fact": "record", "job": "a", "uid": "…", "read": "…", "status": {"successCount": 1}}
    {"fact": "paused", "job": "a", "begin": "…", "made": "…", "end": "…", "gone": "…", "drop": false,
     "by_itself": false}
    {"fact": "run-request", "name": "r", "invoked": "…", "answered": "…", "uid": "…", "created": "…", "fits": true,
     "cancelled": "…", "spec": {"job": "a", "force": true}}
    {"fact": "run-object", "name": "r", "uid": "…", "seen": "…", "created": "…", "backfill": "", "gone": "…",
     "spec": {"job": "a"}, "status": {"phase": "Succeeded"}}
    {"fact": "backfill-request", "name": "b", "invoked": "…", "answered": "…", "uid": "…",
     "spec": {"job": "a", "from": "…", "to": "…"}}
    {"fact": "backfill-object", "name": "b", "uid": "…", "status": {"succeeded": 3},
     "decided": [[{"job": "a", "uid": "…", "slots": ["…"]}]]}
    {"fact": "suspended", "name": "b", "begin": "…", "made": "…", "end": "…", "gone": "…"}
    {"fact": "pool", "name": "p", "size": 2, "order": "fifo", "most": 4}

Exactly one line has the terms, of which only `read` is required. `spec` and `status` belong to a DkronJob, to a
DkronRun in a `run-…`, and to a DkronBackfill in a `backfill-…`, as the API server has them. An absent key has
the default that `history.py` says; a key that is not known there is a mistake.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tests.chaos.history import (
    BackfillObject,
    BackfillRequest,
    Fault,
    History,
    Operation,
    Paused,
    Pool,
    Record,
    Run,
    RunObject,
    RunRequest,
    Seen,
    Since,
    Suspended,
    Terms,
)

Fact = (
    Terms
    | Operation
    | Run
    | Record
    | Since
    | Seen
    | Fault
    | Paused
    | RunRequest
    | RunObject
    | BackfillRequest
    | BackfillObject
    | Suspended
    | Pool
)

KINDS: dict[str, type[Any]] = {
    "terms": Terms, "operation": Operation, "run": Run, "record": Record, "since": Since, "seen": Seen,
    "fault": Fault, "paused": Paused, "run-request": RunRequest, "run-object": RunObject,
    "backfill-request": BackfillRequest, "backfill-object": BackfillObject, "suspended": Suspended,
    "pool": Pool,
}  # fmt: skip
_FIELDS: dict[str, type[Any]] = {
    "operations": Operation, "faults": Fault, "sinces": Since, "statuses": Seen, "runs": Run, "records": Record,
    "pauses": Paused, "run_requests": RunRequest, "run_objects": RunObject, "backfill_requests": BackfillRequest,
    "backfill_objects": BackfillObject, "suspensions": Suspended,
    "pools": Pool,
}  # fmt: skip
"""Where a history has the facts of each kind."""
_ADAPTERS = {kind: TypeAdapter(kind) for kind in KINDS.values()}


class Unreadable(ValueError):
    """A line that is no fact; says which one, and why."""


def read(lines: Iterable[str]) -> History:
    """The history that these lines tell. Raises `Unreadable`."""
    facts = [_fact(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    terms = sum(isinstance(fact, Terms) for fact in facts)
    if terms != 1:
        raise Unreadable(f'{terms} lines have "fact": "terms"; exactly one is needed')
    return gathered(facts)


def gathered(facts: Iterable[Fact]) -> History:
    """The history that these facts are, of which one has the terms."""
    facts = tuple(facts)
    terms = [fact for fact in facts if isinstance(fact, Terms)]
    found: dict[str, Any] = {
        name: tuple(fact for fact in facts if isinstance(fact, kind)) for name, kind in _FIELDS.items()
    }
    return History(terms=terms[0], **found)


def write(history: History) -> Iterator[str]:
    """The lines of a history, each with its line feed."""
    yield line(history.terms)
    for name in _FIELDS:
        yield from map(line, getattr(history, name))


def line(fact: Fact) -> str:
    """One fact, as the line to append to a file while things happen."""
    name = next(name for name, kind in KINDS.items() if isinstance(fact, kind))
    told = _ADAPTERS[type(fact)].dump_python(fact, mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps({"fact": name, **told}, ensure_ascii=False) + "\n"


def _fact(text: str, number: int) -> Fact:
    try:
        raw = json.loads(text)
        kind = KINDS[raw.pop("fact")]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise Unreadable(f'line {number} is no JSON object with a "fact" of {", ".join(KINDS)}') from None
    unknown = raw.keys() - {each.name for each in fields(kind)}
    if unknown:
        raise Unreadable(f"line {number} has unknown keys: {', '.join(sorted(unknown))}")
    try:
        fact: Fact = _ADAPTERS[kind].validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Unreadable(f"line {number}, {where or 'the fact'}: {first['msg']}") from None
    return fact
