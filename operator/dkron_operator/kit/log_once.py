"""Logs an outage once when it begins and once when it ends, however often the operation fails in between."""

import logging


class LogOnce:
    """One kind of outage, from its first failure to its end. `meanwhile` says what the program does during it."""

    def __init__(self, log: logging.Logger, what: str, *, meanwhile: str = "continuing without it") -> None:
        self.trouble = ""
        self._log = log
        self._what = what
        self._meanwhile = meanwhile
        self._kind: type[Exception] | None = None

    def goes_on(self, exc: Exception, trouble: str = "") -> None:
        """The operation failed (again). `trouble` says why, if the exception does not."""
        self.trouble = trouble or str(exc) or type(exc).__name__
        if self._kind is not type(exc):
            self._kind = type(exc)
            self._log.warning("%s: %s; %s", self._what, self.trouble, self._meanwhile)

    def is_over(self) -> None:
        """The operation works."""
        if self._kind is not None:
            self._log.info("%s: works again", self._what)
        self._kind, self.trouble = None, ""
