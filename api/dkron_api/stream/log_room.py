"""The memory that the event logs of all namespaces share."""

from typing import Protocol
from weakref import WeakSet

OCTETS = 64 << 20
"""Bytes that all logs may keep together."""
STEP = 1 << 20
"""After this many bytes of further events the logs are measured again."""


class Log(Protocol):
    """An event log, as seen from here."""

    @property
    def size(self) -> int:
        """The bytes of the events that are kept."""

    def halve(self) -> None:
        """Forget the older half of the bytes."""


class LogRoom:
    """Keeps the logs together below `octets`, give or take a step. The largest log gives way, so that the events of one
    namespace do not push out events of the others."""

    def __init__(self, *, octets: int = OCTETS, step: int = STEP) -> None:
        self._octets = octets
        self._step = step
        self._since = 0
        self._logs: WeakSet[Log] = WeakSet()

    def add(self, log: Log) -> None:
        """Count a log for as long as it exists."""
        self._logs.add(log)

    def grown(self, octets: int) -> None:
        """Make room after a log has kept this many further bytes."""
        self._since += octets
        if self._since < self._step:
            return
        self._since = 0
        while sum(log.size for log in self._logs) > self._octets:
            max(self._logs, key=lambda log: log.size).halve()
