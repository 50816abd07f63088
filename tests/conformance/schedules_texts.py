"""Texts that look like schedules, legal and not."""

import json
from pathlib import Path

from hypothesis import strategies as st

from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from tests.conformance.schedules_brute import BOUNDS

ZONES = (
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Tehran",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Asia/Pyongyang",
    "Africa/Casablanca",
    "Europe/Volgograd",
    "Europe/Dublin",
    "Africa/Monrovia",
    "America/St_Johns",
)


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> str:
    """One legal item of a list; a range whose ends cross is put in order."""
    first, last = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
    step = draw(st.integers(1, high + 5))
    forms = (f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"{first}/{step}", f"*/{step}", "*", "?")
    return draw(st.sampled_from(forms))


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.lists(items(low, high), min_size=1, max_size=3).map(",".join))


crons = st.tuples(*(_field(low, high) for low, high in BOUNDS)).map(" ".join)
"""Legal six-field texts."""

alphabet = st.sampled_from(
    [*"0123456789*?/-,+~ @<.:", "TZ=", "CRON_TZ=", "UTC", "Europe/Berlin", "jan", "SUN", "\t", "\x00"]
)
words = st.sampled_from(
    [
        *(
            "@every",
            "@at",
            "@after",
            "@daily",
            "@manually",
            "@minutely",
            "@yearly",
            "@",
            "TZ=",
            "TZ=UTC",
            "CRON_TZ=",
            "*",
        ),
        *("0", "~", "~/5", "1h", "1.5h", "99999999999999999999h", "P1D", "<PT2H", "<P99999999999999999999Y", "<P", "?"),
        *("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z"),
        *("1,1,1", "*/0", "5-1", "٣", "²", "9" * 400, "-", "../../etc/passwd", "\ud800"),
    ]
)

shaped = st.one_of(
    st.lists(alphabet, max_size=40).map("".join),
    st.lists(words, max_size=8).map(" ".join),
    st.lists(st.one_of(words, st.lists(alphabet, max_size=6).map("".join)), min_size=6, max_size=7).map(" ".join),
)
"""Texts made of the grammar's own pieces, mostly illegal."""

ODD = (
    "~ ~ ~ ~ ~ ~",
    "0 0 ~/5 * * *",
    "TZ=Asia/Tokyo ~ 0 9 * * *",
    " 0  0\t0 * * * ",
    "CRON_TZ= 0 0 0 * * *",
    "TZ=UTC  @daily ",
    ", * * * * *",
    "+1 ?-x 5/20 * JAN-mar 0,fri",
    "@every 1.5h",
    "@every -1h",
    "@every 0",
    "@every 1\u00b5s",
    "@after  2026-01-01T0:00:00,5+01:00\u2003<PT2H ",
    "@at 2026-12-24T18:00:00+01:00",
)
"""Legal texts that look wrong."""


def golden_texts() -> set[str]:
    """Return the texts that were given to robfig/cron."""
    golden = Path(__file__).with_name("schedules.jsonl").read_text(encoding="utf-8")
    return {row[1] for row in map(json.loads, golden.splitlines()) if isinstance(row, list)}


def is_schedule(text: str) -> bool:
    """Whether it is a schedule here."""
    try:
        parse(text, name="x")
    except (ScheduleError, TimezoneError):
        return False
    return True
