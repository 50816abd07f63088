"""Error bodies: a sentence as plain text, or an RFC 9457 problem object if the client accepts it."""

from collections.abc import Mapping
from http import HTTPStatus

from dkron_api.refusal import ApiError
from dkron_api.translate import gojson
from dkron_crds.schedule.errors import printable

PROBLEM = "application/problem+json"
TEXT = "text/plain; charset=utf-8"
LONGEST = 900
"""Maximum characters of a sentence."""
NOT_A_ROUTE = ApiError(HTTPStatus.NOT_FOUND, "404 page not found")
"""Dkron's response to every path and method that it does not know (Dkron behaviour §1.1)."""


def body_of(refusal: ApiError, *, accept: str, path: str) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of an error. Text quoted from the request is escaped for terminals and logs."""
    reason = shown(refusal.reason)
    if PROBLEM in accept:
        problem = {
            "type": "about:blank",
            "title": _phrase(refusal.status),
            "status": refusal.status,
            "detail": reason,
            "instance": path,
        }
        return gojson.encode(problem), {**refusal.headers, "Content-Type": PROBLEM}
    return reason.encode(), {**refusal.headers, "Content-Type": TEXT}


def shown(reason: str) -> str:
    """Return a sentence in one line of bounded length, with unprintable characters escaped."""
    return printable(reason if len(reason) <= LONGEST else reason[:LONGEST] + "…")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
