"""Stretches of constant offset say the same as `zoneinfo`, in every zone and every year."""

import random
from datetime import datetime
from importlib import resources

import pytest

from dkron_crds.schedule.instants import EARLIEST, LATEST, moment
from dkron_crds.schedule.zones import Zone, load_zone
from tests.conformance.schedules_brute import pinned_zone

NAMES = sorted(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def offset(zone: str, second: int) -> int:
    shown = moment(second).astimezone(pinned_zone(zone)).utcoffset()
    assert shown is not None
    return round(shown.total_seconds())


@pytest.mark.parametrize("years", [(1850, 1972), (1972, 2037), (2037, 2400)], ids=str)
def test_zone_stretch_has_the_offset_of_zoneinfo_throughout(years: tuple[int, int]) -> None:
    draw = random.Random(2026)  # noqa: S311 - reproducible, not secret
    low, high = (int(datetime.fromisoformat(f"{year}-01-01T00:00Z").timestamp()) for year in years)
    for name in NAMES:
        zone = load_zone(name)
        for _ in range(10):
            second = draw.randrange(low, high)
            start, end, shift = zone.stretch(second)
            assert start <= second < end
            for at in (max(start, low), second, min(end, high) - 1):
                assert offset(name, at) == shift, (name, moment(at))


@pytest.mark.parametrize(
    "name", ["Pacific/Apia", "Antarctica/Troll", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
def test_stretches_lie_side_by_side_through_time(name: str) -> None:
    zone = load_zone(name)
    at = EARLIEST
    end_of_walk = int(datetime.fromisoformat("2100-01-01T00:00Z").timestamp())
    while at < end_of_walk:
        start, end, _ = zone.stretch(at)
        assert start <= at < end
        assert at in {start, EARLIEST}
        at = end
    assert zone.stretch(LATEST - 1).end >= LATEST


def test_a_zone_is_one_object() -> None:
    assert load_zone("Europe/Berlin") is load_zone("Europe/Berlin")
    assert load_zone("") is load_zone("Local") is load_zone("UTC")
    assert repr(load_zone("Europe/Berlin")) == "Zone('Europe/Berlin')"
    assert isinstance(load_zone(""), Zone)
