"""Storing a backup: parents before children, several at a time, each job reported.

Jobs that existed are replaced as by any client; new ones keep their history, so that a backup restores what it shows.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from dkron_api.jobs.writer import JobWriter, Terms
from dkron_api.refusal import ApiError, refusal_of
from dkron_api.translate.body import JobBody
from dkron_api.translate.history import history
from dkron_api.translate.record import Job
from dkron_api.translate.restoring import Dump, Entry
from dkron_crds.base import rfc3339
from dkron_crds.depends import circle
from dkron_kube.errors import KubeError

WIDTH = 16
"""Jobs stored at once."""


async def restore(
    dump: Dump, entries: Sequence[Entry], writes: JobWriter, terms: Terms, *, stopping: asyncio.Event
) -> list[str]:
    """Store the entries, which are in the order of `order`; one line of report for each, in that order. Those whose
    turn has not come when `stopping` is set are not stored, and reported as such."""
    work = Restore(dump, writes, terms, stopping)
    pending = iter(entries)
    async with asyncio.TaskGroup() as group:
        for _ in range(WIDTH):
            group.create_task(work.store(pending))
    return [work.reports[entry.name] for entry in entries]


class Restore:
    """One backup on its way in."""

    def __init__(self, dump: Dump, writes: JobWriter, terms: Terms, stopping: asyncio.Event) -> None:
        self.reports: dict[str, str] = {}
        self._dump = dump
        self._writes = writes
        self._terms = terms
        self._stopping = stopping
        self._stored: dict[str, asyncio.Event] = {}
        self._failed: set[str] = set()

    async def store(self, entries: Iterator[Entry]) -> None:
        """Take one entry after another, until there is none left."""
        for entry in entries:
            done = self._stored[entry.name] = asyncio.Event()
            parent = self._stored.get(entry.parent)
            if parent is not None:
                # It was taken before its children, so somebody is at it.
                await parent.wait()
            why = await self._store_one(entry)
            self.reports[entry.name] = f"fail create {entry.name}: {why}" if why else f"success create {entry.name}"
            if why:
                self._failed.add(entry.name)
            done.set()

    async def _store_one(self, entry: Entry) -> str:
        """Why it could not be stored; empty if it was."""
        if self._stopping.is_set():
            return "the server is stopping; send the backup again"
        if entry.parent in self._failed:
            return f'its parent "{entry.parent}" could not be created'
        body = self._dump.job(entry)
        try:
            job, new = await self._writes.upsert(body, self._terms)
            past = _history(body, job)
            if new and past:
                await self._writes.write_status(job, past)
        except ApiError as refusal:
            return refusal.reason
        except KubeError as error:
            return refusal_of(error).reason
        return ""


def circle_outside(dump: Dump, parents_of: Callable[[str], Iterable[str] | None]) -> None:
    """Whether every parent that the file does not hold exists, and none of them runs after a job of the file that runs
    after it. Raises `ApiError`, 400. `parents_of` tells of the stored jobs."""

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
    """What the status of a new job takes over from the backup; empty if it never ran."""
    told = history(body)
    # Without the first a status looks to the operator as if somebody had wiped it, without the second as if the job had
    # been edited: slots of `@every` would count from that moment, with its fraction of a second.
    return {**told, "since": rfc3339(job.created), "fingerprint": job.spec.fingerprint} if told else {}
