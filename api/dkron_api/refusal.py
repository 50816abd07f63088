"""Why a request is not answered as asked, and what Kubernetes' errors mean to a client of the REST API. Pure."""

import math
import re
from collections.abc import Mapping
from http import HTTPStatus

from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected, Unavailable

LATER = "1"
"""Seconds after which a client may come back when nobody said more."""


_CAPITAL = re.compile("[A-Z]")


class ApiError(Exception):
    """An answer of 400 or above. `reason` is a sentence for a person, `headers` go with it.

    Without a reason the answer has no body, as some of Dkron's.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {})


def refusal_of(error: KubeError) -> ApiError:  # noqa: PLR0911 - one case, one line
    """What a client gets when Kubernetes said no, or nothing at all."""
    match error:
        case Unavailable(status=HTTPStatus.TOO_MANY_REQUESTS):
            return ApiError(HTTPStatus.TOO_MANY_REQUESTS, str(error), _retry_after(error))
        case Unavailable(status=HTTPStatus.UNAUTHORIZED):
            text = f"the API server does not take the credentials of this service: {error}"
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
            return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": LATER})


def _complaints(error: KubeError) -> str:
    """What the API server has against the object, field by field, in the words of Dkron's JSON."""
    named = [f"{_wire_name(cause.field)}: {cause.message}" for cause in error.causes if cause.field]
    return "; ".join(named) or str(error)


def _wire_name(field: str) -> str:
    """`spec.executorConfig` is `executor_config` to a client of the REST API."""
    name = field.removeprefix("spec.")
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name).replace("display_name", "displayname")


def _retry_after(error: Unavailable) -> dict[str, str]:
    seconds = LATER if error.retry_after is None else str(math.ceil(error.retry_after))
    return {"Retry-After": seconds}
