"""Errors of the REST API, and the translation of Kubernetes errors to them. Pure."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from dkron_from_dkron.spec import rest_name
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected, Unavailable

LATER = "1"
"""Default seconds after which a client may retry."""


class ApiError(Exception):
    """A response of 400 or above. `reason` is a readable sentence, `headers` are sent with it.

    Without a reason the response has no body, like some of Dkron's.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


def unavailable(reason: str, *, after: str = LATER) -> ApiError:
    """Return the refusal of a request that may succeed after this many seconds."""
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, reason, {"Retry-After": after})


@contextmanager
def refusing(*errors: type[Exception], status: int = HTTPStatus.BAD_REQUEST, text: str = "{}") -> Iterator[None]:
    """Answer these errors with this status, and a sentence that contains theirs."""
    try:
        yield
    except errors as error:
        raise ApiError(status, text.format(error)) from error


def refusal_of(error: KubeError) -> ApiError:  # noqa: PLR0911 - one case, one line
    """Return the client's error for a Kubernetes error or missing response."""
    match error:
        case Unavailable(status=HTTPStatus.TOO_MANY_REQUESTS):
            return ApiError(HTTPStatus.TOO_MANY_REQUESTS, str(error), _retry_after(error))
        case Unavailable(status=HTTPStatus.UNAUTHORIZED):
            text = f"the API server rejects the credentials of this service: {error}"
            return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, text, _retry_after(error))
        case Unavailable():
            return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), _retry_after(error))
        case NotFound():
            return ApiError(HTTPStatus.NOT_FOUND, str(error))
        case AlreadyExists() | Conflict():
            return ApiError(HTTPStatus.CONFLICT, str(error))
        case Rejected(status=HTTPStatus.FORBIDDEN):
            return ApiError(HTTPStatus.FORBIDDEN, str(error))
        case Rejected(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        case Rejected():
            return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, _complaints(error))
        case _:
            return unavailable(str(error))


def _complaints(error: KubeError) -> str:
    """Return the API server's objections to the object, field by field, with the field names of Dkron's JSON."""
    named = [f"{rest_name(cause.field)}: {cause.message}" for cause in error.causes if cause.field]
    return "; ".join(named) or str(error)


def _retry_after(error: Unavailable) -> dict[str, str]:
    seconds = LATER if error.retry_after is None else str(math.ceil(error.retry_after))
    return {"Retry-After": seconds}
