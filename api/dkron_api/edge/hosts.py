"""The names under which this service answers. Pure.

A page of any origin can make its own name point to this service (DNS rebinding), and would then read answers as its
own. Browsers put that name into `Host`, so a request for a name that is not ours is refused. An attacker can register
neither addresses nor names below `.svc` or `.localhost`. Names without a dot can be had in a local network (DHCP,
LLMNR), so the Service's own is among the allowed ones.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

ANY = "*"
_NAME = re.compile(r"[a-z0-9._-]*", re.ASCII)
LONGEST = 300
"""Characters of a `Host` that can be ours: a name has 253 at most. This bounds what is remembered."""
_NAMES = frozenset({"", "localhost"})
"""Names of every service; HTTP/1.0 sends none."""
_OURS = (".localhost", ".svc", ".svc.cluster.local")


def is_ours(host: str, allowed: Sequence[str]) -> bool:
    """Whether a request with this `Host` is for us; `*` in `allowed` is any name, `*.example.com` any below."""
    return ANY in allowed or (len(host) <= LONGEST and _is_ours(host, tuple(allowed)))


@lru_cache(maxsize=1024)
def _is_ours(host: str, allowed: tuple[str, ...]) -> bool:
    name = _without_port(host).rstrip(".").lower()
    if not _NAME.fullmatch(name):
        return _is_address(name)
    return name in _NAMES or _is_address(name) or name.endswith(_OURS) or any(_fits(name, each) for each in allowed)


def _fits(name: str, allowed: str) -> bool:
    wanted = allowed.lower().rstrip(".")
    return name.endswith(wanted[1:]) if wanted.startswith("*.") else name == wanted


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
