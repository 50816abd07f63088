"""The schema, brought up to date by Alembic: in one transaction and under a lock, so that an interrupted migration
leaves nothing behind, and two never meet."""

import logging
from pathlib import Path
from typing import cast

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import _RevIdType
from sqlalchemy import Connection

from dkron_archive.database import Database
from dkron_archive.ports import ArchiveUnavailable

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "migrations"
LIMIT = 600.0
"""Seconds."""
LOCK = 0x646B726F6E
"""The advisory lock: "dkron"."""


async def migrate(database: Database) -> None:
    """Bring the schema up to date. Raises `ArchiveUnavailable` for a newer one, and while another process does it."""
    async with database.writing(LIMIT) as connection:
        if database.name == "postgresql":
            locked = await connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK})")
            if not locked.scalar():
                raise ArchiveUnavailable("The archive cannot be used: another process brings its schema up to date.")
        await connection.run_sync(_upgrade)


def scripts() -> ScriptDirectory:
    """The migrations."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection) -> None:
    directory = scripts()
    newest = directory.get_current_head()
    known = {script.revision for script in directory.walk_revisions()}
    there = set(MigrationContext.configure(connection).get_current_heads())
    if unknown := there - known:
        raise ArchiveUnavailable(
            f"The archive cannot be used: its schema is {', '.join(sorted(unknown))}, of a newer version; this one"
            f" knows {newest} at most."
        )
    if newest not in there:
        log.info("the schema of the archive is brought up to date: from %s to %s", ", ".join(there) or "none", newest)

    def steps(revision: _RevIdType, _: MigrationContext) -> list[RevisionStep]:
        return directory._upgrade_revs("head", cast("str", revision))  # as Alembic's own command does

    config = Config()
    with EnvironmentContext(config, directory, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
