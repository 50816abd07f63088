"""The line of a job: which of its runs wait for their turn, and in which order."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from dkron_reports.reading import Object, mapping, objects, whole
from dkron_reports.words import read_time

NEWEST = "newest"
"""The value of `spec.queue.order` with which the run that came last is next."""
NO_SPEC: Object = {}
"""The spec of a job that is not known: the runs that have waited longest are first."""


class RunKey(NamedTuple):
    """Tells the runs of one job apart."""

    trigger: str
    group: int


def places(waiting: Iterable[tuple[datetime, RunKey]], *, newest: bool) -> dict[RunKey, int]:
    """Return the place of each run, 1 for the next one. `waiting` says since when each waits; a run of several members
    is there as often."""
    since = sorted({run: at for at, run in waiting}.items(), key=lambda each: (each[1], each[0].group), reverse=newest)
    return {run: place for place, (run, _) in enumerate(since, 1)}


def is_waiting(active: Object) -> bool:
    """Whether an entry of `status.active` waits in line: it has no Job yet, and the time since when it waits."""
    return not active.get("uid") and read_time(active.get("queuedAt")) is not None


def run_of(active: Object) -> RunKey:
    """Return the run of an entry of `status.active`."""
    return RunKey(str(active.get("trigger") or ""), whole(active.get("group")))


def line_of(status: Object, spec: Object) -> dict[RunKey, int]:
    """Return the places of the runs that wait in line by the status of a DkronJob."""
    active = objects(status, "active")
    # Of a run whose turn has come, further members may yet be claims.
    begun = {run_of(each) for each in active if each.get("uid")}
    waiting = ((read_time(each.get("queuedAt")), run_of(each)) for each in active if is_waiting(each))
    found = [(at, run) for at, run in waiting if at is not None and run not in begun]
    return places(found, newest=mapping(spec, "queue").get("order") == NEWEST) if found else {}
