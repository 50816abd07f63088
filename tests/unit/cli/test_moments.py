"""Times as people say them, in Madrid: on 2026-03-29 the clocks skip 02:00 to 03:00, on 2026-10-25 they show it
twice."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dkron_cli.core.moments import read_past, read_period, read_range
from dkron_cli.edge.local_zone import LocalZone
from dkron_crds.schedule.instants import rfc3339

MADRID = ZoneInfo("Europe/Madrid")
SUNDAY = "2026-03-01T12:00:00Z"
"""13:00 in Madrid."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text, when it is said, and what it means; or the sentence that refuses it."""

    says: str
    now: str = SUNDAY
    begin: str = ""
    end: str = ""
    refused: str = ""


MINUTES = {
    "today's time": Case(says="05:41", begin="2026-03-01T04:41:00Z", end="2026-03-01T04:42:00Z"),
    "to come, so yesterday's": Case(says="13:01", begin="2026-02-28T12:01:00Z", end="2026-02-28T12:02:00Z"),
    "the minute that runs": Case(says="13:00", begin="2026-03-01T12:00:00Z", end="2026-03-01T12:01:00Z"),
    "one digit": Case(says="5:41", begin="2026-03-01T04:41:00Z", end="2026-03-01T04:42:00Z"),
    "a second": Case(says="05:41:07", begin="2026-03-01T04:41:07Z", end="2026-03-01T04:41:08Z"),
    "yesterday": Case(says="yesterday 02:30", begin="2026-02-28T01:30:00Z", end="2026-02-28T01:31:00Z"),
    "a weekday": Case(says="Last Tuesday 23:59", begin="2026-02-24T22:59:00Z", end="2026-02-24T23:00:00Z"),
    "a date": Case(says="2026-01-31 00:00", begin="2026-01-30T23:00:00Z", end="2026-01-30T23:01:00Z"),
    "a date with a T": Case(says="2026-01-31T00:00:05", begin="2026-01-30T23:00:05Z", end="2026-01-30T23:00:06Z"),
    "spaces": Case(says="  yesterday   02:30 ", begin="2026-02-28T01:30:00Z", end="2026-02-28T01:31:00Z"),
}
DAYS = {
    "today": Case(says="today", begin="2026-02-28T23:00:00Z", end="2026-03-01T23:00:00Z"),
    "yesterday": Case(says="yesterday", begin="2026-02-27T23:00:00Z", end="2026-02-28T23:00:00Z"),
    "a weekday": Case(says="last tuesday", begin="2026-02-23T23:00:00Z", end="2026-02-24T23:00:00Z"),
    "a short name": Case(says="tue", begin="2026-02-23T23:00:00Z", end="2026-02-24T23:00:00Z"),
    "today's weekday": Case(says="sunday", begin="2026-02-28T23:00:00Z", end="2026-03-01T23:00:00Z"),
    "today's last one": Case(says="last sunday", begin="2026-02-21T23:00:00Z", end="2026-02-22T23:00:00Z"),
    "a date": Case(says="2026-01-31", begin="2026-01-30T23:00:00Z", end="2026-01-31T23:00:00Z"),
    "23 hours": Case(says="2026-03-29", begin="2026-03-28T23:00:00Z", end="2026-03-29T22:00:00Z"),
    "25 hours": Case(says="2026-10-25", begin="2026-10-24T22:00:00Z", end="2026-10-25T23:00:00Z"),
}
INSTANTS = {
    "now": Case(says="now", begin=SUNDAY, end="2026-03-01T12:00:01Z"),
    "ago": Case(says="2h", begin="2026-03-01T10:00:00Z", end="2026-03-01T10:00:01Z"),
    "RFC 3339": Case(says="2026-03-01T05:41:00+01:00", begin="2026-03-01T04:41:00Z", end="2026-03-01T04:41:01Z"),
    "with a space": Case(says="2026-03-01 04:41:00Z", begin="2026-03-01T04:41:00Z", end="2026-03-01T04:41:01Z"),
}
CLOCK_CHANGES = {
    "skipped, with a day": Case(says="2026-03-29 02:30", refused='"2026-03-29 02:30" did not exist'),
    "skipped, without a day": Case(
        says="02:30", now="2026-03-29T12:00:00Z", begin="2026-03-28T01:30:00Z", end="2026-03-28T01:31:00Z"
    ),
    "skipped, and to come": Case(
        says="02:30", now="2026-03-29T23:00:00Z", begin="2026-03-28T01:30:00Z", end="2026-03-28T01:31:00Z"
    ),
    "right after the gap": Case(says="2026-03-29 03:00", begin="2026-03-29T01:00:00Z", end="2026-03-29T01:01:00Z"),
    "shown twice": Case(says="2026-10-25 02:30", begin="2026-10-25T00:30:00Z", end="2026-10-25T00:31:00Z"),
    "shown twice, without a day": Case(
        says="02:30", now="2026-10-25T12:00:00Z", begin="2026-10-25T00:30:00Z", end="2026-10-25T00:31:00Z"
    ),
}
REFUSED = {
    "nothing": Case(says="", refused='"" is not a time; use 05:41, yesterday 02:30, last tuesday'),
    "a word": Case(says="soon", refused='"soon" is not a time'),
    "no such hour": Case(says="24:00", refused="is not a time"),
    "no such day": Case(says="2026-02-30", refused="is not a time"),
    "the last day of the calendar": Case(says="9999-12-31", refused="is not a time"),
    "two letters": Case(says="last tu", refused="is not a time"),
    "digits of another script": Case(says="\u0660\u0665:\u0664\u0661", refused="is not a time"),
}
ALL = {f"{group}: {name}": case for group, cases in (
    ("a minute", MINUTES), ("a day", DAYS), ("a moment", INSTANTS), ("a change", CLOCK_CHANGES), ("refused", REFUSED),
) for name, case in cases.items()}  # fmt: skip


@pytest.fixture(params=[MADRID, LocalZone()], ids=["a zone", "the machine's zone"])
def zone(request: pytest.FixtureRequest) -> Iterator[tzinfo]:
    """Madrid, by its name or as the zone of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", MADRID.key)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_a_time_as_people_say_it(case: Case, zone: tzinfo) -> None:
    now = datetime.fromisoformat(case.now)
    if case.refused:
        with pytest.raises(ValueError, match="--at: ") as refused:
            read_period("--at", case.says, now, zone)
        assert case.refused in str(refused.value)
        return
    found = read_period("--at", case.says, now, zone)
    assert (rfc3339(found.begin), rfc3339(found.end)) == (case.begin, case.end)


@dataclass(frozen=True, kw_only=True)
class RangeCase:
    """A start and an end, and the range that they mean; or the sentence that refuses them."""

    start: str = ""
    end: str = ""
    means: tuple[str, str] = ("", "")
    refused: str = ""


RANGES = {
    "all": RangeCase(),
    "a start": RangeCase(start="yesterday", means=("2026-02-27T23:00:00Z", "")),
    "a day as the end is included": RangeCase(
        start="yesterday", end="yesterday", means=("2026-02-27T23:00:00Z", "2026-02-28T23:00:00Z")
    ),
    "a time as the end is excluded": RangeCase(
        start="05:00", end="05:41", means=("2026-03-01T04:00:00Z", "2026-03-01T04:41:00Z")
    ),
    "backwards": RangeCase(start="1h", end="2h", refused="--from must be before --to"),
    "to come": RangeCase(start="2026-03-02", refused="--from is in the future"),
    "no time": RangeCase(end="soon", refused='--to: "soon" is not a time'),
}


@pytest.mark.parametrize("case", RANGES.values(), ids=RANGES)
def test_a_range_of_two_times(case: RangeCase) -> None:
    now = datetime.fromisoformat(SUNDAY)
    if case.refused:
        with pytest.raises(ValueError, match=case.refused):
            read_range(case.start, case.end, now, MADRID)
        return
    found = read_range(case.start, case.end, now, MADRID)
    assert tuple("" if at is None else rfc3339(at) for at in (found.begin, found.end)) == case.means


def test_a_time_to_come_is_no_past() -> None:
    now = datetime.fromisoformat(SUNDAY)
    assert read_past("--at", "today", now, MADRID).begin < now
    with pytest.raises(ValueError, match="is in the future"):
        read_past("--at", "today 13:01", now, MADRID)


def test_page_lists_times_and_what_they_mean() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.partition("## Times as you say them")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| (\S+) to (\S+) \|$", section, re.MULTILINE)
    assert len(rows) > 5
    for text, begin, end in rows:
        found = read_period("--at", text, datetime.fromisoformat(SUNDAY), MADRID)
        assert (rfc3339(found.begin), rfc3339(found.end)) == (begin, end), text
