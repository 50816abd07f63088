"""Ports and address ranges of clusters side by side."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcluster import addresses, ports
from localcluster.errors import ClusterError

SLOTS = st.integers(min_value=0, max_value=addresses.SLOTS - 1)


@given(st.lists(SLOTS, min_size=2, max_size=5, unique=True))
def test_networks_of_different_slots_never_overlap(slots: list[int]) -> None:
    networks = [
        network for taken in map(addresses.of_slot, slots) for network in (taken.pods, taken.services, taken.link)
    ]
    assert not [pair for pair in combinations(networks, 2) if pair[0].overlaps(pair[1])]


@given(st.sets(SLOTS, max_size=addresses.SLOTS - 1))
def test_a_free_slot_is_one_that_is_not_taken(taken: set[int]) -> None:
    assert addresses.free(taken=taken, routes=[]).slot == min(set(range(addresses.SLOTS)) - taken)


def test_address_range_used_by_the_host_is_skipped() -> None:
    routes = [IPv4Network("10.244.0.0/22"), IPv4Network("10.96.4.0/24"), IPv4Network("10.245.0.8/32")]
    assert addresses.free(taken=[], routes=routes).slot == 3
    with pytest.raises(ClusterError, match="stop a cluster"):
        addresses.free(taken=range(addresses.SLOTS), routes=[])


def test_a_cluster_knows_its_own_addresses() -> None:
    taken = addresses.of_slot(2)
    assert (str(taken.host), str(taken.node), str(taken.kubernetes)) == ("10.245.0.9", "10.245.0.10", "10.96.8.1")
    assert len(taken.interface) <= 15, "the kernel's limit for the name of an interface"


def test_routes_are_read_without_the_default_route() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert addresses.parse_routes(table) == [IPv4Network("192.0.2.0/24")]


def test_free_ports_differ_and_avoid_other_clusters() -> None:
    first = ports.free(taken=[])
    second = ports.free(taken=ports.numbers(first))
    assert len(set(ports.numbers(first) + ports.numbers(second))) == 12
