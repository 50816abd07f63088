"""The schema is made in one transaction, under a lock: an interrupted migration leaves nothing, two never meet."""

import asyncio
import shutil
from pathlib import Path

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, inspect, text

from dkron_archive import migrating
from dkron_archive.archive import Archive
from dkron_archive.opening import open_archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.tables import metadata
from tests.support.archives import NAMESPACE, check_counters, entry, everything, record


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def there(archive: Archive) -> set[str]:
    async with archive.database.reading() as connection:
        return await connection.run_sync(tables)


async def test_schema_is_what_the_code_expects(archive: Archive) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with archive.database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_keeps_the_records(archive: Archive) -> None:
    await archive.write([entry(1)])
    await archive.migrate()
    assert await everything(archive) == [record(1)]


async def test_interrupted_migration_is_taken_up_by_the_next(fresh_url: str) -> None:
    archive = open_archive(fresh_url)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "the power went")

    try:
        event.listen(metadata.tables["output"], "after_create", fail)
        try:
            with pytest.raises(ArchiveUnavailable, match="the power went"):
                await archive.migrate()
        finally:
            event.remove(metadata.tables["output"], "after_create", fail)
        assert await there(archive) == set()
        await archive.migrate()
        await archive.write([entry(1)])
        assert await everything(archive) == [record(1)]
    finally:
        await archive.close()


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade():
    op.add_column("execution", sa.Column("shard", sa.Integer))
    op.execute("UPDATE execution SET shard = job")
    op.create_index("execution_of_shard", "execution", ["shard"])
"""


def columns(connection: Connection) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns("execution")}


async def test_older_schema_is_upgraded_with_its_records(
    fresh_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the first try ends in the middle. A program of before reads and writes on until it is replaced."""
    archive = open_archive(fresh_url)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "the power went")

    async def has_shards() -> bool:
        async with archive.database.reading() as connection:
            return "shard" in await connection.run_sync(columns)

    try:
        await archive.migrate()
        await archive.write([entry(n, output=b"x" * 2000) for n in range(50)])
        scripts = shutil.copytree(migrating.SCRIPTS, tmp_path / "migrations")
        (scripts / "versions" / "0002_next.py").write_text(NEXT, encoding="utf-8")
        monkeypatch.setattr(migrating, "SCRIPTS", scripts)
        with monkeypatch.context() as patched:
            patched.setattr(op, "create_index", fail)
            with pytest.raises(ArchiveUnavailable, match="the power went"):
                await archive.migrate()
        assert not await has_shards()
        await archive.write([entry(50)])
        await archive.migrate()
        assert await has_shards()
        await archive.write([entry(n) for n in range(45, 60)])
        assert [each.group for each in await everything(archive)] == list(range(59, -1, -1))
        await check_counters(archive, range(60), aged=False)
    finally:
        await archive.close()


async def test_newer_schema_is_left_as_it_is(fresh_url: str) -> None:
    archive = open_archive(fresh_url)
    try:
        await archive.migrate()
        async with archive.database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for _ in range(2):
            with pytest.raises(
                ArchiveUnavailable, match=r"its schema is 9999, of a newer version; this one knows 0001"
            ):
                await archive.migrate()
    finally:
        await archive.close()


async def test_no_tables_yet(fresh_url: str) -> None:
    archive = open_archive(fresh_url)
    try:
        with pytest.raises(ArchiveUnavailable, match=r"it has no tables yet: the operator makes|there is no file yet"):
            await archive.health()
    finally:
        await archive.close()


async def test_delete_before_there_are_tables_has_nothing_to_do(fresh_url: str) -> None:
    archive = open_archive(fresh_url, makes=False)
    try:
        assert await archive.delete_executions(NAMESPACE, "backup") == 0
    finally:
        await archive.close()


async def test_two_that_migrate_at_once(fresh_url: str) -> None:
    """One waits or is told so; the tables are there in the end, once."""
    archives = [open_archive(fresh_url) for _ in range(3)]
    try:
        results = await asyncio.gather(*(each.migrate() for each in archives), return_exceptions=True)
        assert None in results
        refused = {str(result) for result in results if result is not None}
        # SQLite does not wait while another connection has a new file begin its log.
        told = {"another process brings its schema up to date", "another process holds its lock"}
        assert refused <= {f"The archive cannot be used: {why}." for why in told}
        assert await there(archives[0]) == {*metadata.tables, "alembic_version"}
    finally:
        for each in archives:
            await each.close()
