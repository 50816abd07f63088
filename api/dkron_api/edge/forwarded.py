"""The header Forwarded (RFC 7239): one item for each proxy, the first by the outermost. Pure."""

import re
from collections.abc import Iterable

_PAIR = re.compile(r"""(?:^|;)\s*(for|host)=(?:"([^"]*)"|([^;"]*))""", re.IGNORECASE)


def items(values: Iterable[str]) -> list[str]:
    """Return the items of a header with a list, however many times it was sent."""
    return [item.strip() for item in ",".join(values).split(",") if item.strip()]


def for_of(item: str) -> str:
    """Return the address of the client that the proxy names; empty without one."""
    return _value(item, "for")


def host_of(item: str) -> str:
    """Return the host that the proxy was asked for; empty without one."""
    return _value(item, "host")


def _value(item: str, name: str) -> str:
    pairs = _PAIR.finditer(item)
    return next((pair[2] or (pair[3] or "").strip() for pair in pairs if pair[1].lower() == name), "")
