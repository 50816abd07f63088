"""Logs an outage once when it begins and once when it ends, however often the operation fails in between."""

import logging


class LogOnce:
    """One kind of outage, from its first failure to its end."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self.trouble = ""
        self._log = log
        self._what = what
        self._kind: type[Exception] | None = None

    def goes_on(self, exc: Exception) -> None:
        """The operation failed (again)."""
        self.trouble = str(exc) or type(exc).__name__
        if self._kind is not type(exc):
            self._kind = type(exc)
            self._log.warning("%s: %s; continuing without it", self._what, self.trouble)

    def is_over(self) -> None:
        """The operation works."""
        if self._kind is not None:
            self._log.info("%s: works again", self._what)
        self._kind, self.trouble = None, ""
