"""Spells of trouble: what fails every two seconds for an hour is told once, and once when it is over."""

import logging


class LogOnce:
    """Trouble of one kind, from its first sign to its end."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self.trouble = ""
        self._log = log
        self._what = what
        self._kind: type[Exception] | None = None

    def goes_on(self, exc: Exception) -> None:
        """It fails (still)."""
        self.trouble = str(exc) or type(exc).__name__
        if self._kind is not type(exc):
            self._kind = type(exc)
            self._log.warning("%s: %s; going on without", self._what, self.trouble)

    def is_over(self) -> None:
        """It works."""
        if self._kind is not None:
            self._log.info("%s: works again", self._what)
        self._kind, self.trouble = None, ""
