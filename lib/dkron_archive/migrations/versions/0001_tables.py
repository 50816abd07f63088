"""The tables of the first version.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from dkron_archive.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "duration",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", Instant(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("longest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job", "day", "bucket"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "horizon",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gone_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "job",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=True),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.Column("gone_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("job_created", "job", ["namespace", "created_at"], unique=False)
    op.create_index("job_name", "job", ["namespace", "name"], unique=False)
    op.create_table(
        "output",
        sa.Column("execution", NUMBER, autoincrement=False, nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("execution"),
    )
    op.create_table(
        "pause",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begin", Instant(), nullable=False),
        sa.Column("end", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", "begin"),
    )
    op.create_index("pause_by_end", "pause", ["end"], unique=False)
    op.create_table(
        "revision",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job", "generation"),
    )
    op.create_index("revision_of_spec", "revision", ["hash"], unique=False)
    op.create_table(
        "skipped",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", Instant(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("first", Instant(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("job", "last"),
    )
    op.create_index("skipped_by_end", "skipped", ["last"], unique=False)
    op.create_index("skipped_of_namespace", "skipped", ["namespace", "last"], unique=False)
    op.create_table(
        "spec",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "stored",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", Instant(), nullable=False),
        sa.Column("success", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begin", Instant(), nullable=False),
        sa.Column("success", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("first_start", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("job", "step", "begin"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstone",
        sa.Column("job", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt_job", ID, nullable=False),
        sa.PrimaryKeyConstraint("job", "attempt_job"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "execution",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("job", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("attempt_job", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=False),
        sa.Column("slot", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=True),
        sa.Column("queued_at", Instant(), nullable=True),
        sa.Column("group", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("node_name", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["job.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(
        "execution_failed",
        "execution",
        ["namespace", "finished_at", "id", "job", "success"],
        unique=False,
        sqlite_where=sa.text("NOT success"),
        postgresql_where=sa.text("NOT success"),
    )
    op.create_index("execution_key", "execution", ["job", "attempt_job"], unique=True)
    op.create_index("execution_of_job", "execution", ["job", "finished_at"], unique=False)
    op.create_index("execution_of_namespace", "execution", ["namespace", "finished_at"], unique=False)
    op.create_index(
        "execution_unscheduled",
        "execution",
        ["namespace", "finished_at", "id", "job", "trigger"],
        unique=False,
        sqlite_where=sa.text("\"trigger\" <> 'schedule'"),
        postgresql_where=sa.text("\"trigger\" <> 'schedule'"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Outputs are compressed already. Counters change in place where a page has room.
        op.execute("ALTER TABLE output ALTER content SET STORAGE EXTERNAL")
        for table in ("stored", "tally", "duration"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
