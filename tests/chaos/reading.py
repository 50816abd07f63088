"""A history as a file: JSON Lines, a fact a line, in any order. Times are RFC 3339 with a zone, durations are seconds.

    {"fact": "terms", "read": "…", "lateness": 5, "recovery": 30, "start": 10, "grain": 1, "rivals": false,
     "probe": "a", "settle": 6, "calm": 0.5, "complete": false}
    {"fact": "operation", "act": "create", "job": "a", "invoked": "…", "answered": "…", "uid": "…", "created": "…",
     "spec": {"schedule": "*/10 * * * * *", "concurrency": "forbid"}}
    {"fact": "operation", "act": "run", "job": "a", "invoked": "…", "answered": "…", "at": "…", "force": true}
    {"fact": "run", "job": "a", "uid": "…", "name": "a-1767225600-0123abcd", "slot": "…", "trigger": "schedule",
     "group": 0, "attempt": 1, "member": "", "created": "…", "start": "…", "end": "…", "success": true}
    {"fact": "fault", "what": "kill -9 of the leader", "begin": "…", "end": "…", "down": true, "skew": 0, "hits": [],
     "holds": false, "recovery": 5}
    {"fact": "since", "job": "a", "uid": "…", "since": "…"}
    {"fact": "seen", "job": "a", "uid": "…", "at": "…", "since": "…", "fingerprint": "…", "mark": "…", "skipped": 1,
     "claims": []}
    {"fact": "record", "job": "a", "uid": "…", "read": "…", "status": {"successCount": 1}}

Exactly one line has the terms, of which only `read` is required. `spec` and `status` are those of a DkronJob as the API
server has them. What is absent has the default that `history.py` says; a key that is not known there is a mistake.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tests.chaos.history import Fault, History, Operation, Record, Run, Seen, Since, Terms

Fact = Terms | Operation | Run | Record | Since | Seen | Fault

KINDS: dict[str, type[Any]] = {
    "terms": Terms, "operation": Operation, "run": Run, "record": Record, "since": Since, "seen": Seen,
    "fault": Fault,
}  # fmt: skip
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
    return History(
        terms=terms[0],
        operations=tuple(fact for fact in facts if isinstance(fact, Operation)),
        runs=tuple(fact for fact in facts if isinstance(fact, Run)),
        records=tuple(fact for fact in facts if isinstance(fact, Record)),
        sinces=tuple(fact for fact in facts if isinstance(fact, Since)),
        faults=tuple(fact for fact in facts if isinstance(fact, Fault)),
        statuses=tuple(fact for fact in facts if isinstance(fact, Seen)),
    )


def write(history: History) -> Iterator[str]:
    """The lines of a history, each with its line feed."""
    yield line(history.terms)
    for facts in (history.operations, history.faults, history.sinces, history.statuses, history.runs, history.records):
        yield from map(line, facts)


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
