"""Malformed HTTP requests: a client error, logged as one line rather than a traceback."""

import logging
import re

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MALFORMED = (HttpProcessingError, web.RequestPayloadError)
_CODE = re.compile(r"^\d{3}, message:\s*")


class Malformed(logging.Filter):
    """aiohttp logs malformed requests as server errors, with which any client could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten such records. Let every record pass."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name == "aiohttp.server" and isinstance(error, MALFORMED):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "a request cannot be read: %s", (sentence(error),)
            record.exc_info = record.exc_text = None
        return True


def sentence(error: Exception) -> str:
    """Return the error in one line, without the request's content."""
    text = _CODE.sub("", error.message if isinstance(error, HttpProcessingError) else str(error))
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return first.rstrip(":")[:200]
