"""Refusals of the API server, word for word as a client reads them."""

import json
from http import HTTPStatus

from tests.chaos.proxy.call import Call
from tests.chaos.proxy.rules import Answer

_REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired",
    422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout",
}  # fmt: skip


def refusal(answer: Answer, call: Call) -> bytes:
    """The `Status` of a refusal."""
    return json.dumps(_status(answer.status, f"{call}: refused by the fault proxy", answer.retry_after)).encode()


def expired() -> bytes:
    """The event with which a watch ends whose version is too old."""
    return json.dumps({"type": "ERROR", "object": _status(410, "too old resource version", None)}).encode() + b"\n"


def _status(code: int, message: str, retry_after: int | None) -> dict[str, object]:
    details = {} if retry_after is None else {"details": {"retryAfterSeconds": retry_after}}
    reason = _REASONS.get(code, HTTPStatus(code).phrase.replace(" ", ""))
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
        "code": code, **details,
    }  # fmt: skip
