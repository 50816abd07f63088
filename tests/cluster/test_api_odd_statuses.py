"""Objects that the API server takes and no program of ours writes: one odd job hides no other."""

from typing import Any

import pytest

from dkron_crds.base import INT64_MAX
from tests.support.api_sites import ApiSite
from tests.support.jobs import dkron_job
from tests.support.rest_jobs import save, shown
from tests.support.sse import Listener
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


def attempt(name: str, at: str) -> dict[str, Any]:
    return {
        "id": f"1-{name}",
        "job": name,
        "slot": at,
        "trigger": "schedule",
        "group": 1,
        "attempt": 1,
        "startedAt": at,
    }


def ended(name: str, at: str) -> dict[str, Any]:
    return {**attempt(name, at), "finishedAt": at, "success": True}


DAYS = [{"date": day, "success": INT64_MAX, "failed": INT64_MAX} for day in ("0001-01-01", "2026-01-01", "9999-12-31")]
ODD: dict[str, dict[str, Any]] = {
    "odd-first": {"executions": [ended("a", FIRST)], "active": [{**attempt("b", FIRST), "uid": "u"}]},
    "odd-last": {"executions": [ended("a", LAST)], "active": [{**attempt("b", LAST), "uid": "u"}]},
    "odd-since": {"since": FIRST, "lastScheduleTime": LAST, "next": LAST},
    "odd-counts": {"successCount": INT64_MAX, "errorCount": INT64_MAX, "days": DAYS, "counted": ["x"] * 4096},
    "odd-days": {"days": DAYS, "lastSuccess": FIRST, "lastError": LAST},
}
ZONES = {"odd-first": "America/New_York", "odd-last": "Asia/Tokyo", "odd-since": "Pacific/Kiritimati"}
PATHS = (
    *("/v1/jobs", "/v1/jobs?q=o&_sort=last_success", "/v1/jobs?_sort=next&_order=desc", "/v1/stats?days=365"),
    *(
        "/v1/summary",
        "/v1/agenda?within=9d",
        "/v1/failing?since=9999d",
        "/v1/busy",
        "/v1",
        "/metrics",
        "/debug/vars",
        "/health",
    ),
)


def test_one_odd_job_does_not_hide_the_others(own_api: ApiSite) -> None:
    save(own_api, "canary")
    with Listener(own_api.rest).wait_begun() as listener:
        for name, status in ODD.items():
            own_api.store(dkron_job(name, timezone=ZONES.get(name, "UTC"), schedule="@every 1h"))
            own_api.write_status(name, **status)
        for path in (
            *PATHS,
            *(f"/v1/jobs/{name}{way}" for name in ODD for way in ("", "/executions", "/next", "/explain", "/details")),
        ):
            answer = own_api.rest.get(path)
            assert answer.status == 200, f"{path}\n{answer}"
        for name in ODD:
            assert own_api.rest.get(f"/v1/jobs/{name}/executions/1-b").status in {200, 404}
        save(own_api, "canary", owner="later")
        wait_for(
            "the canary to be told of",
            lambda: list(listener.events),
            lambda events: any(str(told) == "job updated canary" for told in events),
            seconds=10,
            guard=own_api.api.check,
        )
        assert [told for told in listener.events if told.type == "resync"] == []
    assert {job["name"] for job in own_api.rest.get("/v1/jobs").json()} == {*ODD, "canary"}
    assert shown(own_api, "odd-counts")["success_count"] == INT64_MAX
    assert [run["started_at"] for run in own_api.rest.get("/v1/jobs/odd-last/executions").json()] == [LAST, LAST]
    assert own_api.rest.delete("/v1/jobs/odd-counts/executions").status == 200


WRONG = (
    pytest.param({"schedule": "61 * * * * *"}, id="an unreadable schedule"),
    pytest.param({"schedule": "@daily", "timezone": "Nowhere/Here"}, id="an unknown time zone"),
    pytest.param({"schedule": "TZ=Nowhere @daily"}, id="an unknown zone in the schedule"),
    pytest.param({"parentJob": "missing-parent", "schedule": ""}, id="a parent that is missing"),
)


@pytest.mark.parametrize("spec", WRONG)
def test_job_that_rest_would_refuse_is_shown_toggled_and_deleted(shared_api: ApiSite, spec: dict[str, Any]) -> None:
    shared_api.store(dkron_job("wrong", **spec))
    assert shown(shared_api, "wrong")["next"] == FIRST
    for query in ("q=wrong", "q=wrong&_sort=next&_order=DESC"):
        assert [job["name"] for job in shared_api.rest.get(f"/v1/jobs?{query}").json()] == ["wrong"]
    assert shared_api.rest.get("/v1/jobs/wrong/executions").json() == []
    assert shared_api.rest.post("/v1/jobs/wrong/toggle").status == 200
    assert shared_api.rest.delete("/v1/jobs/wrong").status == 200


def test_parent_cycle_made_by_kubectl_is_shown_and_repaired(shared_api: ApiSite) -> None:
    shared_api.store(dkron_job("ring-a", schedule="", parentJob="ring-b"))
    shared_api.store(dkron_job("ring-b", schedule="", parentJob="ring-a"))
    assert [job["dependent_jobs"] for job in shared_api.rest.get("/v1/jobs?q=ring").json()] == [["ring-b"], ["ring-a"]]
    save(shared_api, "ring-a")
    assert shown(shared_api, "ring-a")["dependent_jobs"] == ["ring-b"]
