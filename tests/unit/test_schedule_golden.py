"""What robfig/cron v3.0.1 says to 7,800 questions, and that we say the same; see hack/robfig-golden.

Where robfig/cron misses or invents a slot, or never answers, the table holds the answer of a brute force too.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from dkron_crds.schedule import ScheduleError, TimezoneError, parse

TABLE = Path(__file__).parents[1] / "conformance" / "schedules.jsonl"
KINDS = ("grammar", "refused", "every", "at", "random", "change")

DIFFERENCES = {
    "TZ=Europe//Berlin 0 0 0 * * *": "a zone is named exactly as in the tz database; Go reads it as a path",
}


class Row(NamedTuple):
    kind: str
    text: str
    zone: str
    since: str
    robfig: list[str] | str
    brute: list[str] | None = None

    @property
    def expected(self) -> list[str] | str:
        if self.text in DIFFERENCES or self.robfig == "panics":
            return "refused"
        return self.robfig if self.brute is None else self.brute


def table() -> tuple[dict[str, str], list[Row]]:
    head, *lines = TABLE.read_text("utf-8").splitlines()
    return json.loads(head), [Row(*json.loads(line)) for line in lines]


HEAD, ROWS = table()


def answer(row: Row) -> list[str] | str:
    try:
        slots = list(answered_slots(row))
    except (ScheduleError, TimezoneError):
        return "refused"
    return [slot.isoformat().replace("+00:00", "Z") for slot in slots]


def answered_slots(row: Row) -> Iterator[datetime]:
    schedule = parse(row.text, timezone=row.zone)
    since, mark = datetime.fromisoformat(row.since).astimezone(UTC), None
    for _ in range(1 if row.kind == "at" else 5):
        mark = schedule.next(since, mark)
        if mark is None:
            return
        yield mark


def normalised(expected: list[str] | str) -> list[str] | str:
    """Go writes fractions without trailing zeros, Python with six digits."""
    if isinstance(expected, str):
        return expected
    return [datetime.fromisoformat(slot).isoformat().replace("+00:00", "Z") for slot in expected]


def test_golden_table_is_large_and_uses_the_pinned_zones() -> None:
    assert len(ROWS) >= 5_000
    assert set(KINDS) == {row.kind for row in ROWS}
    assert HEAD["tzdata"] == version("tzdata"), "run `make golden-schedules` after an upgrade of tzdata"


@pytest.mark.parametrize("kind", KINDS)
def test_slots_match_robfig_or_brute_force_where_it_is_wrong(kind: str) -> None:
    wrong = [(row, got) for row in ROWS if row.kind == kind and (got := answer(row)) != normalised(row.expected)]
    assert not wrong, "\n".join(f"{row}\n  got {got}" for row, got in wrong[:10])


def test_robfig_is_overruled_only_around_odd_clock_changes() -> None:
    overruled = [row for row in ROWS if row.brute is not None]
    assert 50 < len(overruled) < 300
    assert {row.zone for row in overruled}.isdisjoint({"UTC", "", "America/New_York", "Europe/Berlin"})
    assert any(row.robfig == "hangs" for row in overruled)
