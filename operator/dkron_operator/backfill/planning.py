"""Decides once which slots a backfill runs, from the DkronJobs as the API server has them now."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

from dkron_crds.backfill import MAX_TARGETS, BackfillRuns, BackfillSpec, BackfillTarget
from dkron_crds.job import JobStatus
from dkron_crds.names import object_name
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Rejected
from dkron_kube.paths import DKRON_JOBS
from dkron_operator.backfill.slots import Range, failed_slots, job_slots
from dkron_operator.cache.views import view_of
from dkron_operator.plan.situation.read import read_status
from dkron_operator.plan.situation.view import JobView

Object = dict[str, Any]
BATCH = 100
"""Slots that are computed before other work of the process has its turn."""


class Job(NamedTuple):
    """A DkronJob with its status."""

    view: JobView
    status: JobStatus


class Refused(Exception):
    """The backfill cannot run. `str()` is one sentence for the user."""


class NoJob(Refused):
    """The job does not exist, at least not yet."""


async def plan(client: KubeClient, namespace: str, spec: BackfillSpec, now: datetime) -> tuple[BackfillTarget, ...]:
    """The jobs of a backfill with their slots, ordered by name. Slots after `now` are still to come.

    Computes no slot of a job before it is known that there are not too many. Raises `Refused`, or what the API server
    answers.
    """
    within, found, room = Range(spec.from_, min(spec.to, now)), [], spec.max_runs
    if spec.job is not None:
        job = await _one(client, namespace, spec.job)
        if job.view.spec.parents:
            raise Refused(f'the job "{spec.job}" runs after other jobs and has no slots; backfill those jobs')
        if job.view.schedule is None:
            problem = job.view.problem
            why = "has no schedule" if problem is None else f"is not ready: {problem.message}"
            raise Refused(f'the job "{spec.job}" {why}')
        slots = await _slots(job, spec, within, room)
        return (_target(job, slots),) if slots else ()
    async for job in _selected(client, namespace, spec.selector or {}):
        slots = await _slots(job, spec, within, room)
        if slots:
            room -= len(slots)
            found.append(_target(job, slots))
        if len(found) > MAX_TARGETS:
            raise Refused(f"more than {MAX_TARGETS} jobs have slots to run; use a selector that matches fewer jobs")
    return tuple(sorted(found, key=lambda target: target.job))


async def _slots(job: Job, spec: BackfillSpec, within: Range, room: int) -> tuple[datetime, ...]:
    if within.end <= within.start or job.view.spec.parents:
        return ()
    if spec.runs is BackfillRuns.FAILED:
        failed = failed_slots(job.status, within)
        _admit(len(failed), room, spec)
        return failed
    if job.view.schedule is None:
        return ()
    slots = job_slots(job.view.schedule, job.view.spec, job.status.since or job.view.created, within)
    _admit(slots.count(), room, spec)
    found: list[datetime] = []
    for slot in slots.newest_first():
        found.append(slot)
        if len(found) % BATCH == 0:
            await asyncio.sleep(0)
    return tuple(reversed(found))


def _admit(count: int, room: int, spec: BackfillSpec) -> None:
    if count > room:
        total = spec.max_runs - room + count
        many = f"at least {total}" if spec.job is None else str(total)
        raise Refused(
            f"the backfill has {many} slots, more than spec.maxRuns ({spec.max_runs}); take a shorter range, or create "
            "one with a higher maxRuns"
        )


def _target(job: Job, slots: tuple[datetime, ...]) -> BackfillTarget:
    return BackfillTarget(job=job.view.name, uid=job.view.uid, slots=slots)


async def _one(client: KubeClient, namespace: str, name: str) -> Job:
    """The job of this Dkron name."""
    try:
        found = _read(await client.get(DKRON_JOBS, namespace, object_name(name)))
    except NotFound:
        found = None
    if found is not None and found.view.dkron_name == name:
        return found
    # An object that was made by hand may have any name beside its Dkron name.
    async for body in client.list(DKRON_JOBS, namespace, field_selector=f"spec.name={name}"):
        return _read(body)
    raise NoJob(f'there is no job "{name}" in the namespace')


async def _selected(client: KubeClient, namespace: str, selector: dict[str, str]) -> AsyncIterator[Job]:
    """The jobs that have these labels, one after another: all of them at once may be long."""
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or None
    try:
        async for body in client.list(DKRON_JOBS, namespace, label_selector=labels):
            yield _read(body)
            await asyncio.sleep(0)
    except Rejected as exc:
        raise Refused(f"spec.selector is not accepted: {exc}") from exc


def _read(body: Object) -> Job:
    return Job(view_of(body), read_status(body) or JobStatus())
