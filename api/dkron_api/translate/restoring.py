"""A backup, which is the JSON array that `GET /v1/jobs` answers, on its way back in (Dkron behaviour §1.8).

All of it is checked before any of it is stored. Of each job only its place in the file is remembered, so that a file
of ten thousand jobs needs little more memory than its own bytes. It is never parsed as a whole: three bytes of JSON may
be an object of sixty in memory.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dkron_api.translate.body import JobBody, read_object
from dkron_api.translate.gojson import Pairs, Unreadable, readable, value_at
from dkron_api.translate.history import check_history
from dkron_api.translate.validate import Invalid, check
from dkron_crds.schedule.errors import quoted

MOST_JOBS = 100_000
"""Jobs that a file may have."""
LONGEST_JOB = 2**20
"""Bytes of the JSON of one job: what is longer, the API server would not store either."""
_SHOWN = 5
_WINDOW, _WIDER = 4096, 8
"""Bytes that are decoded at first in order to read a job, and how many times more if it goes on behind them."""
_SPACE = re.compile(rb"[ \t\n\r]*")


class TooLarge(ValueError):
    """The file has more than a restore takes. `reason` is one sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the file: its number there, counted from 1, its names, and the byte where its JSON begins."""

    number: int
    name: str
    parent: str
    start: int


@dataclass(frozen=True, slots=True)
class Dump:
    """A file in which every job was found valid: UTF-8. `entries` are in the order of the file; of several jobs of one
    name the last is kept."""

    data: bytes | bytearray
    entries: Mapping[str, Entry]

    def job(self, entry: Entry) -> JobBody:
        """The job at an entry, read anew."""
        return read_object(_item(self.data, entry.start, entry.number)[0])

    def outside(self) -> tuple[str, ...]:
        """The parents which have to exist already, because the file does not hold them; sorted by name."""
        return tuple(sorted({entry.parent for entry in self.entries.values()} - self.entries.keys() - {""}))


def read_dump(data: bytes | bytearray) -> Dump:
    """The jobs of a backup, which is valid UTF-8. Raises Unreadable if it is no JSON array of jobs, Invalid if one of
    them is wrong, and TooLarge; the sentence tells which."""
    entries: dict[str, Entry] = {}
    for number, (start, value) in enumerate(_items(data), 1):
        if number > MOST_JOBS:
            raise TooLarge(f"the file has more than {MOST_JOBS} jobs; restore them in several files")
        body = _checked(value, number)
        entries.pop(body.name, None)
        entries[body.name] = Entry(number, body.name, body.parent_job, start)
    return Dump(data, entries)


def order(dump: Dump) -> list[Entry]:
    """The entries, each parent before its children and otherwise as in the file. Raises Invalid if jobs are parents of
    each other in a circle."""
    placed: dict[str, Entry] = {}
    for entry in dump.entries.values():
        for ancestor in reversed(_unplaced(entry, dump.entries, placed)):
            placed[ancestor.name] = ancestor
    return list(placed.values())


def _unplaced(entry: Entry, entries: Mapping[str, Entry], placed: Mapping[str, Entry]) -> list[Entry]:
    """The entry and its ancestors in the file, up to the first that has its place already."""
    line: dict[str, Entry] = {}
    at: Entry | None = entry
    while at is not None and at.name not in placed:
        if at.name in line:
            raise Invalid(_circle(list(line), at.name))
        line[at.name] = at
        at = entries.get(at.parent)
    return list(line.values())


def _circle(line: list[str], first: str) -> str:
    names = line[line.index(first) :]
    shown = [quoted(name) for name in names[:_SHOWN]] + ["…"] * (len(names) > _SHOWN) + [quoted(first)]
    return f"parent_job: {len(names)} jobs of the file wait for each other in a circle: {' after '.join(shown)}"


def _checked(value: object, number: int) -> JobBody:
    try:
        body = read_object(value)
        check(body)
        check_history(body)
    except (Unreadable, Invalid) as exc:
        raise type(exc)(f"job {number} of the file{_called(value)}: {exc.reason}") from None
    return body


def _called(value: object) -> str:
    """What the file calls the job, if it does."""
    names = [item for key, item in value if key == "name" and isinstance(item, str)] if isinstance(value, Pairs) else []
    return f", {quoted(names[-1])}" if names else ""


def _items(data: bytes | bytearray) -> Iterator[tuple[int, object]]:
    """Each value of the array that `data` is, with its position; one at a time."""
    at = _after_space(data, 0)
    if not data.startswith(b"[", at):
        raise Unreadable("the file is not a JSON array of jobs, which is what GET /v1/jobs answers")
    at = _after_space(data, at + 1)
    number = 0
    closed = data.startswith(b"]", at)
    while not closed:
        number += 1
        value, end = _item(data, at, number)
        yield at, value
        at, closed = _behind(data, end, number)
    if _after_space(data, at + 1) != len(data):
        raise Unreadable("there is more in the file behind the array of jobs")


def _item(data: bytes | bytearray, at: int, number: int) -> tuple[object, int]:
    """The value that begins at `at`, and the position behind it. No more is decoded than it takes."""
    if at == len(data):
        raise Unreadable(f"job {number} of the file: there is nothing where JSON was expected")
    width = _WINDOW
    while True:
        window = readable(bytes(data[at : at + width]))
        try:
            value, end = value_at(window, 0)
        except Unreadable as exc:
            whole = at + width >= len(data)
            if exc.cut and not whole and width < LONGEST_JOB:
                width = min(width * _WIDER, LONGEST_JOB)
                continue
            if exc.cut and not whole:
                raise TooLarge(f"job {number} of the file is larger than {LONGEST_JOB} bytes") from None
            raise Unreadable(f"job {number} of the file: {_placed(data, at, window) or exc.reason}") from None
        return value, at + (end if window.isascii() else len(window[:end].encode()))


def _placed(data: bytes | bytearray, at: int, window: str) -> str:
    """What is wrong with the JSON that begins at `at`, with line and column of the file."""
    start = data.rfind(b"\n", 0, at) + 1
    origin = data.count(b"\n", 0, at) + 1, len(data[start:at].decode("utf-8", "replace")) + 1
    try:
        value_at(window, 0, origin=origin)
    except Unreadable as exc:
        return exc.reason
    return ""


def _behind(data: bytes | bytearray, end: int, number: int) -> tuple[int, bool]:
    """Where the next value begins, or where the bracket is that closes the array."""
    at = _after_space(data, end)
    if data.startswith(b"]", at):
        return at, True
    if not data.startswith(b",", at):
        raise Unreadable(f"there is neither a comma nor a closing bracket behind job {number} of the file")
    return _after_space(data, at + 1), False


def _after_space(data: bytes | bytearray, at: int) -> int:
    match = _SPACE.match(data, at)
    return match.end() if match else at
