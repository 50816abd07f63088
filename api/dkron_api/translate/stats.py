"""GET /v1/stats: how many executions ended on each of the last days (Dkron behaviour §1.8)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from dkron_api.translate.numbers import whole
from dkron_crds.status import Day

DAYS, MOST_DAYS = 30, 365


def days_wanted(text: str | None) -> int:
    """How many days `?days=` asks for: 30 if that is no positive integer, at most 365."""
    days = whole(text or "", otherwise=DAYS)
    return min(days, MOST_DAYS) if days > 0 else DAYS


def stats(totals: Mapping[date, Day], *, today: date, days: int) -> dict[str, Any]:
    """As many entries as `days`, the oldest first, today (UTC) last, with zeros where nothing ended."""
    dates = (today - timedelta(days=ago) for ago in reversed(range(days)))
    return {"stats": [_entry(day, totals.get(day)) for day in dates]}


def _entry(day: date, counted: Day | None) -> dict[str, Any]:
    success, failed = (0, 0) if counted is None else (counted.success, counted.failed)
    return {"date": f"{day.isoformat()}T00:00:00Z", "success_count": success, "failed_count": failed}
