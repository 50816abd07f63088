"""Errors of calls to Kubernetes, one class for each possible reaction of the caller."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

OF_QUOTA = ("exceeded quota: ", "status unknown for quota: ")
"""Words of the admission plugin ResourceQuota when a request may succeed later (`checkRequest` and `Evaluate` in
k8s.io/apiserver/pkg/admission/plugin/resourcequota). No field of the answer tells it from other refusals."""


class Cause(NamedTuple):
    """One cause of a rejection: the field as the server writes it (`spec.retries`; empty if there is none), and its
    message."""

    field: str
    message: str


class KubeError(Exception):
    """Kubernetes rejected a call, or the call failed. `str()` is the server's message, `causes` are its individual
    causes."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "", causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.causes = causes


class Conflict(KubeError):
    """Another writer was first: read the object again, and decide again."""


class Stale(Conflict):
    """A patch did not match the object's state: read the object again, and decide again."""


class AlreadyExists(KubeError):
    """The name is taken: adopt the object if it is ours."""


class NotFound(KubeError):
    """The object, its namespace or its kind does not exist."""


class Expired(KubeError):
    """A continue token or a resource version is too old: restart the list."""


class Rejected(KubeError):
    """The request is invalid or forbidden: report it; a retry would fail the same way."""


class QuotaExceeded(Rejected):
    """A ResourceQuota of the namespace is used up, or not counted yet: the same request may succeed later."""


class NotLeader(KubeError):
    """The request was not sent: this process may not write at the moment. Leave the write to the leader."""


class Unavailable(KubeError):
    """No response, or a response that asks for a retry, after `retry_after` seconds if the server says so."""

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
    """Return the error for an HTTP response of 400 or above. `body` is a `Status` object, or the text of a proxy's
    page."""
    if isinstance(body, str):
        body = {"message": body.strip()[:500]}
    message, reason = str(body.get("message") or f"HTTP {status}"), str(body.get("reason") or "")
    details = body.get("details") or {}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and body.get("details") == {}:
        # For an invalid object the details name the invalid fields. Empty details with a generic message mean that a
        # patch could not be applied: a `test` has failed, or a path does not exist.
        return Stale("the object is not in the state that the patch expects", status=status, reason=reason)
    error = _class_of(status, reason, message)(message, status=status, reason=reason, causes=_causes(details))
    if isinstance(error, Unavailable):
        seconds = str(retry_after or details.get("retryAfterSeconds") or "")
        error.retry_after = float(seconds) if seconds.isdecimal() else None
    return error


def _causes(details: Mapping[str, Any]) -> tuple[Cause, ...]:
    # The server's validation writes <nil> as the field of a cause that has none.
    found = ((str(cause.get("field") or ""), str(cause.get("message") or "")) for cause in details.get("causes") or ())
    return tuple(Cause("" if field == "<nil>" else field, message) for field, message in found)


def _class_of(status: int, reason: str, message: str) -> type[KubeError]:
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
            # Credentials rotate: the next call loads them again.
            return Unavailable
        case _:
            full = status == HTTPStatus.FORBIDDEN and any(each in message for each in OF_QUOTA)
            return QuotaExceeded if full else Rejected
