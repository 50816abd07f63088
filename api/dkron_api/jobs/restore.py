"""Restores a backup: parents before children, several jobs at a time, with a report line for each.

Existing jobs are replaced as by any client. New jobs keep their history, so that a restored backup shows what it
contained.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from dkron_api.jobs.writer import JobWriter, Terms
from dkron_api.refusal import ApiError, refusal_of
from dkron_api.translate.record import Job
from dkron_api.translate.restoring import Dump, Entry
from dkron_crds.base import rfc3339
from dkron_crds.depends import circle
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.history import history
from dkron_kube.errors import KubeError

WIDTH = 16
"""Jobs stored concurrently."""


Permit = Callable[[JobBody, Job | None], Awaitable[None]]
"""Raises `ApiError` unless the caller may save this job over the one that exists."""


async def restore(
    dump: Dump, entries: Sequence[Entry], writes: JobWriter, terms: Terms, *, permit: Permit, stopping: asyncio.Event
) -> list[str]:
    """Store the entries, which are in the order of `order`. Return one report line for each, in the same order.
    Entries that are not permitted, or not started when `stopping` is set, are not stored, and are reported as such."""
    work = Restore(dump, writes, terms, permit=permit, stopping=stopping)
    pending = iter(entries)
    async with asyncio.TaskGroup() as group:
        for _ in range(WIDTH):
            group.create_task(work.store(pending))
    return [work.reports[entry.name] for entry in entries]


class Restore:
    """One restore in progress."""

    def __init__(self, dump: Dump, writes: JobWriter, terms: Terms, *, permit: Permit, stopping: asyncio.Event) -> None:
        self.reports: dict[str, str] = {}
        self._dump = dump
        self._writes = writes
        self._terms = terms
        self._permit = permit
        self._stopping = stopping
        self._stored: dict[str, asyncio.Event] = {}
        self._failed: set[str] = set()

    async def store(self, entries: Iterator[Entry]) -> None:
        """Store one entry after another, until none is left."""
        for entry in entries:
            done = self._stored[entry.name] = asyncio.Event()
            parent = self._stored.get(entry.parent)
            if parent is not None:
                # The parent was taken before its children, so another task is storing it.
                await parent.wait()
            why = await self._store_one(entry)
            self.reports[entry.name] = f"fail create {entry.name}: {why}" if why else f"success create {entry.name}"
            if why:
                self._failed.add(entry.name)
            done.set()

    async def _store_one(self, entry: Entry) -> str:
        """Return why the entry could not be stored; empty if it was."""
        if self._stopping.is_set():
            return "the server is stopping; send the backup again"
        if entry.parent in self._failed:
            return f'its parent "{entry.parent}" could not be created'
        body = self._dump.job(entry)
        try:
            job, new = await self._writes.upsert(body, self._terms, permit=lambda known, _: self._permit(body, known))
            past = _history(body, job)
            if new and past:
                await self._writes.write_status(job, past)
        except ApiError as refusal:
            return refusal.reason
        except KubeError as error:
            return refusal_of(error).reason
        return ""


def circle_outside(dump: Dump, parents_of: Callable[[str], Iterable[str] | None]) -> None:
    """Check that every parent missing from the file exists in the cluster, and that none of them runs after a job of
    the file that runs after it. Raises `ApiError`, 400. `parents_of` returns the parents of a stored job."""

    def parents(name: str) -> Iterable[str]:
        entry = dump.entries.get(name)
        if entry is None:
            return parents_of(name) or ()
        return (entry.parent,) if entry.parent else ()

    for name in dump.outside():
        if parents_of(name) is None:
            text = f'the parent job "{name}" is neither in the file nor in the cluster'
            raise ApiError(HTTPStatus.BAD_REQUEST, text)
        if circle(name, parents):
            raise ApiError(HTTPStatus.BAD_REQUEST, f'the job "{name}" would run after itself')


def _history(body: JobBody, job: Job) -> dict[str, Any]:
    told = history(body)
    # Without `since`, the operator would take the status for a wiped one. Without the fingerprint, it would take the
    # job for an edited one, and the slots of `@every` would count from that moment, with its fraction of a second.
    return {**told, "since": rfc3339(job.created), "fingerprint": job.spec.fingerprint} if told else {}
