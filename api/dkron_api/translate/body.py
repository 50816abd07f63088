"""Parses the JSON of an upsert into a `JobBody`, and renders the echo in the response.

Types are as strict and keys as lenient as in Dkron (behaviour §1.5, step 2). `validate` checks afterwards whether the
job is valid.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dkron_api.translate.gojson import Pairs, Unreadable, decode
from dkron_api.translate.moments import moment, strict_moment
from dkron_api.translate.times import ZERO
from dkron_crds.schedule.errors import quoted

Texts = Mapping[str, str]

INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)
_DIGITS = 24


@dataclass(frozen=True, slots=True)
class JobBody:
    """A job as a client sent it: the fields of Dkron behaviour §2.1 under their names on the wire, absent ones with
    Dkron's defaults. None is Go's nil: the client sent null or nothing. Times are in the normal form of `moments`;
    the zero time is None. `problem` is our own field, see `standing`; its value is never stored."""

    id: str = ""
    name: str = ""
    displayname: str = ""
    timezone: str = ""
    schedule: str = ""
    owner: str = ""
    owner_email: str = ""
    success_count: int = 0
    error_count: int = 0
    last_success: str | None = None
    last_error: str | None = None
    disabled: bool = False
    tags: Texts | None = None
    metadata: Texts | None = None
    retries: int = 0
    dependent_jobs: tuple[str, ...] | None = None
    parent_job: str = ""
    processors: Mapping[str, Texts] | None = None
    concurrency: str = "allow"
    executor: str = ""
    executor_config: Texts | None = None
    status: str = ""
    next: str | None = None
    ephemeral: bool = False
    starts_at: str | None = None
    expires_at: str | None = None
    problem: str = ""


def read_body(data: bytes) -> JobBody:
    """Return the job in the body of an upsert. Raises Unreadable where Dkron answers 400 before it checks the job."""
    return read_object(decode(data))


def read_object(value: object) -> JobBody:
    """Return the job in a value from `gojson`; null is a job without fields. Raises Unreadable."""
    if value is None:
        return JobBody()
    if not isinstance(value, Pairs):
        raise Unreadable(f"it is {_kind(value)}; a job is an object")
    fields: dict[str, Any] = {}
    for key, item in value:
        field = key if key in _READERS else _folded(key)
        # As in Go, null leaves a plain field as it is: an absent concurrency stays "allow".
        if field in _READERS and (item is not None or field in _NULLABLE):
            fields[field] = None if item is None else _READERS[field](field, item)
    return JobBody(**fields)


def echo(body: JobBody) -> dict[str, Any]:
    """Return the response to an upsert: the request as understood, in the order of Dkron behaviour §2.1."""
    return {
        "id": body.name,
        "name": body.name,
        "displayname": body.displayname,
        "timezone": body.timezone,
        "schedule": body.schedule,
        "owner": body.owner,
        "owner_email": body.owner_email,
        "success_count": body.success_count,
        "error_count": body.error_count,
        "last_success": body.last_success,
        "last_error": body.last_error,
        "disabled": body.disabled,
        "tags": _by_key(body.tags),
        "metadata": _by_key(body.metadata),
        "retries": body.retries,
        "dependent_jobs": body.dependent_jobs,
        "parent_job": body.parent_job,
        "processors": _by_key(body.processors),
        "concurrency": body.concurrency,
        "executor": body.executor,
        "executor_config": _by_key(body.executor_config),
        "status": body.status,
        "next": ZERO,
        "ephemeral": body.ephemeral,
        "starts_at": body.starts_at,
        "expires_at": body.expires_at,
    }


def _by_key(texts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a map in Go's order, including inner maps."""
    if texts is None:
        return None
    return {key: _by_key(texts[key]) if isinstance(texts[key], Mapping) else texts[key] for key in sorted(texts)}


def _folded(key: str) -> str:
    """Return the key in lower case by Go's simple folding, which maps the long s to an s."""
    return key.replace("\u017f", "s").lower()


def _text(field: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send a string, in double quotes")


def _word(_: str, value: object) -> str:
    """Return a text from a field that Dkron's clients do not know and may use for anything."""
    return value if isinstance(value, str) else ""


def _flag(field: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send true or false without quotes")


def _whole(field: str, value: object, allowed: range) -> int:
    if type(value) is int and value in allowed:
        return value
    raise Unreadable(f"{field}: it is {_kind(value)}; send a whole number without quotes, at least {allowed[0]}")


def _count(field: str, value: object) -> int:
    return _whole(field, value, INT64)


def _retries(field: str, value: object) -> int:
    return _whole(field, value, UINT64)


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


def _names(field: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and not isinstance(value, Pairs):
        return tuple("" if item is None else _text(field, item) for item in value)
    raise Unreadable(f"{field}: it is {_kind(value)}; send null or an array of strings")


def _time(field: str, value: object) -> str | None:
    text = _text(field, value)
    try:
        return moment(text)
    except ValueError:
        raise Unreadable(
            f"{field}: {quoted(text)} is not a time; send null, RFC 3339 with a zone such as 2026-03-01T09:30:00Z, "
            "or a minute of UTC such as 2026-03-01T09:30"
        ) from None


def _next(field: str, value: object) -> str | None:
    text = _text(field, value)
    try:
        return strict_moment(text)
    except ValueError:
        form = "RFC 3339 such as 2026-03-01T09:30:00Z"
        raise Unreadable(f"{field}: {quoted(text)} is not a time; leave it out, or send {form}") from None


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


_NULLABLE = frozenset(
    {
        *("last_success", "last_error", "starts_at", "expires_at"),
        *("tags", "metadata", "dependent_jobs", "processors", "executor_config"),
    }
)
_READERS: Mapping[str, Callable[[str, Any], object]] = {
    "id": _text,
    "name": _text,
    "displayname": _text,
    "timezone": _text,
    "schedule": _text,
    "owner": _text,
    "owner_email": _text,
    "success_count": _count,
    "error_count": _count,
    "last_success": _time,
    "last_error": _time,
    "disabled": _flag,
    "tags": _texts,
    "metadata": _texts,
    "retries": _retries,
    "dependent_jobs": _names,
    "parent_job": _text,
    "processors": _processors,
    "concurrency": _text,
    "executor": _text,
    "executor_config": _texts,
    "status": _text,
    "next": _next,
    "ephemeral": _flag,
    "starts_at": _time,
    "expires_at": _time,
    "problem": _word,
}
