"""The line of a job: which of its runs wait for their turn, and in which order."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from dkron_reports.reading import Object, mapping, objects, whole
from dkron_reports.words import read_time

NEWEST = "newest"
"""The value of `spec.queue.order` with which the run that came last is next."""
BACKFILL = "backfill"
NO_SPEC: Object = {}
"""The spec of a job that is not known: the runs that have waited longest are first."""


class RunKey(NamedTuple):
    """Tells the runs of one job apart."""

    trigger: str
    group: int


class Claim(NamedTuple):
    """An attempt that waits: since when, its slot, the name of its Job, and its run."""

    since: datetime
    slot: datetime
    job: str
    run: RunKey


def places(waiting: Iterable[Claim], *, newest: bool) -> dict[RunKey, int]:
    """Return the place of each run that waits, 1 for the next one. Runs of a backfill run beside others, so that they
    have no place in the line of the job: 0."""
    in_order = sorted(waiting, key=lambda each: each[:3], reverse=newest)
    runs = dict.fromkeys(each.run for each in in_order)
    turns = [run for run in runs if run.trigger != BACKFILL]
    return dict.fromkeys(runs, 0) | {run: place for place, run in enumerate(turns, 1)}


def is_waiting(active: Object) -> bool:
    """Whether an entry of `status.active` waits: with its Job in a queue of Kueue, or in line, without a Job. When its
    turn comes, `startedAt` becomes later than `queuedAt`."""
    since = read_time(active.get("queuedAt"))
    if since is None:
        return False
    return bool(active.get("queue")) or (not active.get("uid") and since == read_time(active.get("startedAt")))


def queues_of(status: Object) -> list[str]:
    """Return the LocalQueues of Kueue in which Jobs of a DkronJob wait."""
    return sorted({str(each["queue"]) for each in objects(status, "active") if each.get("queue")})


def with_queue_places(raw: Object, places: Mapping[str, int]) -> Object:
    """Return a DkronJob whose entries of `status.active` also have their `place` in a queue of Kueue, which no object
    tells. `places` are by the uids of the Jobs."""
    status = mapping(raw, "status")
    active = [
        {**each, "place": place} if each.get("queue") and (place := places.get(str(each.get("uid")))) else each
        for each in objects(status, "active")
    ]
    return {**raw, "status": {**status, "active": active}}


def runs_beside(trigger: str, spec: Object) -> bool:
    """Whether a run waits for no other run of its job, as far as the spec is known: only for places in pools, or in a
    queue of Kueue."""
    return trigger == BACKFILL or (bool(spec) and (spec.get("concurrency") or "allow") == "allow")


def run_of(active: Object) -> RunKey:
    """Return the run of an entry of `status.active`."""
    return RunKey(str(active.get("trigger") or ""), whole(active.get("group")))


def line_of(status: Object, spec: Object) -> dict[RunKey, int]:
    """Return the places of the runs that wait in line by the status of a DkronJob."""
    waiting = [each for each in objects(status, "active") if is_waiting(each) and not each.get("queue")]
    if not waiting:
        return {}
    claims = (
        Claim(since, read_time(each.get("slot")) or since, str(each.get("job")), run_of(each))
        for each in waiting
        if (since := read_time(each.get("queuedAt"))) is not None
    )
    return places(claims, newest=mapping(spec, "queue").get("order") == NEWEST)
