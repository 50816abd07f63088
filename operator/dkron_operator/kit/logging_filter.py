"""Filters and downgrades kopf's log lines, and configures logging."""

import logging

from dkron_runtime import logs
from dkron_runtime.logs import LogFormat, LogLevel

_TRIED_AGAIN = ("will retry", "escalating", "has failed")


class KopfLogFilter(logging.Filter):
    """kopf logs a request that it is about to repeat as an error, and a failed watch, which starts again
    (`kopf_streams.py`), with a traceback. This filter makes them warnings, so that they do not alert anyone who is
    paged for errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.name.startswith("kopf.") and any(words in record.getMessage() for words in _TRIED_AGAIN):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Set up logging for the process."""
    logs.configure(log_format, level, filters=[KopfLogFilter()])
    # kopf logs each event that it passes on; only its problems matter here.
    logging.getLogger("kopf").setLevel(logging.WARNING)
