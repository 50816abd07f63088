"""The ports of the demo: the same at each start, so that a line which somebody has copied goes on working."""

import socket
from pathlib import Path

from demo.errors import DemoError

HOST = "127.0.0.1"
USUAL = 8080
VARIABLE = "DKRON_API_PORT"
"""By which a person asks for a port."""
HIGHEST = 65535


def choose(file: Path, *, wanted: str = "", usual: int | None = None) -> int:
    """A port that is free: `wanted` and no other, or the one in `file`, which is that of the last time, else `usual`
    or 8080, else any. It is written into `file`. Raises `DemoError` if `wanted` cannot be had."""
    port = _demanded(wanted) if wanted else _likely(read(file), usual or USUAL)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n", encoding="utf-8")
    return port


def read(file: Path) -> int | None:
    """The port of the last time; None if there was none."""
    try:
        return _number(file.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def _demanded(text: str) -> int:
    port = _number(text)
    if port is None:
        raise DemoError(f"{VARIABLE}: '{text}' is no port; use a number from 1 to {HIGHEST}")
    if not _is_free(port):
        raise DemoError(f"{VARIABLE}: something else listens on port {port}; use a free one, or leave it open")
    return port


def _likely(*ports: int | None) -> int:
    free = (port for port in ports if port is not None and _is_free(port))
    return next(free, None) or _any()


def _number(text: str) -> int | None:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0  # noqa: PLR2004 - enough digits
    return port if 1 <= port <= HIGHEST else None


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _any() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port
