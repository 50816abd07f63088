"""The places of runs in the lines of pools, as the operator publishes them in the statuses of DkronPools: reports look
them up, and compute no order of their own. A status names the first ten runs in line, and counts all of them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from dkron_reports.line import PLACES, RunKey, is_in_line, missing_pool, run_of
from dkron_reports.reading import Object, items, mapping, number, objects


class PoolPlace(NamedTuple):
    """That a run waits for a place in a pool."""

    pool: str
    place: int
    """Where it is in the line of the pool, 1 for the next one; 0 if it is not among the first ten."""
    waiting: int
    """How many runs are in that line."""

    def __str__(self) -> str:
        """Return the place in words."""
        place = _ordinal(self.place) if self.place else "not among the first ten"
        return f"{place} of {self.waiting} for pool {self.pool}"

    def as_json(self) -> dict[str, Any]:
        """Return the place for programs."""
        return {"name": self.pool} | ({"place": self.place} if self.place else {}) | {"waiting": self.waiting}


def in_words(place: int, pools: Iterable[PoolPlace]) -> str:
    """Return the place of a run in the line of its job, 0 for none, and in the lines of pools. A run that is in the
    line of a pool waits for no other run of its job, so its place there is enough."""
    known = tuple(pools)
    own = [f"place {place} in line"] if place and not any(each.place for each in known) else []
    return ", ".join([*own, *map(str, known)])


def waits_for_pools(job: Object) -> bool:
    """Whether a run of a DkronJob may wait for a place in a pool."""
    return bool(items(mapping(job, "spec"), "pools")) and bool(_in_line(job))


def with_places(job: Object, pools: Iterable[Object]) -> dict[str, Any]:
    """Return a DkronJob whose runs in line have their places in the lines of its pools. `pools` are DkronPools of its
    namespace and of the operator's."""
    known, runs = list(pools), _in_line(job)
    namespace, status = str(mapping(job, "metadata").get("namespace") or ""), mapping(job, "status")
    found: dict[RunKey, list[PoolPlace]] = defaultdict(list)
    # While one of its pools is missing, a job is in the line of none.
    for name in () if missing_pool(status) else sorted(map(str, items(mapping(job, "spec"), "pools"))):
        pool = mapping(_meant(known, namespace, name), "status")
        line, waiting = objects(pool, "line"), number(pool, "waiting")
        # The members of a run have one place.
        places = {
            runs.get(str(each.get("id"))): place
            for place, each in enumerate(line, 1)
            if each.get("namespace") == namespace
        }
        for run in dict.fromkeys(runs.values()):
            # A status that names all runs in the line leaves out those that wait for another run of their job.
            if run in places or waiting > len(line):
                found[run].append(PoolPlace(name, places.get(run, 0), waiting))
    by_id = {execution: tuple(found[run]) for execution, run in runs.items()}
    active = [{**each, PLACES: by_id.get(str(each.get("id")), ())} for each in objects(status, "active")]
    return {**job, "status": {**status, "active": active}}


def places_of(active: Object) -> tuple[PoolPlace, ...]:
    """Return the places that `with_places` has added to an entry of `status.active`."""
    found: tuple[PoolPlace, ...] = active.get(PLACES) or ()
    return found


def _in_line(job: Object) -> dict[str, RunKey]:
    """Return the runs that wait in line by the ids of their executions."""
    active = objects(mapping(job, "status"), "active")
    return {str(each.get("id")): run_of(each) for each in active if is_in_line(each)}


def _meant(pools: Iterable[Object], namespace: str, name: str) -> Object:
    """Return the pool that a job of this namespace means by the name; empty if there is none."""
    shared: Object = {}
    for each in pools:
        metadata = mapping(each, "metadata")
        if metadata.get("name") != name:
            continue
        if metadata.get("namespace") == namespace:
            return each
        if namespace in items(mapping(each, "spec"), "namespaces"):
            shared = each
    return shared


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
