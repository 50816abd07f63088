"""Observers: who wants to know of each call to the API server, for example to make a span of it."""

from collections.abc import Mapping
from typing import Protocol


class ObservedRequest(Protocol):
    """A call that is under way."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to send with it."""

    def end(self, status: int) -> None:
        """It was answered with this status, or with 0 not at all. Of a stream, that it has begun."""


class RequestObserver(Protocol):
    """Who is told of calls. `verb` and `resource` are Kubernetes' words, `method` and `path` those of HTTP."""

    def begin(self, verb: str, resource: str, method: str, path: str) -> ObservedRequest | None:
        """A call begins; None if it is of no interest."""
