"""The tables of the first version. Until the first release they are the metadata; then they are written out here.

Revision ID: 0001
Revises:
"""

from alembic import op

from dkron_archive.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    bind = op.get_bind()
    metadata.create_all(bind)
    if bind.dialect.name == "postgresql":
        # Outputs are compressed already. Counters change in place where a page has room.
        op.execute("ALTER TABLE output ALTER content SET STORAGE EXTERNAL")
        for table in ("stored", "tally", "duration"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
