"""Reads a job in Dkron's JSON into a `JobBody`.

Types are as strict and keys as lenient as in Dkron (behaviour §1.5, step 2). `validate` checks afterwards whether the
job is valid.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, get_type_hints

from dkron_crds.job import Queue
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.moments import moment, strict_moment
from dkron_from_dkron.values import Pairs, Unreadable

Texts = Mapping[str, str]
Reader = Callable[[str, Any], object]
"""Returns the value of the field of this name from JSON. Raises Unreadable."""

INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)
_DIGITS = 24


def text(field: str, value: object) -> str:
    """Read a string. Raises Unreadable."""
    if isinstance(value, str):
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send a string, in double quotes")


def _word(_: str, value: object) -> str:
    """Return a text from a field that Dkron's clients do not know and may use for anything."""
    return value if isinstance(value, str) else ""


def flag(field: str, value: object) -> bool:
    """Read true or false. Raises Unreadable."""
    if isinstance(value, bool):
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send true or false without quotes")


def whole(field: str, value: object, allowed: range) -> int:
    """Read a whole number that is allowed. Raises Unreadable."""
    if type(value) is int and value in allowed:
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send a whole number without quotes, at least {allowed[0]}")


def _count(field: str, value: object) -> int:
    return whole(field, value, INT64)


def _retries(field: str, value: object) -> int:
    return whole(field, value, UINT64)


def _texts(field: str, value: object) -> Texts:
    if not isinstance(value, Pairs):
        raise Unreadable(f"{field}: it is {_kind(value)}; send an object whose values are strings")
    return {key: item if isinstance(item, str) else _value(field, key, item) for key, item in value}


def _value(field: str, key: str, item: object) -> str:
    if item is None:
        return ""
    raise Unreadable(f"{field}: the value of {quoted(key)} is {_kind(item)}; every value is a string, in double quotes")


def _processors(field: str, value: object) -> Mapping[str, Texts]:
    if not isinstance(value, Pairs):
        raise Unreadable(f"{field}: it is {_kind(value)}; send an object of processors with their settings")
    return {key: _texts(f"{field} {quoted(key)}", Pairs() if item is None else item) for key, item in value}


def _queue(field: str, value: object) -> Mapping[str, Any]:
    """Return the queue that is sent, by the names of `spec.queue`. The API server checks the values."""
    if not isinstance(value, Pairs):
        raise Unreadable(f"{field}: it is {_kind(value)}; send null, or an object such as {QUEUE_EXAMPLE}")
    found: dict[str, Any] = {}
    for key, item in value:
        if key not in _QUEUE:
            raise Unreadable(f"{field}: {quoted(key)} is not a field of it; it has {', '.join(_QUEUE)}")
        if item is not None:
            found[key] = _QUEUE[key](f"{field}: {key}", item)
    return found or DEFAULT_QUEUE


def names(field: str, value: object) -> tuple[str, ...]:
    """Read a list of strings. Raises Unreadable."""
    if isinstance(value, list) and not isinstance(value, Pairs):
        return tuple("" if item is None else text(field, item) for item in value)
    raise Unreadable(f"{field}: it is {_kind(value)}; send null or an array of strings")


def _time(field: str, value: object) -> str | None:
    given = text(field, value)
    try:
        return moment(given)
    except ValueError:
        raise Unreadable(
            f"{field}: {quoted(given)} is not a time; send null, RFC 3339 with a zone such as 2026-03-01T09:30:00Z, "
            "or a minute of UTC such as 2026-03-01T09:30"
        ) from None


def _next(field: str, value: object) -> str | None:
    given = text(field, value)
    try:
        return strict_moment(given)
    except ValueError:
        form = "RFC 3339 such as 2026-03-01T09:30:00Z"
        raise Unreadable(f"{field}: {quoted(given)} is not a time; leave it out, or send {form}") from None


def _kind(value: object) -> str:
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case str():
            return f"the string {quoted(value)}"
        case int() | float():
            return f"the number {str(value)[:_DIGITS]}"
        case Pairs():
            return "an object"
        case _:
            return "an array"


_QUEUE: Mapping[str, Reader] = {"max": _count, "expires": text, "order": text}
QUEUE_EXAMPLE = '{"max": 10, "expires": "1h", "order": "oldest"}'
DEFAULT_QUEUE: Mapping[str, Any] = {"max": Queue().max}
"""The queue that has no fields of its own: the others are optional."""
NO_QUEUE: Mapping[str, Any] = {}
"""What null means as `queue`: runs do not wait."""


@dataclass(frozen=True, slots=True)
class JobBody:
    """A job as a client sent it: the fields of Dkron behaviour §2.1 in their order and under their names on the wire,
    each with what reads it, absent ones with Dkron's defaults. None is Go's nil: the client sent null or nothing. Times
    are in the normal form of `moments`; the zero time is None. `problem` and `queue` are our own
    fields. `problem` is never stored, see `readiness`; `queue` is None if it is not sent, and empty for null."""

    id: Annotated[str, text] = ""
    name: Annotated[str, text] = ""
    displayname: Annotated[str, text] = ""
    timezone: Annotated[str, text] = ""
    schedule: Annotated[str, text] = ""
    owner: Annotated[str, text] = ""
    owner_email: Annotated[str, text] = ""
    success_count: Annotated[int, _count] = 0
    error_count: Annotated[int, _count] = 0
    last_success: Annotated[str | None, _time] = None
    last_error: Annotated[str | None, _time] = None
    disabled: Annotated[bool, flag] = False
    tags: Annotated[Texts | None, _texts] = None
    metadata: Annotated[Texts | None, _texts] = None
    retries: Annotated[int, _retries] = 0
    dependent_jobs: Annotated[tuple[str, ...] | None, names] = None
    parent_job: Annotated[str, text] = ""
    processors: Annotated[Mapping[str, Texts] | None, _processors] = None
    concurrency: Annotated[str, text] = "allow"
    executor: Annotated[str, text] = ""
    executor_config: Annotated[Texts | None, _texts] = None
    status: Annotated[str, text] = ""
    next: Annotated[str | None, _next] = None
    ephemeral: Annotated[bool, flag] = False
    starts_at: Annotated[str | None, _time] = None
    expires_at: Annotated[str | None, _time] = None
    problem: Annotated[str, _word] = ""
    queue: Annotated[Mapping[str, Any] | None, _queue] = None


_READERS: Mapping[str, Reader] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(JobBody, include_extras=True).items()
}
_NULLABLE = frozenset(each.name for each in fields(JobBody) if each.default is None)
_ABSENT: Mapping[str, Any] = {"queue": NO_QUEUE}
"""What null means for a field, unless it means None."""
FIELDS = tuple(_READERS)
"""The names of all fields."""


def read_object(value: object) -> JobBody:
    """Return the job in a value whose objects are `Pairs`; null is a job without fields. Raises Unreadable."""
    if value is None:
        return JobBody()
    if not isinstance(value, Pairs):
        raise Unreadable(f"it is {_kind(value)}; a job is an object")
    given: dict[str, Any] = {}
    for key, item in value:
        # Go's simple folding maps the long s to an s.
        name = key if key in _READERS else key.replace("\u017f", "s").lower()
        # As in Go, null leaves a plain field as it is: an absent concurrency stays "allow".
        if name in _READERS and (item is not None or name in _NULLABLE):
            given[name] = _ABSENT.get(name) if item is None else _READERS[name](name, item)
    return JobBody(**given)
