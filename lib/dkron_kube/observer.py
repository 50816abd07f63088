"""Observers of calls to the API server, for example to create a span for each."""

from collections.abc import Mapping
from typing import Protocol


class ObservedRequest(Protocol):
    """A call in progress."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to send with it."""

    def end(self, status: int) -> None:
        """The call was answered with this status, or not at all (0). For a stream: it has begun."""


class RequestObserver(Protocol):
    """Receives calls. `verb` and `resource` are Kubernetes terms, `method` and `path` HTTP terms."""

    def begin(self, verb: str, resource: str, method: str, path: str) -> ObservedRequest | None:
        """A call begins. Return None to ignore it."""
