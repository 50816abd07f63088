"""The address of a client behind trusted proxies.

Each proxy appends the address that it was called from, so the last address that is not a trusted proxy's is the one
that a trusted proxy has seen. What stands before it is the client's own claim.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

from aiohttp import web

from dkron_api.edge.keys import SETTINGS
from dkron_api.settings import Network

MOST_HOPS = 32
"""Addresses of a header that are looked at, from the last one."""
REMOTE = web.RequestKey("REMOTE", str)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(request: web.Request) -> str:
    """Return the address of the client."""
    peer, settings = request.remote or "", request.app[SETTINGS]
    if not settings.trusted_proxies:
        return peer
    known = request.get(REMOTE)
    if known is None:
        hops, forwarded = (request.headers.getall(name, ()) for name in ("X-Forwarded-For", "Forwarded"))
        known = request[REMOTE] = client_of(peer, hops, forwarded, settings.proxies())
    return known


def block_of(request: web.Request) -> str:
    """Return the key of limits for an unknown caller: the address, or the /64 of IPv6, of which a client has many."""
    address = address_of(request)
    return _network_of(address.partition("%")[0]) if ":" in address else address


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str:
    try:
        return str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        return address


def client_of(peer: str, forwarded_for: Sequence[str], forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the client's address. `peer` is the other end of the connection; the rest are the values of
    `X-Forwarded-For` and of `Forwarded` (RFC 7239). Where both are there and disagree, a proxy has passed one of them
    on as the client sent it: then it is the peer."""
    near = _address(peer)
    if near is None or not _within(near, trusted):
        return peer
    found = {
        _last_untrusted(near, hops, trusted)
        for hops in (items(forwarded_for), [value_of(item, "for") for item in items(forwarded)])
        if hops
    }
    return str(found.pop() if len(found) == 1 else near)


def _last_untrusted(near: Address, hops: Sequence[str], trusted: Sequence[Network]) -> Address:
    """Return the client by the hops, as far as these can be read."""
    for hop in islice(reversed(hops), MOST_HOPS):
        address = _address(hop)
        if address is None:
            return near
        near = address
        if not _within(near, trusted):
            return near
    return near


def _address(text: str) -> Address | None:
    """Read an address, with or without a port. An IPv4 address in the form of IPv6 is one of IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


_PAIR = re.compile(r"""(?:^|;)\s*(for|host)=(?:"([^"]*)"|([^;"]*))""", re.IGNORECASE)


def items(values: Iterable[str]) -> list[str]:
    """Return the items of a header with a list, however many times it was sent."""
    return [item.strip() for item in ",".join(values).split(",") if item.strip()]


def value_of(item: str, name: str) -> str:
    """Return the client (`for`) or the host (`host`) that the proxy names; empty without one."""
    pairs = _PAIR.finditer(item)
    return next((pair[2] or (pair[3] or "").strip() for pair in pairs if pair[1].lower() == name), "")
