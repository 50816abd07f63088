"""The line of a job: which of its runs wait for their turn, and in which order."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from dkron_crds.attempt_state import WAITS, AttemptState, leaves_line
from dkron_crds.lacked_pool import lacked_pool
from dkron_reports.reading import Object, items, mapping, objects, whole
from dkron_reports.words import one_line, read_time

NEWEST = "newest"
"""The value of `spec.queue.order` with which the run that came last is next."""
BACKFILL = "backfill"
PLACES = "poolPlaces"
"""The field of entries of `status.active` that has their places in the lines of pools: see `dkron_reports.pools`."""
NO_POOL = "PoolNotFound"
"""The reason of `Ready` with which runs wait for a pool that does not exist, or has no effect."""
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
    """Whether an entry of `status.active` waits: in line, or with its Job in a queue of Kueue."""
    return active.get("state") in WAITS


def is_in_line(active: Object) -> bool:
    """Whether an entry of `status.active` waits in line, without a Job."""
    return active.get("state") == AttemptState.WAITING


def is_leaving(active: Object) -> bool:
    """Whether an entry of `status.active` has left the line, and its Job is still to be created: a ResourceQuota may
    refuse it."""
    return leaves_line(active.get("state"), queued=bool(active.get("queuedAt")), attempt=whole(active.get("attempt")))


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
    return trigger == BACKFILL or (bool(spec) and _allows(spec))


def run_of(active: Object) -> RunKey:
    """Return the run of an entry of `status.active`."""
    return RunKey(str(active.get("trigger") or ""), whole(active.get("group")))


def line_of(status: Object, spec: Object) -> dict[RunKey, int]:
    """Return the places of the runs that wait in line by the status of a DkronJob."""
    waiting = [each for each in objects(status, "active") if is_in_line(each)]
    if not waiting:
        return {}
    claims = (
        Claim(since, read_time(each.get("slot")) or since, str(each.get("job")), run_of(each))
        for each in waiting
        if (since := read_time(each.get("queuedAt"))) is not None
    )
    return places(claims, newest=mapping(spec, "queue").get("order") == NEWEST)


def shown_line_of(status: Object, spec: Object) -> dict[RunKey, int]:
    """Return the places that are shown: as `line_of` has them, or 0 for all while they tell nothing. Runs that wait
    only for places in pools get them in the order of these, which is not known before the status of a pool shows it."""
    line = line_of(status, spec)
    if not line or not items(spec, "pools"):
        return line
    return dict.fromkeys(line, 0) if missing_pool(status) or _waits_only_for_pools(status, spec) else line


def missing_pool(status: Object) -> str:
    """Return that runs wait for a pool that is missing, and what is wrong with it, as a part of a sentence; empty if
    none is missing."""
    for each in objects(status, "conditions"):
        if (each.get("type"), each.get("status"), each.get("reason")) == ("Ready", "False", NO_POOL):
            message = one_line(str(each.get("message") or ""))
            return missing_pool_in(message) or message or NO_POOL
    return ""


def missing_pool_in(problem: str) -> str:
    """Return the same for a job that only a REST API shows: `problem` is why it does not run by itself, in which an
    operator of another version may say it in other words."""
    pool = lacked_pool(problem)
    return f"for {pool}" if pool else ""


def _waits_only_for_pools(status: Object, spec: Object) -> bool:
    """Whether the first run in line waits for no run of its job, and none is known to be in the line of a pool."""
    active = objects(status, "active")
    if any(each.get(PLACES) for each in active):
        return False
    return _allows(spec) or all(map(is_in_line, active))


def _allows(spec: Object) -> bool:
    return (spec.get("concurrency") or "allow") == "allow"
