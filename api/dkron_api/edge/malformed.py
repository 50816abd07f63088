"""Requests that are no HTTP: the client's mistake, and one line of the log rather than a traceback."""

import logging
import re

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MALFORMED = (HttpProcessingError, web.RequestPayloadError)
_CODE = re.compile(r"^\d{3}, message:\s*")


class Malformed(logging.Filter):
    """aiohttp calls a request that it cannot read an error of the server, and anybody could fill the log with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "aiohttp.server" and isinstance(error, MALFORMED):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "a request cannot be read: %s", (sentence(error),)
            record.exc_info = record.exc_text = None
        return True


def sentence(error: Exception) -> str:
    """What is wrong with the request, in one line and without the request."""
    text = _CODE.sub("", error.message if isinstance(error, HttpProcessingError) else str(error))
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first.rstrip(":")[:200]
