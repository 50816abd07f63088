"""https: the certificate is read again when its files change, however these are changed."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from dkron_api import metrics
from dkron_api.edge.tls import Certificate
from dkron_api.settings import UnusableOption

ENDS = datetime(2040, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write(folder: Path, leaf: trustme.LeafCert) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "tls.crt").write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    (folder / "tls.key").write_bytes(leaf.private_key_pem.bytes())


def pair(folder: Path) -> Certificate:
    return Certificate(folder / "tls.crt", folder / "tls.key")


@asynccontextmanager
async def server_of(certificate: Certificate) -> AsyncIterator[int]:
    async def hello(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    server = TestServer(app, host="localhost")
    await server.start_server(ssl=certificate.context)
    assert server.port is not None
    try:
        yield server.port
    finally:
        await server.close()


async def shown(port: int, authority: trustme.CA, *, name: str | None = "localhost", version: int = 0) -> datetime:
    """Until when the certificate is valid that a new connection gets. Without a name the client sends none."""
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    tls.check_hostname = name is not None
    if version:
        tls.maximum_version = ssl.TLSVersion(version)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name or "")
    try:
        raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(raw).not_valid_after_utc
    finally:
        writer.close()
        await writer.wait_closed()


async def test_new_connections_get_the_current_certificate(tmp_path: Path, authority: trustme.CA) -> None:
    first, second = (authority.issue_cert("localhost", not_after=end) for end in ENDS)
    write(tmp_path, first)
    certificate = pair(tmp_path)
    async with server_of(certificate) as port:
        certificate.check()
        assert await shown(port, authority) == ENDS[0]
        write(tmp_path, second)
        certificate.check()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert await shown(port, authority, version=version) == ENDS[1]
            assert await shown(port, authority, name=None, version=version) == ENDS[1]
    labels = {"file": str(tmp_path / "tls.crt")}
    name = "dkron_api_tls_not_after_timestamp_seconds"
    assert metrics.REGISTRY.get_sample_value(name, labels) == ENDS[1].timestamp()


async def test_a_secret_volume_is_swapped_by_a_link(tmp_path: Path, authority: trustme.CA) -> None:
    for number, end in enumerate(ENDS):
        write(tmp_path / f"..{number}", authority.issue_cert("localhost", not_after=end))
    (tmp_path / "..data").symlink_to("..0")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    certificate = pair(tmp_path)
    (tmp_path / "..next").symlink_to("..1")
    (tmp_path / "..next").replace(tmp_path / "..data")
    certificate.check()
    async with server_of(certificate) as port:
        assert await shown(port, authority) == ENDS[1]


async def test_broken_certificate_pair_keeps_the_previous_one(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (authority.issue_cert("localhost", not_after=end) for end in ENDS)
    write(tmp_path, first)
    certificate = pair(tmp_path)
    caplog.set_level(logging.INFO, "dkron_api.edge.tls")
    async with server_of(certificate) as port:
        (tmp_path / "tls.crt").write_bytes(second.cert_chain_pems[0].bytes())
        for _ in range(3):
            certificate.check()
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert await shown(port, authority) == ENDS[0]
        (tmp_path / "tls.key").unlink()
        certificate.check()
        assert await shown(port, authority) == ENDS[0]
        write(tmp_path, second)
        certificate.check()
        assert await shown(port, authority) == ENDS[1]
    assert "PRIVATE" not in caplog.text


async def test_old_versions_of_tls_are_refused(tmp_path: Path, authority: trustme.CA) -> None:
    write(tmp_path, authority.issue_cert("localhost"))
    async with server_of(pair(tmp_path)) as port:
        with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises((ssl.SSLError, ConnectionError)):
            await shown(port, authority, version=ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        pytest.param("none", "tls.key", "cannot be read: No such file", id="missing"),
        pytest.param("tls.crt", "other.key", "are not a pair: key values mismatch", id="of two pairs"),
        pytest.param("tls.key", "tls.crt", "are not a pair", id="exchanged"),
        pytest.param("tls.crt", "locked.key", "cannot be used: the key has a password", id="a key with a password"),
    ],
)
def test_unusable_certificate_is_reported_in_one_sentence(  # noqa: PLR0917 - a row
    tmp_path: Path, authority: trustme.CA, certificate: str, key: str, reason: str
) -> None:
    write(tmp_path, authority.issue_cert("localhost"))
    other = authority.issue_cert("localhost").private_key_pem.bytes()
    (tmp_path / "other.key").write_bytes(other)
    locked = serialization.load_pem_private_key(other, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    (tmp_path / "locked.key").write_bytes(locked)
    with pytest.raises(UnusableOption, match=reason) as refused:
        Certificate(tmp_path / certificate, tmp_path / key)
    assert "\n" not in str(refused.value)
