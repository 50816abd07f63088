"""URLs of archives, and passwords that no message shows."""

import pytest

from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.problems import sentence

SECRET = "s3cr3t%2Fd"  # noqa: S105


@pytest.mark.parametrize(
    "url",
    [
        "", "archive.db", "sqlite:/x", "sqlite://host/x", "sqlite:///x?mode=ro", "postgresql://", "postgresql://host",
        f"mysql://dkron:{SECRET}@host/db", f"postgresql+asyncpg://dkron:{SECRET}@host/db",
        f"postgresql://dkron:{SECRET}@host:port/db",
    ],
)  # fmt: skip
def test_url_of_another_form_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="an archive is sqlite:///path") as caught:
        open_archive(url)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("end", "warned"),
    [
        pytest.param("db.example/dkron", True, id="no mode"),
        pytest.param("db.example/dkron?sslmode=require", True, id="any certificate"),
        pytest.param("db.example/dkron?sslmode=verify-full&sslrootcert=/ca.crt", False, id="verified"),
        pytest.param("127.0.0.1/dkron", False, id="same machine"),
        pytest.param("[::1]/dkron", False, id="same machine, IPv6"),
        pytest.param("localhost/dkron", False, id="localhost"),
    ],
)
async def test_server_that_is_not_verified_is_a_warning(
    end: str, caplog: pytest.LogCaptureFixture, *, warned: bool
) -> None:
    archive = open_archive(f"postgresql://dkron:{SECRET}@{end}")
    await archive.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warned
    assert "sslmode=verify-full" in caplog.text or not warned
    assert "s3cr3t" not in caplog.text


async def test_server_that_is_away(unused_tcp_port: int) -> None:
    archive = open_archive(f"postgresql://dkron:{SECRET}@127.0.0.1:{unused_tcp_port}/db")
    with pytest.raises(ArchiveUnavailable, match=r"^The archive cannot be used: its server refuses") as caught:
        await archive.health()
    assert "s3cr3t" not in str(caught.value)
    await archive.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(OSError(28, "No space left on device"), "its disk is full", id="full disk"),
        pytest.param(TimeoutError(), "it did not answer in time", id="time"),
        pytest.param(OSError("a\nb  s3cr3t/d."), "a b ***", id="secret, and two lines"),
        pytest.param(OSError("x" * 1000), "x" * 300, id="long"),
        pytest.param(RuntimeError(), "RuntimeError", id="no text"),
    ],
)
def test_sentences(error: Exception, said: str) -> None:
    assert sentence(error, ("s3cr3t/d",)) == f"The archive cannot be used: {said}."
