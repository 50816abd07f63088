"""Addresses to which a call from the operator's own pod may not go. A name is resolved before, so that neither a name
nor a redirect leads around this."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from errno import EACCES

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

METADATA = tuple(
    map(
        ipaddress.ip_network,
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
"""Servers of clouds (AWS, Google, Alibaba, Azure, Oracle) that trust every caller on their own machines, and are not
link-local as the others are."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""Prefixes of addresses that a translator turns into IPv4 addresses (RFC 6052, RFC 8215)."""
LAST_32 = (1 << 32) - 1


class RefusedAddress(OSError):
    """The address is not one to call. `str()` says which and why."""


class AddressRules:
    """Refuses the loopback, link-local, multicast and unspecified addresses, servers of metadata and the networks in
    `refused`, except those in `allowed`."""

    def __init__(self, *, allowed: Iterable[Network] = (), refused: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)
        self._refused = (*METADATA, *refused)

    def refuses(self, text: str) -> bool:
        """Whether an address must not be called."""
        return any(map(self._refuses, _meant(ipaddress.ip_address(text.partition("%")[0]))))

    def _refuses(self, address: Address) -> bool:
        if _within(address, self._allowed):
            return False
        special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        return special or _within(address, self._refused)

    def socket_factory(self) -> Callable[[AddressInfo], socket.socket]:
        """Return a maker of sockets for aiohttp, which raises `RefusedAddress` before it makes one."""

        def make(info: AddressInfo) -> socket.socket:
            family, kind, protocol, _, where = info
            if isinstance(where[0], str) and self.refuses(where[0]):
                raise RefusedAddress(EACCES, f"the operator does not call {where[0]}; see --inline-allow")
            return socket.socket(family, kind, protocol)

        return make


def _meant(address: Address) -> list[Address]:
    """Return the IPv4 address that an address of IPv6 stands for, or what it may be: an operator of NAT64 chooses where
    in its own prefix the IPv4 address is (RFC 6052 §2.2)."""
    if not isinstance(address, ipaddress.IPv6Address):
        return [address]
    behind = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if behind is not None:
        return [behind]
    number = int(address)
    if address in NAT64:
        return [ipaddress.IPv4Address(number & LAST_32)]
    if address in LOCAL_NAT64:
        # Bits 64 to 71 are no part of an address that goes across them.
        joined = (number >> 64 << 56) | (number & (1 << 56) - 1)
        places = {number & LAST_32, *((joined >> 88 - prefix) & LAST_32 for prefix in (48, 56, 64))}
        return [ipaddress.IPv4Address(place) for place in places if place] or [address]
    return [address]


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
