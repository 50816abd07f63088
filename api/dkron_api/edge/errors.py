"""Error bodies: a sentence as plain text, or RFC 9457's problem object for a client that asks for it."""

from collections.abc import Mapping
from http import HTTPStatus

from dkron_api.refusal import Refusal
from dkron_api.translate import gojson

PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"
NOT_A_ROUTE = Refusal(HTTPStatus.NOT_FOUND, "404 page not found")
"""Dkron's answer to every path and method that it does not know (Dkron behaviour §1.1)."""


def body_of(refusal: Refusal, *, accept: str, path: str) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of an error."""
    if PROBLEM in accept:
        problem = {
            "type": "about:blank",
            "title": _phrase(refusal.status),
            "status": refusal.status,
            "detail": refusal.reason,
            "instance": path,
        }
        return gojson.encode(problem), {**refusal.headers, "Content-Type": PROBLEM}
    return refusal.reason.encode("utf-8", "replace"), {**refusal.headers, "Content-Type": TEXT}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
