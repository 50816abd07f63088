"""`dkron-api archive`: whose history the archive has."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from dkron_api.archive_command import VARIABLE, main
from dkron_archive.opening import open_archive
from tests.support.archives import NAMESPACE, entry, migrated


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Names the archive of the commands, and returns its URL."""

    def named(url: str) -> str:
        url = url.format(folder=tmp_path)
        monkeypatch.setenv(VARIABLE, url)
        return url

    return named


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("", "DKRON_ARCHIVE is not set", id="no archive"),
        pytest.param("mysql://host/name", "the URL of the archive is of another form", id="another database"),
        pytest.param("sqlite:///{folder}/none.db", "there is no file yet", id="no file"),
    ],
)
def test_archive_that_cannot_be_opened_is_an_error(
    url: str, sentence: str, use: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    use(url)
    assert main(["adopt", "team"]) == 1
    assert sentence in capsys.readouterr().err


def test_commands_say_what_they_did(use: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    async def made() -> None:
        url = use("sqlite:///{folder}/archive.db")
        await migrated(url)
        archive = open_archive(url)
        await archive.write([entry(1)])
        await archive.close()

    asyncio.run(made())
    assert [main([command, NAMESPACE]) for command in ("adopt", "forget")] == [0, 0]
    assert capsys.readouterr().out.splitlines() == [
        f"adopted the history of the namespace {NAMESPACE}",
        f"deleted the history of the namespace {NAMESPACE}: 1 executions, and all other records",
    ]
    for command in ("adopt", "forget"):
        assert main([command, "tema"]) == 1, "a name that was mistyped"
        assert capsys.readouterr().err == "dkron-api archive: the archive has no job of a namespace tema\n"
