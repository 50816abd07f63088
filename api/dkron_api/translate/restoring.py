"""A backup, which is the JSON array that `GET /v1/jobs` answers, on its way back in (Dkron behaviour §1.8).

All of it is checked before any of it is stored. Of each job only its place in the file is remembered, so that a file
of ten thousand jobs needs little more memory than its own text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dkron_api.translate.body import JobBody, read_object
from dkron_api.translate.gojson import Pairs, Unreadable, after_space, readable, value_at
from dkron_api.translate.validate import Invalid, check
from dkron_crds.schedule.errors import quoted

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of the file: its number there, counted from 1, its names, and where its JSON begins."""

    number: int
    name: str
    parent: str
    start: int


@dataclass(frozen=True, slots=True)
class Dump:
    """A file in which every job was found valid. `entries` are in the order of the file; of several jobs of one name
    the last is kept."""

    text: str
    entries: Mapping[str, Entry]

    def job(self, entry: Entry) -> JobBody:
        """The job at an entry, read anew."""
        return read_object(value_at(self.text, entry.start)[0])

    def outside(self) -> tuple[str, ...]:
        """The parents which have to exist already, because the file does not hold them; sorted by name."""
        return tuple(sorted({entry.parent for entry in self.entries.values()} - self.entries.keys() - {""}))


def read_dump(data: bytes) -> Dump:
    """The jobs of a backup. Raises Unreadable if it is no JSON array of jobs and Invalid if one of them is wrong; the
    sentence tells which."""
    text = readable(data)
    entries: dict[str, Entry] = {}
    for number, (start, value) in enumerate(_items(text), 1):
        body = _checked(value, number)
        entries.pop(body.name, None)
        entries[body.name] = Entry(number, body.name, body.parent_job, start)
    return Dump(text, entries)


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
    except (Unreadable, Invalid) as exc:
        raise type(exc)(f"job {number} of the file{_called(value)}: {exc.reason}") from None
    return body


def _called(value: object) -> str:
    """What the file calls the job, if it does."""
    names = [item for key, item in value if key == "name" and isinstance(item, str)] if isinstance(value, Pairs) else []
    return f", {quoted(names[-1])}" if names else ""


def _items(text: str) -> Iterator[tuple[int, object]]:
    """Each value of the array that `text` is, with its position; one at a time."""
    at = after_space(text, 0)
    if not text.startswith("[", at):
        raise Unreadable("the file is not a JSON array of jobs, which is what GET /v1/jobs answers")
    at = after_space(text, at + 1)
    number = 0
    closed = text.startswith("]", at)
    while not closed:
        number += 1
        value, end = _item(text, at, number)
        yield at, value
        at, closed = _behind(text, end, number)
    if after_space(text, at + 1) != len(text):
        raise Unreadable("there is more in the file behind the array of jobs")


def _item(text: str, at: int, number: int) -> tuple[object, int]:
    try:
        return value_at(text, at)
    except Unreadable as exc:
        raise Unreadable(f"job {number} of the file: {exc.reason}") from None


def _behind(text: str, end: int, number: int) -> tuple[int, bool]:
    """Where the next value begins, or where the bracket is that closes the array."""
    at = after_space(text, end)
    if text.startswith("]", at):
        return at, True
    if not text.startswith(",", at):
        raise Unreadable(f"there is neither a comma nor a closing bracket behind job {number} of the file")
    return after_space(text, at + 1), False
