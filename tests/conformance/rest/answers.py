"""Matchers of answers: small, plain data that rows hold.

A matcher returns a complaint, "" if it has none. Texts in it may hold `$job` and other words that differ from run to
run, see words.py.
"""

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from tests.conformance.rest.words import Words
from tests.support.rest import Answer


class Presence(Enum):
    """For a key of an object or a header of which only this matters."""

    ABSENT = "absent"
    PRESENT = "present"


ABSENT, PRESENT = Presence.ABSENT, Presence.PRESENT


class Matcher(Protocol):
    """Judges the body of an answer."""

    def complaint(self, answer: Answer, words: Words) -> str:
        """The fault of an answer; "" if it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """Exactly these bytes."""

    body: str

    def complaint(self, answer: Answer, words: Words) -> str:
        wanted = str(words.in_(self.body)).encode()
        return "" if answer.body == wanted else f"the body should be exactly {wanted!r}"


@dataclass(frozen=True, slots=True)
class Is:
    """Exactly this JSON value; the order of keys and white space do not matter."""

    value: Any

    def complaint(self, answer: Answer, words: Words) -> str:
        wanted = words.in_(self.value)
        return "" if _canonical(answer.json()) == _canonical(wanted) else f"the body should be {_canonical(wanted)}"


@dataclass(frozen=True, slots=True)
class Has:
    """A JSON value with at least these keys. Leaves may be patterns, ABSENT or PRESENT; lists are complete."""

    value: Any

    def complaint(self, answer: Answer, words: Words) -> str:
        return _difference(answer.json(), words.in_(self.value), "the body")


@dataclass(frozen=True, slots=True)
class Each:
    """A JSON list, not empty, of which each item is like this one."""

    value: Any

    def complaint(self, answer: Answer, words: Words) -> str:
        items, wanted = answer.json(), words.in_(self.value)
        if not isinstance(items, list) or not items:
            return "the body should be a list with items"
        return next(filter(None, (_difference(item, wanted, f"item {at}") for at, item in enumerate(items))), "")


@dataclass(frozen=True, slots=True)
class Some:
    """A JSON list of which at least one item is like this one."""

    value: Any

    def complaint(self, answer: Answer, words: Words) -> str:
        wanted = words.in_(self.value)
        found = any(not _difference(item, wanted, "") for item in answer.json())
        return "" if found else f"an item of the body should be like {wanted}"


@dataclass(frozen=True, slots=True)
class Column:
    """A JSON list whose items have, one after the other, these values under the key."""

    key: str
    values: Sequence[Any]

    def complaint(self, answer: Answer, words: Words) -> str:
        seen, wanted = [item[self.key] for item in answer.json()], words.in_(list(self.values))
        return "" if seen == wanted else f"the values of '{self.key}' should be {wanted}, they are {seen}"


@dataclass(frozen=True, slots=True)
class Own:
    """Of a JSON list only the items that belong to a job of the row; another matcher judges those."""

    then: Matcher

    def complaint(self, answer: Answer, words: Words) -> str:
        own = [item for item in answer.json() if item["job_name"].startswith(words.job)]
        return self.then.complaint(Answer(answer.status, answer.headers, json.dumps(own).encode()), words)


@dataclass(frozen=True, slots=True)
class Length:
    """A JSON list with so many items."""

    count: int
    or_more: bool = False

    def complaint(self, answer: Answer, words: Words) -> str:  # noqa: ARG002 - a matcher's
        items = answer.json()
        fits = isinstance(items, list) and (len(items) == self.count or (self.or_more and len(items) > self.count))
        return "" if fits else f"the body should be a list of {self.count} items{' or more' * self.or_more}"


@dataclass(frozen=True, slots=True)
class Keys:
    """A JSON object, or a list of them, with exactly these keys in this order."""

    keys: Sequence[str]

    def complaint(self, answer: Answer, words: Words) -> str:  # noqa: ARG002 - a matcher's
        value = answer.json()
        objects = value if isinstance(value, list) else [value]
        for each in objects:
            seen = list(each)
            if seen != list(self.keys):
                return f"the keys should be {list(self.keys)}, they are {seen}"
        return "" if objects else "there is no object to look at"


@dataclass(frozen=True, slots=True)
class Unzipped:
    """A body that was compressed; another matcher judges what was in it."""

    then: Matcher

    def complaint(self, answer: Answer, words: Words) -> str:
        return self.then.complaint(Answer(answer.status, answer.headers, gzip.decompress(answer.body)), words)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is no JSON in which this pattern is found; `.` is any character, `^` and `$` are its ends."""

    pattern: str

    def complaint(self, answer: Answer, words: Words) -> str:
        pattern = str(words.in_(self.pattern))
        found = re.search(pattern, answer.text, re.DOTALL | re.IGNORECASE)
        return "" if found else f"the body should match {pattern!r}"


@dataclass(frozen=True, slots=True)
class Both:
    """What each of these says."""

    matchers: tuple[Matcher, ...]

    def complaint(self, answer: Answer, words: Words) -> str:
        return next(filter(None, (each.complaint(answer, words) for each in self.matchers)), "")


def both(*matchers: Matcher) -> Both:
    """What each of these says."""
    return Both(matchers)


EMPTY = Raw("")
REASON = Text(r"\S.*\S")
"""A sentence that says why."""


def header_complaint(answer: Answer, name: str, wanted: str | re.Pattern[str] | Presence, words: Words) -> str:
    """The fault of a header; "" if it has none."""
    seen = answer.header(name)
    match wanted:
        case Presence.ABSENT:
            fits = seen is None
        case Presence.PRESENT:
            fits = seen is not None
        case re.Pattern():
            fits = seen is not None and wanted.search(seen) is not None
        case _:
            fits = seen == words.in_(wanted)
    shown = wanted.pattern if isinstance(wanted, re.Pattern) else wanted
    return "" if fits else f"the header {name} should be {words.in_(shown)}, it is {seen}"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _difference(seen: Any, wanted: Any, where: str) -> str:
    """Where `seen` has not what is wanted; "" if it has all."""
    match wanted:
        case Presence.PRESENT:
            return ""
        case re.Pattern():
            fits = wanted.search(str(seen)) is not None
            return "" if fits else f"{where} should match {wanted.pattern!r}, it is {seen!r}"
        case Mapping():
            return _difference_of_objects(seen, wanted, where)
        case list():
            if not isinstance(seen, list) or len(seen) != len(wanted):
                return f"{where} should be a list of {len(wanted)} items, it is {_canonical(seen)}"
            pairs = enumerate(zip(seen, wanted, strict=True))
            return next(filter(None, (_difference(a, b, f"{where}[{at}]") for at, (a, b) in pairs)), "")
        case _:
            return "" if _canonical(seen) == _canonical(wanted) else f"{where} should be {wanted!r}, it is {seen!r}"


def _difference_of_objects(seen: Any, wanted: Mapping[str, Any], where: str) -> str:
    if not isinstance(seen, dict):
        return f"{where} should be an object, it is {seen!r}"
    for key, value in wanted.items():
        if value is ABSENT:
            if key in seen:
                return f"{where} should not have '{key}'"
        elif key not in seen:
            return f"{where} should have '{key}'"
        elif complaint := _difference(seen[key], value, f"{where}.{key}"):
            return complaint
    return ""
