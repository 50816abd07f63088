"""Logs: one line for each thing that happened, with the job, the slot and the execution that it is about."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]

TIME = "%Y-%m-%dT%H:%M:%S%z"
"""How a line says when it was written."""

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message, then what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        extras = " ".join(f"{key}={value}" for key, value in record.__dict__.items() if key not in _STANDARD)
        line = super().format(record)
        return f"{line}  {extras}" if extras else line


class Traced(logging.Filter):
    """Says of a line to which trace it belongs, if to any."""

    def __init__(self, trace_id: Callable[[], str]) -> None:
        super().__init__()
        self._trace_id = trace_id

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        trace_id = self._trace_id()
        if trace_id:
            record.trace_id = trace_id
        return True


def carry_trace(trace_id: Callable[[], str]) -> None:
    """From now on lines carry the `trace_id` of the moment, where it is not empty."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Traced(trace_id))


def configure(log_format: LogFormat, level: LogLevel, *, filters: Sequence[logging.Filter] = ()) -> None:
    """Set up logging for the process: to stderr, through these filters."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "ts", "levelname": "level", "name": "logger", "message": "msg"},
                datefmt=TIME,
            )
        )
    else:
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    for each in filters:
        handler.addFilter(each)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # What the loader of a kubeconfig has to say comes back as an error, with a sentence of ours.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
