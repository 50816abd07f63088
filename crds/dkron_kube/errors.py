"""What can go wrong in a call to Kubernetes, one class for each thing that a caller can do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple


class Cause(NamedTuple):
    """One complaint of a refusal: the field as the server writes it (`spec.retries`; empty if it is none), and what
    is wrong with it."""

    field: str
    message: str


class KubeError(Exception):
    """Kubernetes refused or failed a call. `str()` is the server's own sentence, `causes` are its single complaints."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.causes = causes


class Conflict(KubeError):
    """Somebody wrote first: re-read, and decide again."""


class Stale(Conflict):
    """A patch did not fit, the object is not as it was expected to be: re-read, and decide again."""


class AlreadyExists(KubeError):
    """The name is taken: adopt the object if it is ours."""


class NotFound(KubeError):
    """The object, or its namespace, or its kind, is not there."""


class Expired(KubeError):
    """A continue token or a resource version is too old: start the list again."""


class Rejected(KubeError):
    """The request is wrong or not allowed: report it, a repetition would fail the same way."""


class NotLeader(KubeError):
    """The request was not sent: this process may not write at the moment. Leave it to whoever may."""


class Unavailable(KubeError):
    """No answer, or the answer was to come back later, after `retry_after` seconds where the server said so."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, reason=reason, causes=causes)
        self.retry_after = retry_after


def from_status(status: int, body: Mapping[str, Any] | str, retry_after: str | None = None) -> KubeError:
    """The error for an HTTP answer of 400 or above. `body` is a `Status` object, or the text of a proxy's page."""
    if isinstance(body, str):
        body = {"message": body.strip()[:500]}
    message, reason = str(body.get("message") or f"HTTP {status}"), str(body.get("reason") or "")
    details = body.get("details") or {}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and body.get("details") == {}:
        # What is invalid is named in the details. Empty ones, with a sentence that says nothing, are the answer to a
        # patch that could not be applied: a `test` has failed, or a path is not there.
        return Stale("the object is not as the patch expects it", status=status, reason=reason)
    error = _class_of(status, reason)(message, status=status, reason=reason, causes=_causes(details))
    if isinstance(error, Unavailable):
        error.retry_after = _seconds(retry_after or details.get("retryAfterSeconds"))
    return error


def _causes(details: Mapping[str, Any]) -> tuple[Cause, ...]:
    # Where a complaint is about no field, the server's validation writes one called <nil>.
    found = ((str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details.get("causes") or ())
    return tuple(Cause("" if field == "<nil>" else field, message) for field, message in found)


def _seconds(said: str | int | None) -> float | None:
    return float(said) if said and str(said).isdecimal() else None


def _class_of(status: int, reason: str) -> type[KubeError]:
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable
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
