"""The address of a client behind proxies: what trusted proxies saw, and nothing that a client claims."""

from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.edge.addresses import MOST_HOPS, block_of, client_of
from dkron_api.edge.keys import SETTINGS
from dkron_api.settings import Settings

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@dataclass(frozen=True, slots=True)
class Came:
    """From where a request came, by its headers, and whose it is."""

    client: str
    peer: str = "10.0.0.1"
    forwarded_for: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = field(default=())


@pytest.mark.parametrize(
    "came",
    [
        pytest.param(Came("10.0.0.1"), id="no header"),
        pytest.param(Came("1.1.1.1", forwarded_for=("9.9.9.9, 1.1.1.1",)), id="a claim before"),
        pytest.param(Came("1.1.1.1", forwarded_for=("9.9.9.9", "1.1.1.1, 10.2.0.1")), id="two proxies, two headers"),
        pytest.param(Came("10.9.9.9", forwarded_for=("10.9.9.9, 10.2.0.1",)), id="a client among the proxies"),
        pytest.param(Came("2.2.2.2", peer="2.2.2.2", forwarded_for=("1.1.1.1",)), id="a peer that is not trusted"),
        pytest.param(Came("1.1.1.1", peer="::ffff:10.0.0.1", forwarded_for=("1.1.1.1",)), id="a peer as IPv6"),
        pytest.param(Came("10.0.0.1", forwarded_for=("1.1.1.1, unknown",)), id="no address"),
        pytest.param(Came("1.1.1.1", forwarded_for=("1.1.1.1:5000",)), id="a port"),
        pytest.param(Came("2001:db8::1", forwarded_for=("[2001:db8::1]:5000",)), id="IPv6 and a port"),
        pytest.param(Came("2001:db8::1", forwarded_for=("2001:db8::1",)), id="IPv6"),
        pytest.param(Came("1.1.1.1", forwarded_for=("::ffff:1.1.1.1",)), id="IPv4 as IPv6"),
        pytest.param(Came("1.1.1.1", forwarded=('for=9.9.9.9, For="1.1.1.1:5";proto=https',)), id="RFC 7239"),
        pytest.param(Came("2001:db8::1", forwarded=('by=x;for="[2001:db8::1]:5"',)), id="RFC 7239 with IPv6"),
        pytest.param(Came("10.0.0.1", forwarded=("for=_hidden",)), id="RFC 7239 without an address"),
        pytest.param(Came("10.0.0.1", forwarded=("proto=https",)), id="RFC 7239 without for"),
        pytest.param(Came("1.1.1.1", forwarded_for=("1.1.1.1",), forwarded=("for=1.1.1.1",)), id="both"),
        pytest.param(Came("10.0.0.1", forwarded_for=("1.1.1.1",), forwarded=("for=9.9.9.9",)), id="one is a claim"),
        pytest.param(Came("10.1.1.1", forwarded_for=(f"1.1.1.1{',10.1.1.1' * MOST_HOPS}",)), id="too many"),
        pytest.param(Came("", peer="", forwarded_for=("1.1.1.1",)), id="a socket without an address"),
    ],
)
def test_client_is_the_last_untrusted_address(came: Came) -> None:
    assert client_of(came.peer, came.forwarded_for, came.forwarded, TRUSTED) == came.client


@given(st.lists(st.text(max_size=30), max_size=5), st.lists(st.text(max_size=30), max_size=3))
def test_client_headers_do_not_change_its_address(before: list[str], forwarded: list[str]) -> None:
    """Its proxy appends the address that it sees, and passes `Forwarded` on."""
    seen = client_of("10.0.0.1", [*before, "1.1.1.1"], forwarded, TRUSTED)
    assert seen in {"1.1.1.1", "10.0.0.1"}
    assert client_of("2.2.2.2", before, forwarded, TRUSTED) == "2.2.2.2"


@pytest.mark.parametrize(
    ("peer", "block"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80::/64"), ("", "")],
)
def test_rate_limits_apply_to_the_network_of_an_ipv6_client(peer: str, block: str) -> None:
    app = web.Application()
    app[SETTINGS] = Settings()
    request = make_mocked_request("GET", "/", app=app)
    assert block_of(request.clone(remote=peer)) == block
