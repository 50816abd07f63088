"""Addresses to which a call from the operator's own pod may not go. A name is resolved before, so that neither a name
nor a redirect leads around this.

A call goes to public addresses: a private network is the cluster's own, or its machines' network. Where Services, nodes
or the pod itself have public addresses, these are refused as well.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import EACCES
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

_SERVERS = ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
METADATA = tuple(map(ipaddress.ip_network, _SERVERS))
"""Servers of clouds (AWS, Google, Alibaba, Azure, Oracle) that trust every caller on their own machines, and are not
link-local as the others are."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""Prefixes of addresses that a translator turns into IPv4 addresses (RFC 6052, RFC 8215)."""
LAST_32 = (1 << 32) - 1
SERVICES_V4, SERVICES_V6 = 12, 64
"""Lengths of the prefixes of the largest ranges that Services have: kube-apiserver takes no larger one of IPv6, and
took no larger one of IPv4 until Kubernetes 1.33."""


class RefusedAddress(OSError):
    """The address is not one to call. `str()` says which and why."""


def is_own(address: Address) -> bool:
    """Whether this pod has the address, or its host where they share a network: only own ones can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - of IP
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((str(address), 0))
        return True
    return False


def services_around(address: str) -> list[Network]:
    """Return the range of Services in which one has this address; none for a name. It may be too large: the API server
    does not tell the size to clients without further rights."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return []
    prefix = SERVICES_V4 if one.version == 4 else SERVICES_V6  # noqa: PLR2004 - of IP
    return [ipaddress.ip_network(f"{one}/{prefix}", strict=False)]


class AddressRules:
    """Refuses all addresses that are not public, servers of metadata, the networks in `refused`, and addresses that
    `is_own` or `is_node` finds, except those in `allowed`."""

    def __init__(
        self,
        *,
        allowed: Iterable[Network] = (),
        refused: Iterable[Network] = (),
        is_node: Callable[[str], bool] = lambda _: False,
        is_own: Callable[[Address], bool] = is_own,
    ) -> None:
        self._allowed = tuple(allowed)
        self._refused = (*METADATA, *refused)
        self._is_node = is_node
        self._is_own = is_own

    def with_nodes(self, is_node: Callable[[str], bool]) -> Self:
        """Return the same rules, which also refuse the addresses that `is_node` finds."""
        return type(self)(allowed=self._allowed, refused=self._refused, is_node=is_node, is_own=self._is_own)

    def refuses(self, text: str) -> bool:
        """Whether an address must not be called."""
        return any(map(self._refuses, _meant(ipaddress.ip_address(text.partition("%")[0]))))

    def _refuses(self, address: Address) -> bool:
        if _within(address, self._allowed):
            return False
        return (
            not _is_public(address)
            or _within(address, self._refused)
            or self._is_node(str(address))
            or self._is_own(address)
        )

    def socket_factory(self) -> Callable[[AddressInfo], socket.socket]:
        """Return a maker of sockets for aiohttp, which raises `RefusedAddress` before it makes one."""

        def make(info: AddressInfo) -> socket.socket:
            family, kind, protocol, _, where = info
            if isinstance(where[0], str) and self.refuses(where[0]):
                called = f"public addresses outside the cluster, not {where[0]}"
                raise RefusedAddress(EACCES, f"the operator calls only {called}; see --inline-allow")
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
        # None is in 0.0.0.0/8, which only senders have.
        return [ipaddress.IPv4Address(place) for place in places if place >> 24] or [address]
    return [address]


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
