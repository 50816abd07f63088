"""GET /v1/stats: number of executions that ended on each of the last days (Dkron behaviour §1.8)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from dkron_api.translate.numbers import whole
from dkron_crds.status import Day

DAYS, MOST_DAYS = 30, 365


def days_wanted(text: str | None) -> int:
    """Return the number of days for `?days=`: 30 if it is not a positive integer, at most 365."""
    days = whole(text or "", otherwise=DAYS)
    return min(days, MOST_DAYS) if days > 0 else DAYS


def stats(totals: Mapping[date, Day], *, today: date, days: int) -> dict[str, Any]:
    """Return as many entries as `days`, oldest first, today (UTC) last, with zeros for days without executions."""
    dates = (today - timedelta(days=ago) for ago in reversed(range(days)))
    return {"stats": [_entry(day, totals.get(day)) for day in dates]}


def _entry(day: date, counted: Day | None) -> dict[str, Any]:
    success, failed = (0, 0) if counted is None else (counted.success, counted.failed)
    return {"date": f"{day.isoformat()}T00:00:00Z", "success_count": success, "failed_count": failed}
