"""Names under which the API answers."""

import pytest

from dkron_api.edge.hosts import is_ours


@pytest.mark.parametrize(
    ("host", "allowed", "ours"),
    [
        pytest.param("localhost:8080", (), True, id="this machine"),
        pytest.param("127.0.0.1:8080", (), True, id="an address"),
        pytest.param("[::1]:8080", (), True, id="an address of IPv6"),
        pytest.param("LOCALHOST.", (), True, id="this machine, in another form"),
        pytest.param("dkron-api:8080", ("dkron-api",), True, id="a Service of the same namespace, by the chart"),
        pytest.param("printer:8080", (), False, id="a name without a dot, which a local network may give"),
        pytest.param("dkron-api.team.svc", (), True, id="a Service"),
        pytest.param("DKRON-API.team.svc.cluster.local.:80", (), True, id="the whole name"),
        pytest.param("dkron-api.dev", (), False, id="a namespace may be called as a domain"),
        pytest.param("evil.example.com", (), False, id="a name of another site"),
        pytest.param("svc.example.com", (), False, id="that looks like ours"),
        pytest.param("127.0.0.1.example.com", (), False, id="that begins as an address"),
        pytest.param(f"{'a.' * 150}localhost", (), False, id="longer than a name may be"),
        pytest.param("evil.example.com#.localhost", (), False, id="that ends as ours behind a fragment"),
        pytest.param("", (), True, id="none, as in HTTP/1.0"),
        pytest.param("dkron.example.com", ("dkron.example.com",), True, id="allowed"),
        pytest.param("x.dkron.example.com", ("dkron.example.com",), False, id="below an allowed one"),
        pytest.param("x.example.com", ("*.example.com",), True, id="all below"),
        pytest.param("example.com", ("*.example.com",), False, id="not the name itself"),
        pytest.param("evil.example.com", ("*",), True, id="everything"),
    ],
)
def test_a_request_is_for_us_by_its_host(host: str, allowed: tuple[str, ...], *, ours: bool) -> None:
    assert is_ours(host, allowed) is ours
