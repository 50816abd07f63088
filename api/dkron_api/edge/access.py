"""The access log: one line per request, in the format of all other log lines but cheaper, since there are so many."""

import asyncio
import logging
import sys
import time
from json.encoder import JSONEncoder, encode_basestring_ascii

from dkron_runtime.logs import TIME, LogFormat

LOGGER = "dkron_api.access"
LONGEST = 2048
"""Characters of a text in a line, as JSON. A path may have 64 KiB, and strangers choose it."""
_SURELY_SHORT = LONGEST // 12
"""Characters that fit whatever they are: one beyond the Basic Multilingual Plane takes twelve."""
_encode = JSONEncoder(check_circular=False, separators=(", ", ": ")).encode
_quoted = encode_basestring_ascii
_NUMBERS = frozenset({int, float})


class AccessLog:
    """Lines of a logger, by default `dkron_api.access`.

    JSON lines go directly to stderr: the logging module would take half of the time of a small request. `together`
    makes and writes the lines of one turn of the event loop at its end: one after another, each takes half as long, and
    a call for each of them would take a third of a request.
    """

    def __init__(self, log_format: LogFormat, name: str = LOGGER, *, together: bool = False) -> None:
        self._name = name
        self._logger = logging.getLogger(name)
        self._json = log_format == "json"
        self._together = together
        self._waiting: list[tuple[str, dict[str, object]]] = []
        self._second = 0
        self._time = ""

    def write(self, message: str, fields: dict[str, object]) -> None:
        """Write one line, if the log level permits."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if not self._json:
            short = {name: cut(value) if isinstance(value, str) else value for name, value in fields.items()}
            self._logger.info(message, extra=short)
            return
        self._waiting.append((message, fields))
        if not self._together:
            self._flush()
        elif len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        start = f'{{"ts": "{self._now()}", "level": "INFO", "logger": "{self._name}", "msg": '
        lines = []
        for message, fields in self._waiting:
            rest = "".join([f', "{name}": {_json(value)}' for name, value in fields.items()])
            lines.append(f"{start}{_quoted(message)}{rest}}}\n")
        self._waiting.clear()
        sys.stderr.write("".join(lines))

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._time = second, time.strftime(TIME, time.localtime(second))
        return self._time


def cut(text: str) -> str:
    """Return the text, or its beginning if it is too long for a line."""
    if len(text) <= _SURELY_SHORT:
        return text
    encoded = _quoted(text)[1:-1]
    return text if len(encoded) <= LONGEST else f"{encoded[:LONGEST]}..."


def _json(value: object) -> str:
    """Return a value of a field. The encoder takes longer to begin than to write a text or a number."""
    if isinstance(value, str):
        return _quoted(cut(value))
    return repr(value) if type(value) in _NUMBERS else _encode(value)
