"""What the operator's log leaves out of kopf's, and how it reads the rest."""

import logging

from dkron_runtime import logs
from dkron_runtime.logs import LogFormat, LogLevel

_TRIED_AGAIN = ("will retry", "escalating", "has failed")


class KopfLogFilter(logging.Filter):
    """kopf calls a request that it is about to repeat an error, and shows a traceback when a watch has failed, which
    begins anew (`watching.py`). For whoever is woken by errors, these are none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        if record.name.startswith("kopf.") and any(words in record.getMessage() for words in _TRIED_AGAIN):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Set up logging for the process."""
    logs.configure(log_format, level, filters=[KopfLogFilter()])
    # kopf tells about each event that it hands over; only what goes wrong there is news.
    logging.getLogger("kopf").setLevel(logging.WARNING)
