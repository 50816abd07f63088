"""Keeps an object that cannot be handled from stopping the others. Whatever fails while one object is read is logged
once for each version of that object, and the caller goes on with the next one."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

Object = dict[str, Any]
T = TypeVar("T")

FAULT = "the operator fails to read it; its log says why"
"""The message of an object that the operator fails to read, for a reason that is not in its definition."""
REMEMBERED = 1000
"""How many object versions are remembered, so that each is logged once."""


class ObjectGuard:
    """Guards the handling of single objects, and of nothing else: a fault of the watch itself has to end the watch.

    Every `Exception` counts. Cancellation passes.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    @contextmanager
    def each(self, kind: str, body: Object) -> Iterator[None]:
        """Log the object if it cannot be handled. It is tried again when it changes."""
        try:
            yield
        except Exception:  # noqa: BLE001 - logged, and concerns only this object
            self._log_news(kind, body)

    def read(self, kind: str, body: Object, how: Callable[[Object], T]) -> T | None:
        """What `how` reads of the object; None if it fails."""
        try:
            return how(body)
        except Exception:  # noqa: BLE001 - logged, and concerns only this object
            self._log_news(kind, body)
            return None

    def is_news(self, body: Object) -> bool:
        """Whether this version of the object has not been logged; it counts as logged from now on."""
        known = (body["metadata"]["uid"], body["metadata"]["resourceVersion"])
        if known in self._told:
            return False
        self._told[known] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _log_news(self, kind: str, body: Object) -> None:
        if self.is_news(body):
            self._log.exception("cannot process %s %s", kind, path_of(body["metadata"]))


def path_of(metadata: Mapping[str, Any]) -> str:
    """Namespace and name of an object; only the name if it lies in no namespace."""
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
