"""Address ranges, so that clusters do not meet: each takes a slot, and a slot stands for three networks.

Pods 10.244.0.0/16 and Services 10.96.0.0/16 are cut into 64 ranges of 1,022 addresses (a node may run 500 pods); the
link between the host and a node takes four addresses of 10.245.0.0/16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from localcluster.errors import ClusterError

SLOTS = 64
_RANGE = 1024
_LINK = 4


@dataclass(frozen=True, slots=True)
class Addresses:
    """The networks of one cluster."""

    slot: int
    pods: IPv4Network
    services: IPv4Network
    link: IPv4Network

    @property
    def host(self) -> IPv4Address:
        """The host as a node and its pods see it."""
        return self.link[1]

    @property
    def node(self) -> IPv4Address:
        """The node as the host sees it."""
        return self.link[2]

    @property
    def kubernetes(self) -> IPv4Address:
        """The Service `kubernetes`, always the first of its range."""
        return self.services[1]

    @property
    def interface(self) -> str:
        """The host's end of the link to the node."""
        return f"dkron{self.slot}"


def of_slot(slot: int) -> Addresses:
    """The networks that a slot stands for."""
    return Addresses(
        slot=slot,
        pods=IPv4Network((int(IPv4Address("10.244.0.0")) + slot * _RANGE, 22)),
        services=IPv4Network((int(IPv4Address("10.96.0.0")) + slot * _RANGE, 22)),
        link=IPv4Network((int(IPv4Address("10.245.0.0")) + slot * _LINK, 30)),
    )


def free(*, taken: Iterable[int], routes: Iterable[IPv4Network]) -> Addresses:
    """The first slot that no cluster has taken and whose networks the host has no route into."""
    used, known = set(taken), list(routes)
    for slot in range(SLOTS):
        candidate = of_slot(slot)
        ranges = (candidate.pods, candidate.services, candidate.link)
        if slot not in used and not any(own.overlaps(route) for own in ranges for route in known):
            return candidate
    raise ClusterError(f"all {SLOTS} address ranges are in use; stop a cluster (hack/cluster list)")


def parse_routes(table: str) -> list[IPv4Network]:
    """Networks of /proc/net/route (little-endian hexadecimal), without the default route."""
    rows = [line.split() for line in table.splitlines()[1:]]
    networks = [IPv4Network((_address(row[1]), str(IPv4Address(_address(row[7]))))) for row in rows]
    return [network for network in networks if network.prefixlen > 0]


def host_routes() -> list[IPv4Network]:
    """The networks that this host has routes to."""
    return parse_routes(Path("/proc/net/route").read_text(encoding="ascii"))


def _address(hexadecimal: str) -> int:
    return int.from_bytes(bytes.fromhex(hexadecimal), "little")
