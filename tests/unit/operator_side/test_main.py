"""The address that the program finds out about itself before it starts."""

import pytest

from dkron_operator.main import own_address


@pytest.mark.parametrize(
    ("server", "address"),
    [
        pytest.param("https://127.0.0.1:6443", "127.0.0.1", id="an API server on this machine"),
        pytest.param("https://[::1]:6443", "::1", id="by IPv6"),
        pytest.param("https://x:99999999", "", id="no port"),
        pytest.param("https://[", "", id="no address"),
    ],
)
def test_own_address_is_on_the_route_to_the_api_server(server: str, address: str) -> None:
    assert own_address(server) == address
