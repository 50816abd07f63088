"""The database user of the REST API, with the grants of docs/archive.md: it reads and deletes, and adds nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import PauseRecord, Query, Revision, SkippedSlots
from localcluster.servers.postgresql import Server
from tests.support.archives import ALL, NAMESPACE, START, entry, everything, key
from tests.unit.archive.test_incarnations import READS

PAGE = Path(__file__).parents[2] / "docs" / "archive.md"
USER = "dkron_api"


@pytest.fixture(scope="module")
def api_url(server: Server, archive_url: str) -> Iterator[str]:
    script = PAGE.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    server.run("psql", "--dbname", "archive", "--set", "ON_ERROR_STOP=1", "--command", script)
    yield archive_url.replace(archive_url[len("postgresql://") : archive_url.index("@")], f"{USER}:PASSWORD")
    server.run("psql", "--dbname", "archive", "--command", f"DROP OWNED BY {USER}; DROP ROLE {USER}")


@pytest.fixture
async def of_api(archive: Archive, api_url: str) -> AsyncIterator[Archive]:
    """The archive as the REST API opens it, with some records."""
    await archive.write([entry(n, output=b"x" * 3000) for n in range(10)])
    opened = open_archive(api_url, makes=False)
    yield opened
    await opened.close()


async def test_user_of_the_api_reads_everything(archive: Archive, of_api: Archive) -> None:
    for name, ask in READS.items():
        assert await ask(of_api) == await ask(archive), name
        assert await ask(of_api.since(START)) == await ask(archive.since(START)), name
    assert await of_api.output("uid-of-backup", "backup-1") is not None
    assert await of_api.spec("none") is None


async def test_user_of_the_api_deletes(archive: Archive, of_api: Archive) -> None:
    assert await of_api.delete_executions(NAMESPACE, "backup") == 10
    await archive.write([entry(n) for n in range(10)])
    assert (await everything(archive), await archive.count(ALL)) == ([], 0)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda archive: archive.write([entry(100)]), id="executions"),
        pytest.param(lambda archive: archive.write_skipped([SkippedSlots(key("a"), START, START, 1, "x")]), id="slots"),
        pytest.param(lambda archive: archive.write_pauses([PauseRecord(NAMESPACE, "p", START, None)]), id="pauses"),
        pytest.param(lambda archive: archive.write_revisions([Revision(key("a"), "h", 1, START)]), id="specs"),
        pytest.param(lambda archive: archive.adopt(NAMESPACE, at=START), id="adopt"),
        pytest.param(lambda archive: archive.forget(NAMESPACE, at=START), id="forget"),
    ],
)
async def test_user_of_the_api_writes_nothing(
    write: Callable[[Archive], Awaitable[object]], archive: Archive, of_api: Archive
) -> None:
    with pytest.raises(ArchiveUnavailable, match="permission denied"):
        await write(of_api)
    assert await archive.count(Query(NAMESPACE)) == 10
