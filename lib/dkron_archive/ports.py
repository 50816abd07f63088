"""The two sides of an archive, as the programs use it. `open_archive` makes one with both, by a URL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from dkron_archive.records import (
    ArchivedExecution,
    ArchivedOutput,
    Bucket,
    Cleaned,
    Durations,
    Entry,
    Health,
    Page,
    PauseRecord,
    Query,
    Retention,
    Revision,
    SkippedSlots,
)


class ArchiveUnavailable(Exception):
    """The database cannot be reached, is locked or full, or has a schema that this version does not know. The message
    is one sentence for users, without secrets. Try again later."""


class ArchiveUnreachable(ArchiveUnavailable):
    """There is no connection, so the next call would fail as well. Any other failure says nothing about it."""


class ArchiveMissing(ArchiveUnavailable):
    """Its folder has no file yet: the operator makes it."""

    def __init__(self) -> None:
        super().__init__("The archive cannot be used: its file cannot be opened, or there is no file yet.")


class ArchiveReplaced(ArchiveUnavailable):
    """The file was removed or replaced since it was opened. What stands at its path now is to be migrated."""

    def __init__(self) -> None:
        super().__init__("The archive cannot be used: its file was removed or replaced.")


class ArchiveWriter(Protocol):
    """The operator's side. Each call is one transaction, may be repeated, and has its effect once. All raise
    `ArchiveUnavailable`, or `ValueError` if one of the records cannot be stored, and none takes longer than its
    timeout."""

    async def migrate(self) -> None:
        """Bring the schema up to date. A newer schema, and one that another process is changing, raise."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Store executions and outputs, at most 500. Those that are known, or were deleted, change nothing."""

    async def lacking(self, keys: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Which of these executions it does not have, by the uid of the job and the name of the attempt; at most 500.
        Those that were deleted count as well."""

    async def write_skipped(self, slots: Sequence[SkippedSlots]) -> None:
        """Store slots that did not run."""

    async def write_pauses(self, pauses: Sequence[PauseRecord]) -> None:
        """Store pauses, or their ends."""

    async def write_revisions(self, revisions: Sequence[Revision]) -> None:
        """Store accepted specs."""

    async def forget_tombstones(self, job_uid: str, kept: Collection[str]) -> None:
        """The status of the job still shows only these attempts: tombstones of others are no longer needed."""

    async def clean(self, retention: Retention, *, now: datetime, budget: timedelta) -> Cleaned:
        """Delete what is kept no longer, for as long as the budget lasts."""

    async def health(self) -> Health:
        """How much there is."""


class ArchiveReader(Protocol):
    """The REST API's side. All raise `ArchiveUnavailable`."""

    def since(self, created: datetime) -> "ArchiveReader":
        """The archive as a namespace sees it that was created then: without the jobs from before, unless it has adopted
        them."""

    async def page(self, query: Query) -> Page:
        """Executions, by a keyset: the cost does not depend on how many come before."""

    async def count(self, query: Query) -> int | None:
        """How many executions there are, from counters by job and day; None if the filters do not allow that."""

    async def execution(self, namespace: str, job: str, execution_id: str) -> ArchivedExecution | None:
        """One execution, by its id in the REST API; of several jobs of this name, the newest one's."""

    async def output(self, job_uid: str, attempt_job: str) -> ArchivedOutput | None:
        """The output of an attempt."""

    async def outputs(self, keys: Sequence[tuple[str, str]], *, size: int) -> Mapping[tuple[str, str], ArchivedOutput]:
        """The last `size` bytes of several outputs, by (uid of the job, attempt_job)."""

    async def timeline(
        self, namespace: str, begin: datetime, end: datetime, step: timedelta, *, jobs: frozenset[str] | None
    ) -> list[Bucket]:
        """Counts from counters, for a step of a minute (at most 2 days), an hour or a day. Empty steps are left out."""

    async def durations(self, namespace: str, job: str, begin: datetime, end: datetime) -> list[Durations]:
        """Percentiles by day."""

    async def skipped(
        self, namespace: str, begin: datetime, end: datetime, *, jobs: frozenset[str] | None, limit: int = 1000
    ) -> list[SkippedSlots]:
        """Slots that did not run, newest first."""

    async def pauses(self, namespace: str, begin: datetime, end: datetime) -> list[PauseRecord]:
        """Pauses that overlap a time."""

    async def revisions(self, namespace: str, job: str, *, limit: int = 100) -> list[Revision]:
        """Accepted specs of a job, newest first, without the specs."""

    async def spec(self, revision: str) -> Mapping[str, Any] | None:
        """The spec of a hash."""

    async def delete_executions(self, namespace: str, job: str) -> int:
        """Delete all executions of a job, and leave tombstones until its status shows them no longer. Counters of days
        stay. Return how many."""
