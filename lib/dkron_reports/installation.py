"""The installation in an overview: who leads, whether it is paused, and its executions by day."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from dkron_crds.lease import LEASE_SECONDS
from dkron_crds.status import Day
from dkron_crds.totals import daily_totals
from dkron_reports.reading import Object, mapping, objects, whole
from dkron_reports.words import read_time

DAYS = 30
CLOCKS = 15
"""For so many seconds a renewal counts at least: the clocks of two machines differ, and an API server may be slow."""


def holder_of(lease: Object | None, now: datetime) -> str:
    """Return the holder of the Lease; empty if there is none, or if it has not renewed the Lease for too long."""
    spec = mapping(lease or {}, "spec")
    renewed, seconds = read_time(spec.get("renewTime")), whole(spec.get("leaseDurationSeconds")) or LEASE_SECONDS
    # Subtract the times instead of adding a duration: the renewal time may be at either end of the calendar.
    is_fresh = renewed is not None and now - renewed <= timedelta(seconds=max(seconds, CLOCKS))
    return str(spec.get("holderIdentity") or "") if is_fresh else ""


def installation(
    cluster: Object | None, *, living: Iterable[Day], leader: str, today: date, sums: bool = True
) -> dict[str, Any]:
    """Return the part of an overview that is about the installation. `living` is what the jobs still show; without
    `sums` nothing else counts, as for one namespace of several."""
    status = mapping(cluster or {}, "status")
    stored, departed = (days_in(status, key) if sums else () for key in ("days", "departed"))
    totals = daily_totals(stored, departed, [living])
    dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return {
        "days": [_day(day, totals.get(day)) for day in dates],
        "leader": leader,
        "paused": mapping(cluster or {}, "spec").get("paused") is True,
    }


def days_in(status: Object, key: str) -> tuple[Day, ...]:
    """Return the days of a status that can be read."""
    found = []
    for each in objects(status, key):
        try:
            found.append(Day.from_wire(dict(each)))
        except ValidationError:
            continue
    return tuple(found)


def _day(day: date, counted: Day | None) -> dict[str, Any]:
    success, failed = (0, 0) if counted is None else (counted.success, counted.failed)
    return {"date": day.isoformat(), "success_count": success, "failed_count": failed}
