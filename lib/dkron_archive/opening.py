"""From a URL to an archive."""

import ipaddress
import logging
from datetime import timedelta

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dkron_archive.archive import Archive
from dkron_archive.database import PostgreSQL
from dkron_archive.sqlite import SQLite

log = logging.getLogger(__name__)

MODE, VERIFIED = "sslmode", "verify-full"
TIMEOUT = timedelta(seconds=5)
FORMS = "an archive is sqlite:///path, with a fourth slash if the path is absolute, or postgresql://user@host/database"


def open_archive(url: str, *, timeout: timedelta = TIMEOUT, makes: bool = True) -> Archive:
    """Open an archive. It connects when it is used first; ``sqlite://`` is one in memory, which goes with it. `makes`:
    a file that is not there is made. Raises `ValueError`, without the URL, which may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"the URL of the archive cannot be read: {FORMS}") from None
    seconds = timeout.total_seconds()
    if parsed.drivername == "sqlite" and not parsed.host and not parsed.query:
        return Archive(SQLite(parsed.database or "", timeout=seconds, makes=makes))
    if parsed.drivername in ("postgresql", "postgres") and parsed.host and parsed.database:
        if parsed.query.get(MODE) != VERIFIED and not _is_loopback(parsed.host):
            log.warning("any server can pose as the archive's: its URL has no %s=%s", MODE, VERIFIED)
        return Archive(PostgreSQL(url, timeout=seconds))
    raise ValueError(f"the URL of the archive is of another form: {FORMS}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
