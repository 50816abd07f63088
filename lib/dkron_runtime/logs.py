"""Logs: one line per event, with the job, the slot and the execution it concerns."""

import logging
import re
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]

TIME = "%Y-%m-%dT%H:%M:%S%z"
"""The time format of a line."""

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Control characters, line ends of Unicode, and marks that change the direction of the text around them."""
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_LINES = re.compile(f"(?!\n)[{_CONTROLS}]")
_INDENT = "    "

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextFormatter(logging.Formatter):
    """A human-readable line: time, level, message, then all extra fields.

    Texts of users may be in any of them, so control characters are escaped: no text can begin a line of its own. The
    lines of a traceback follow, indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as logging calls it
        """Return the line, without a traceback."""
        extras = " ".join(f"{key}={value}" for key, value in record.__dict__.items() if key not in _STANDARD)
        line = super().formatMessage(record)
        return _CONTROL.sub(_escaped, f"{line}  {extras}" if extras else line)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - as logging calls it
        """Return the traceback in indented lines."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - as logging calls it
        """Return the stack in indented lines."""
        return _indented(super().formatStack(stack_info))


def _indented(lines: str) -> str:
    return _INDENT + _CONTROL_IN_LINES.sub(_escaped, lines).replace("\n", f"\n{_INDENT}")


def _escaped(found: re.Match[str]) -> str:
    """Return the character as in a Python literal."""
    return repr(found[0])[1:-1]


class Traced(logging.Filter):
    """Adds the id of the current trace, if any, to a log record."""

    def __init__(self, trace_id: Callable[[], str]) -> None:
        super().__init__()
        self._trace_id = trace_id

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the trace id. Let every record pass."""
        trace_id = self._trace_id()
        if trace_id:
            record.trace_id = trace_id
        return True


def carry_trace(trace_id: Callable[[], str]) -> None:
    """From now on, log lines carry the current `trace_id` if it is not empty."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Traced(trace_id))


def configure(log_format: LogFormat, level: LogLevel, *, filters: Sequence[logging.Filter] = ()) -> None:
    """Set up logging of the process to stderr, with these filters."""
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
    # Errors of the kubeconfig loader come back as exceptions, and we log our own message for them.
    logging.getLogger("kubernetes").setLevel(logging.ERROR)
