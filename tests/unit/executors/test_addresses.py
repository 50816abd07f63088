"""Addresses that the operator's own calls do not reach, whatever a name or a redirect says."""

from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_executors.keys.http import Http
from dkron_executors.run.addresses import AddressRules, is_own, services_around
from dkron_executors.run.pool import Pool

NETWORK = ip_network("93.96.0.0/12")


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        pytest.param("127.0.0.1", True, id="the loopback"),
        pytest.param("127.8.8.8", True, id="all of it"),
        pytest.param("168.63.129.16", True, id="what Azure's machines trust"),
        pytest.param("::1", True, id="the loopback of IPv6"),
        pytest.param("::ffff:127.0.0.1", True, id="IPv4 within IPv6"),
        pytest.param("2002:7f00:1::", True, id="IPv4 within 6to4"),
        pytest.param("2001:0:808:808::5601:5601", True, id="IPv4 within Teredo"),
        pytest.param("64:ff9b::169.254.169.254", True, id="IPv4 behind NAT64"),
        pytest.param("64:ff9b::8.8.8.8", False, id="another behind NAT64"),
        pytest.param("64:ff9b:1::a9fe:a9fe", True, id="IPv4 at the end behind NAT64 of its own"),
        pytest.param("64:ff9b:1:a9fe:a9:fe00::", True, id="after 48 bits"),
        pytest.param("64:ff9b:1:a9:fe:a9fe::", True, id="after 56 bits"),
        pytest.param("64:ff9b:1::a9:fea9:fe00:0", True, id="after 64 bits"),
        pytest.param("64:ff9b:1::808:808", False, id="another behind NAT64 of its own"),
        pytest.param("0.0.0.0", True, id="this host"),  # noqa: S104
        pytest.param("169.254.169.254", True, id="metadata"),
        pytest.param("fd00:ec2::254", True, id="metadata by IPv6"),
        pytest.param("100.100.100.200", True, id="metadata of another cloud"),
        pytest.param("fe80::1%eth0", True, id="link-local"),
        pytest.param("224.0.0.1", True, id="multicast"),
        pytest.param("93.100.0.1", True, id="a network of the installation"),
        pytest.param("93.184.0.7", True, id="a node"),
        pytest.param("93.184.0.8", True, id="the own pod"),
        pytest.param("34.118.224.9", True, id="a Service with a public address"),
        pytest.param("2600:2d00:0:4::9", True, id="a Service with a public address of IPv6"),
        pytest.param("10.0.0.1", True, id="a private network"),
        pytest.param("172.31.0.1", True, id="another"),
        pytest.param("192.168.0.1", True, id="a third"),
        pytest.param("::ffff:10.0.0.1", True, id="a private one within IPv6"),
        pytest.param("64:ff9b::10.0.0.1", True, id="a private one behind NAT64"),
        pytest.param("64:ff9b:1::a00:1", True, id="a private one behind NAT64 of its own"),
        pytest.param("100.64.0.1", True, id="a shared network of providers"),
        pytest.param("198.18.0.1", True, id="a network for benchmarks"),
        pytest.param("240.0.0.1", True, id="a reserved one"),
        pytest.param("255.255.255.255", True, id="a broadcast"),
        pytest.param("fd12::1", True, id="a private network of IPv6"),
        pytest.param("fec0::1", True, id="an older one"),
        pytest.param("::10.0.0.1", True, id="IPv4 at the end of IPv6"),
        pytest.param("93.184.216.34", False, id="a server"),
        pytest.param("2606:2800::1", False, id="a server by IPv6"),
    ],
)
def test_special_addresses_are_not_called(address: str, *, refused: bool) -> None:
    around = [*services_around("34.118.224.1"), *services_around("2600:2d00:0:4::1"), *services_around("a.name")]
    rules = AddressRules(refused=[NETWORK, *around], is_own=lambda one: str(one) == "93.184.0.8")
    assert rules.with_nodes("93.184.0.7".__eq__).refuses(address) is refused


def test_the_own_addresses_are_found() -> None:
    assert [is_own(ip_address(each)) for each in ("127.0.0.1", "127.0.0.2", "192.0.2.1", "2001:db8::1")] == [
        True, True, False, False,
    ]  # fmt: skip


async def test_environment_proxy_does_not_bypass_the_address_check(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    pool = Pool(limit=1, rules=AddressRules(allowed=[ip_network("127.0.0.1/32")]))
    async with TestServer(app) as server:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
        async with pool.place():
            result = await pool.call(Http.model_validate({"url": "http://169.254.169.254/", "method": "GET"}))
        await pool.close()
    assert "see --inline-allow" in result.error
    assert asked == []


def test_the_installation_may_allow_one() -> None:
    rules = AddressRules(allowed=[ip_network("93.96.0.7/32"), ip_network("127.0.0.0/8")], refused=[NETWORK])
    assert [rules.refuses(each) for each in ("93.96.0.7", "127.0.0.1", "93.96.0.8", "::1")] == [
        False, False, True, True,
    ]  # fmt: skip


async def redirect(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.2:1/")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        pytest.param("http://127.0.0.1:{port}/", (), id="an address"),
        pytest.param("http://localhost:{port}/", (), id="a name"),
        pytest.param("http://127.0.0.1:{port}/away", ("127.0.0.1/32",), id="a redirect"),
    ],
)
async def test_call_to_a_forbidden_address_fails_and_says_why(url: str, allowed: tuple[str, ...]) -> None:
    app = web.Application()
    app.router.add_get("/away", redirect)
    app.router.add_get("/", redirect)
    pool = Pool(limit=1, rules=AddressRules(allowed=[*map(ip_network, allowed)]))
    async with TestServer(app) as server:
        keys = Http.model_validate({"url": url.format(port=server.port), "method": "GET"})
        async with pool.place():
            result = await pool.call(keys)
        await pool.close()
    assert "see --inline-allow" in result.error
