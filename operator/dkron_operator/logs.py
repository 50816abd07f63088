"""Logs: one line for each thing that happened, with the job, the slot and the execution that it is about."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from dkron_operator.settings import LogFormat, LogLevel

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message, then what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        extras = " ".join(f"{key}={value}" for key, value in record.__dict__.items() if key not in _STANDARD)
        line = super().format(record)
        return f"{line}  {extras}" if extras else line


class Calm(logging.Filter):
    """kopf calls a request that it is about to repeat an error; for whoever is woken by errors, it is none yet."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        if record.name.startswith("kopf.") and "will retry" in record.getMessage():
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Set up logging for the process."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "ts", "levelname": "level", "name": "logger", "message": "msg"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
            )
        )
    else:
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    handler.addFilter(Calm())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # kopf tells about each event that it hands over; only what goes wrong there is news.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # What the loader of a kubeconfig has to say comes back as an error, with a sentence of ours.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
