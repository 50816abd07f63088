"""What can go wrong in a call to Kubernetes, one class for each thing that a caller can do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class KubeError(Exception):
    """Kubernetes refused or failed a call. `str()` is the server's own sentence."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Conflict(KubeError):
    """Somebody wrote first: re-read, and decide again."""


class AlreadyExists(KubeError):
    """The name is taken: adopt the object if it is ours."""


class NotFound(KubeError):
    """The object, or its namespace, or its kind, is not there."""


class Expired(KubeError):
    """A continue token or a resource version is too old: start the list again."""


class Rejected(KubeError):
    """The request is wrong or not allowed: report it, a repetition would fail the same way."""


class Unavailable(KubeError):
    """No answer, or the answer was to come back later, after `retry_after` seconds where the server said so."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after


def from_status(status: int, body: Mapping[str, Any] | str, retry_after: str | None = None) -> KubeError:
    """The error for an HTTP answer of 400 or above. `body` is a `Status` object, or the text of a proxy's page."""
    if isinstance(body, str):
        message, reason = body.strip()[:500] or f"HTTP {status}", ""
    else:
        message, reason = str(body.get("message") or f"HTTP {status}"), str(body.get("reason") or "")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return Unavailable(message, status=status, reason=reason, retry_after=seconds)
    return _class_of(status, reason)(message, status=status, reason=reason)


def _class_of(status: int, reason: str) -> type[KubeError]:
    match status:
        case HTTPStatus.CONFLICT:
            return AlreadyExists if reason == "AlreadyExists" else Conflict
        case HTTPStatus.NOT_FOUND:
            return NotFound
        case HTTPStatus.GONE:
            return Expired
        case HTTPStatus.UNAUTHORIZED:
            # Credentials rotate: the next call reads them again.
            return Unavailable
        case _:
            return Rejected
