"""Parses a backup, which is the JSON array of `GET /v1/jobs`, for a restore (Dkron behaviour §1.8).

The whole file is checked before any job is stored. Only the position of each job in the file is remembered, so that a
file of ten thousand jobs needs little more memory than its own bytes. It is never parsed as a whole: three bytes of
JSON may become an object of sixty bytes in memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dkron_api.translate.gojson import readable, value_at
from dkron_api.translate.secrets_named import TEMPLATE, secrets_named
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import JobBody, read_object
from dkron_from_dkron.history import check_history
from dkron_from_dkron.validate import Invalid, check
from dkron_from_dkron.values import Pairs, Unreadable

MOST_JOBS = 100_000
"""Maximum jobs in a file."""
LONGEST_JOB = 2**20
"""Maximum bytes of the JSON of one job. The API server would not store a longer one either."""
_SHOWN = 5
_WINDOW, _WIDER = 4096, 8
"""Bytes decoded first to parse a job, and the factor by which the window grows if the job is longer."""
_SPACE = re.compile(rb"[ \t\n\r]*")


class TooLarge(ValueError):
    """The file exceeds the limits of a restore. `str()` is one readable sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the file: its number from 1, its name, its parent, and the byte where its JSON begins."""

    number: int
    name: str
    parent: str
    start: int


@dataclass(frozen=True, slots=True)
class Dump:
    """A file in which every job is valid: UTF-8. `entries` are in the order of the file; of several jobs with one
    name the last is kept. `secrets` are all that its jobs name, and `has_template` says that one of them is a whole
    Kubernetes Job."""

    data: bytes | bytearray
    entries: Mapping[str, Entry]
    secrets: Sequence[str] = ()
    has_template: bool = False

    def job(self, entry: Entry) -> JobBody:
        """Parse the job of an entry again."""
        return read_object(_item(self.data, entry.start, entry.number)[0])

    def outside(self) -> tuple[str, ...]:
        """Return the parents that must already exist, because the file does not contain them; sorted by name."""
        return tuple(sorted({entry.parent for entry in self.entries.values()} - self.entries.keys() - {""}))


def read_dump(data: bytes | bytearray) -> Dump:
    """Return the jobs of a backup, which must be valid UTF-8. Raises Unreadable if it is not a JSON array of jobs,
    Invalid if one of them is invalid, and TooLarge; the sentence names the job."""
    entries: dict[str, Entry] = {}
    secrets: dict[str, None] = {}
    has_template = False
    for number, (start, value) in enumerate(_items(data), 1):
        if number > MOST_JOBS:
            raise TooLarge(f"the file has more than {MOST_JOBS} jobs; restore them in several files")
        body = _checked(value, number)
        entries.pop(body.name, None)
        entries[body.name] = Entry(number, body.name, body.parent_job, start)
        secrets |= dict.fromkeys(secrets_named(body))
        has_template |= body.executor == TEMPLATE
    return Dump(data, entries, tuple(secrets), has_template)


def order(dump: Dump) -> list[Entry]:
    """Return the entries, parents first, else in the order of the file. Raises Invalid if parents form a cycle."""
    placed: dict[str, Entry] = {}
    for entry in dump.entries.values():
        for ancestor in reversed(_unplaced(entry, dump.entries, placed)):
            placed[ancestor.name] = ancestor
    return list(placed.values())


def _unplaced(entry: Entry, entries: Mapping[str, Entry], placed: Mapping[str, Entry]) -> list[Entry]:
    """Return the entry and its ancestors in the file, up to the first that is already placed."""
    line: dict[str, Entry] = {}
    at: Entry | None = entry
    while at is not None and at.name not in placed:
        if at.name in line:
            names = list(line)[list(line).index(at.name) :]
            shown = [quoted(name) for name in names[:_SHOWN]] + ["…"] * (len(names) > _SHOWN) + [quoted(at.name)]
            circle = f"{len(names)} jobs of the file depend on each other in a circle: {' after '.join(shown)}"
            raise Invalid(f"parent_job: {circle}")
        line[at.name] = at
        at = entries.get(at.parent)
    return list(line.values())


def _checked(value: object, number: int) -> JobBody:
    try:
        body = read_object(value)
        check(body)
        check_history(body)
    except (Unreadable, Invalid) as exc:
        raise type(exc)(f"job {number} of the file{_called(value)}: {exc.reason}") from None
    return body


def _called(value: object) -> str:
    names = [item for key, item in value if key == "name" and isinstance(item, str)] if isinstance(value, Pairs) else []
    return f", {quoted(names[-1])}" if names else ""


def _items(data: bytes | bytearray) -> Iterator[tuple[int, object]]:
    """Yield each value of the array in `data`, with its position; one at a time."""
    at = _after_space(data, 0)
    if not data.startswith(b"[", at):
        raise Unreadable("the file is not a JSON array of jobs; send the response of GET /v1/jobs")
    at = _after_space(data, at + 1)
    number = 0
    closed = data.startswith(b"]", at)
    while not closed:
        number += 1
        value, end = _item(data, at, number)
        yield at, value
        at, closed = _behind(data, end, number)
    if _after_space(data, at + 1) != len(data):
        raise Unreadable("more text follows the array of jobs in the file")


def _item(data: bytes | bytearray, at: int, number: int) -> tuple[object, int]:
    """Return the value that begins at `at`, and the position after it, decoding no more than needed."""
    if at == len(data):
        raise Unreadable(f"the file ends where job {number} was expected")
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
    """Return the error in the JSON that begins at `at`, with line and column of the file."""
    start = data.rfind(b"\n", 0, at) + 1
    origin = data.count(b"\n", 0, at) + 1, len(data[start:at].decode("utf-8", "replace")) + 1
    try:
        value_at(window, 0, origin=origin)
    except Unreadable as exc:
        return exc.reason
    return ""


def _behind(data: bytes | bytearray, end: int, number: int) -> tuple[int, bool]:
    """Return the position of the next value, or of the closing bracket of the array."""
    at = _after_space(data, end)
    if data.startswith(b"]", at):
        return at, True
    if not data.startswith(b",", at):
        raise Unreadable(f"neither a comma nor a closing bracket follows job {number} of the file")
    return _after_space(data, at + 1), False


def _after_space(data: bytes | bytearray, at: int) -> int:
    match = _SPACE.match(data, at)
    return match.end() if match else at
