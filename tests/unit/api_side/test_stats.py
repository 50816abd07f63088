"""GET /v1/stats: one entry for each of the last days (Dkron behaviour §1.8)."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dkron_api.edge.keys import CLUSTERS
from dkron_api.edge.urls import below_prefix
from dkron_api.routes import reports as route
from dkron_api.routes.reports import days_wanted, stats
from dkron_crds.lease import INSTALLATION
from dkron_crds.status import Day
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NAMESPACE, wire_job
from tests.support.fake_archive import AWAY, FakeArchive, archived

ROUTES = (route.ROUTES,)
TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        pytest.param("", 30, id="an empty text"),
        pytest.param("+7", 7, id="a number with its sign"),
        pytest.param("007", 7, id="a number with zeros in front"),
        pytest.param("0", 30, id="zero"),
        pytest.param("7.0", 30, id="a fraction"),
        pytest.param(" 7", 30, id="a number with a space"),
        pytest.param("1_0", 30, id="a number as Python writes it"),
        pytest.param("٣", 30, id="a digit of another script"),
    ],
)
def test_requested_days_are(text: str | None, days: int) -> None:
    assert days_wanted(text) == days


@given(text=st.text() | st.from_regex(r"[+-]?[0-9]+"))
@example(text="9" * 5000)
def test_requested_days_are_between_one_and_a_year(text: str) -> None:
    assert 1 <= days_wanted(text) <= 365


def test_stats_fill_empty_days_and_omit_days_out_of_range() -> None:
    known = [Day(date=TODAY + timedelta(days=ago), success=1, failed=2) for ago in (-3, -1, 1)]
    entries = stats({day.date: day for day in known}, today=TODAY, days=3)["stats"]
    assert [(entry["date"][:10], entry["success_count"], entry["failed_count"]) for entry in entries] == [
        ("2026-02-27", 0, 0),
        ("2026-02-28", 1, 2),
        ("2026-03-01", 0, 0),
    ]


@given(days=st.integers(1, 365), today=st.dates(date(2000, 1, 1)))
@example(days=365, today=date(2024, 2, 29))
def test_stats_have_one_entry_a_day_up_to_today(days: int, today: date) -> None:
    shown = [date.fromisoformat(entry["date"][:10]) for entry in stats({}, today=today, days=days)["stats"]]
    assert len(shown) == days
    assert shown[-1] == today
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(shown))


def ended(day: str, success: int, failed: int) -> dict[str, Any]:
    return {"date": day, "success": success, "failed": failed}


async def test_stats_without_a_dkroncluster_use_only_existing_jobs(api: Api) -> None:
    api.know_jobs({**wire_job(), "status": {"days": [ended("2026-03-01", 2, 1)]}})
    assert (await api.client.get("/v1/stats")).status == 503, "the sums could not be read yet"
    api.know(CLUSTERS)
    entries = (await (await api.client.get("/v1/stats")).json())["stats"]
    assert len(entries) == 30
    assert entries[-1] == {"date": "2026-03-01T00:00:00Z", "success_count": 2, "failed_count": 1}


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        pytest.param("/v1/stats", [1, 0, 2], id="of all namespaces, and of a namespace before that"),
        pytest.param(f"/ns/{NAMESPACE}/v1/stats", [1, 1, 2], id="of a namespace"),
    ],
)
async def test_stats_beyond_a_year_come_from_the_archive(path: str, counts: list[int]) -> None:
    archive = FakeArchive(*(archived(-days * 24 * 60) for days in (500, 300, 0)))
    async with running_api((*route.ROUTES, *below_prefix(route.ROUTES)), archive=archive) as api:
        api.know_jobs({**wire_job(), "status": {"days": [ended("2026-03-01", 2, 1)]}})
        api.know(CLUSTERS, object_of(INSTALLATION))
        answer = await api.client.get(f"{path}?days=4000")
        entries = (await answer.json())["stats"]
        assert len(entries) == 3650
        assert [entries[-1 - days]["success_count"] for days in (500, 300, 0)] == counts
        archive.trouble = AWAY
        assert AWAY in (await api.client.get(f"{path}?days=4000")).headers["Warning"]
        quick = await api.client.get(f"{path}?days=30")
        assert ("Warning" in quick.headers) is path.startswith("/ns/")
