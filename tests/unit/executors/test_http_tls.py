"""The http executor at a server that shows a certificate, and wants one (Dkron behaviour §6.2)."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.kubelet import Kubelet, Ran
from tests.support.web_server import Web, web_server


def get(url: str, **config: str) -> Ran:
    return Kubelet().call("http", {"method": "GET", "url": url, **config})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority: trustme.CA) -> Iterator[Web]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with web_server(context) as web:
        yield web


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    client = authority.issue_cert("client@example.org")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    return {
        "tlsRootCAsFile": str(tmp_path / "ca.pem"),
        "tlsCertificateFile": str(tmp_path / "client.pem"),
        "tlsCertificateKeyFile": str(tmp_path / "client.key"),
    }


CLIENT = ("tlsCertificateFile", "tlsCertificateKeyFile")
UNTRUSTED = "the server's certificate is not trusted"


@pytest.mark.parametrize(
    ("keys", "config", "code", "says"),
    [
        pytest.param(("tlsRootCAsFile", *CLIENT), {}, 0, "fine", id="certificates on both sides"),
        pytest.param(CLIENT, {}, 1, UNTRUSTED, id="without the authority the server is not trusted"),
        pytest.param(CLIENT, {"tlsNoVerifyPeer": "true"}, 0, "fine", id="without the authority and without looking"),
        pytest.param(("tlsRootCAsFile",), {}, 1, "GET ", id="without a certificate the client is not trusted"),
    ],
)
def test_a_connection_with(
    secure: Web, files: dict[str, str], *, keys: tuple[str, ...], config: dict[str, str], code: int, says: str
) -> None:
    ran = get(f"{secure.url}/status/200/fine", **{key: files[key] for key in keys}, **config)
    assert ran.code == code
    assert says in ran.output


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("tlsRootCAsFile", "tlsRootCAsFile: /nowhere.pem cannot be used: No such file or directory\n"),
        ("tlsCertificateFile", "cannot be used: No such file or directory\n"),
    ],
)
def test_a_file_that_is_missing(secure: Web, files: dict[str, str], key: str, named: str) -> None:
    ran = get(f"{secure.url}/status/200/fine", **{**files, key: "/nowhere.pem"})
    assert ran.code == 1
    assert ran.output.startswith(key)
    assert ran.output.endswith(named)
