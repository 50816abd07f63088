"""The tables. A list reads `execution`, whose rows are narrow; outputs and specs have tables of their own.

Counts are kept beside the rows, in the transaction that writes them, so that nothing is ever counted by a list:
`stored` for the rows that are there, `tally` and `duration` for what has happened, which outlives the rows.

An index of executions has no id: several that ended at one instant are few, and the database sorts them. None has the
end only: PostgreSQL would take it for a page of one job, and read all others.
"""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Step(IntEnum):
    """The lengths of a tally's steps, in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400


class Instant(TypeDecorator[datetime]):
    """A time in UTC: of the database's own type in PostgreSQL, microseconds since 1970 in SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[int]:
        """The type of the column."""
        return TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """To the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: datetime | int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        if isinstance(value, int):
            return EPOCH + value * MICROSECOND
        return value if value is None else value.astimezone(UTC)


class PlainText(TypeDecorator[str]):
    """A text as every database stores it: PostgreSQL refuses some characters, in records and in questions, which come
    from users. With `by_bytes` it sorts by its bytes, as in SQLite and in Python."""

    impl = Text
    cache_ok = True

    def __init__(self, *, by_bytes: bool = False) -> None:
        super().__init__()
        self.by_bytes = by_bytes

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The type of the column."""
        return Text(collation="C") if self.by_bytes and dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else plain(value)


def plain(text: str) -> str:
    """The text without zero bytes and halves of characters."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


# SQLite numbers rows itself if the key is an INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
Id = PlainText(by_bytes=True)

# The condition as the index has it, so that the database finds that one.
UNSCHEDULED: ColumnElement[bool] = literal_column("\"trigger\" <> 'schedule'")

metadata = MetaData()

job = Table(
    "job",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("uid", PlainText, nullable=False, unique=True),
    Column("namespace", PlainText, nullable=False),
    Column("name", PlainText, nullable=False),
    # When the DkronJob was created; of a namespace, when an administrator adopted its history.
    Column("created_at", Instant),
    # Executions that ended up to here are gone for good: written again, they would be counted twice.
    Column("gone_at", Instant),
    Column("gone_id", Id),
    Index("job_name", "namespace", "name"),
    Index("job_created", "namespace", "created_at"),
)
"""DkronJobs by number. A row without a name stands for its namespace: its counts are the sums of all jobs there."""

execution = Table(
    "execution",
    metadata,
    Column("number", Number, primary_key=True),
    Column("job", Integer, ForeignKey("job.number"), nullable=False),
    Column("namespace", PlainText, nullable=False),
    Column("attempt_job", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("slot", Instant, nullable=False),
    Column("created_at", Instant),
    Column("queued_at", Instant),
    Column("group", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("exit_code", BigInteger),
    # Of the record with its output, for the limit of bytes.
    Column("bytes", Integer, nullable=False),
    Column("trigger", PlainText, nullable=False),
    Column("member", PlainText, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("node_name", PlainText, nullable=False),
    Column("cause", PlainText, nullable=False),
    Column("revision", PlainText, nullable=False),
    Column("message", PlainText, nullable=False),
    Column("parameters", PlainText, nullable=False),
    Index("execution_key", "job", "attempt_job", unique=True),
    Index("execution_of_job", "job", "finished_at"),
    Index("execution_of_namespace", "namespace", "finished_at"),
    # Of both states: either may be rare beside the other.
    Index("execution_by_state", "namespace", "success", "finished_at"),
    # SQLite prefers it, small as it is, only if it has all that chooses a page.
    Index(
        "execution_unscheduled",
        *("namespace", "finished_at", "id", "job", "trigger"),
        sqlite_where=UNSCHEDULED,
        postgresql_where=UNSCHEDULED,
    ),
)

output = Table(
    "output",
    metadata,
    Column("execution", Number, primary_key=True, autoincrement=False),
    Column("truncated", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    # The last bytes, as they are, so that a list decompresses nothing.
    Column("tail", LargeBinary, nullable=False),
    # All of it, compressed, if it is longer than the tail.
    Column("content", LargeBinary),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("attempt_job", Id, primary_key=True),
    sqlite_with_rowid=False,
)
"""Attempts that a user has deleted, and that the status of the job may still show."""

stored = Table(
    "stored",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("day", Instant, primary_key=True),
    Column("success", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many rows of `execution` ended on a day."""

tally = Table(
    "tally",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("begin", Instant, primary_key=True),
    Column("success", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    # When the first of those began that ended in the step: a search by an instant skips all other steps.
    Column("first_start", Instant),
    sqlite_with_rowid=False,
)
"""How many executions ended in a step of time, and how many slots did not run, whatever was deleted since."""

duration = Table(
    "duration",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("day", Instant, primary_key=True),
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("longest", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Successful executions by day and by duration, in buckets of 2 %; `longest` in milliseconds."""

skipped = Table(
    "skipped",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("last", Instant, primary_key=True),
    Column("namespace", PlainText, nullable=False),
    Column("first", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("message", PlainText, nullable=False),
    Column("at", Instant),
    Index("skipped_of_namespace", "namespace", "last"),
    Index("skipped_by_end", "last"),
)

pause = Table(
    "pause",
    metadata,
    Column("namespace", PlainText, primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("begin", Instant, primary_key=True),
    Column("end", Instant),
    Column("reason", PlainText, nullable=False),
    Column("by", PlainText, nullable=False),
    Index("pause_by_end", "end"),
)

revision = Table(
    "revision",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", PlainText, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", PlainText, nullable=False),
    Index("revision_of_spec", "hash"),
)

spec = Table(
    "spec",
    metadata,
    Column("hash", PlainText, primary_key=True),
    # JSON, compressed.
    Column("content", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)

EXECUTIONS, SLOTS = 1, 2
horizon = Table(
    "horizon",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("gone_at", Instant, nullable=False),
)
"""Executions, in row 1, and slots, in row 2, from before it are gone for good."""
