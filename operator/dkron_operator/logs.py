"""What the operator's log leaves out of kopf's, and how it reads the rest."""

import logging

from dkron_crds.program import logs
from dkron_crds.program.logs import LogFormat, LogLevel


class Calm(logging.Filter):
    """kopf calls a request that it is about to repeat an error; for whoever is woken by errors, it is none yet."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        if record.name.startswith("kopf.") and "will retry" in record.getMessage():
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Set up logging for the process."""
    logs.configure(log_format, level, filters=[Calm()])
    # kopf tells about each event that it hands over; only what goes wrong there is news.
    logging.getLogger("kopf").setLevel(logging.WARNING)
