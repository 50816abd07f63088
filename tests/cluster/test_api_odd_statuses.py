"""Statuses that the API server takes and no operator writes: one odd job keeps nobody from the others."""

import json
from typing import Any

import pytest

from dkron_crds.base import INT64_MAX
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_sites import ApiSite
from tests.support.hostile import assert_civil
from tests.support.jobs import dkron_job
from tests.support.rest_jobs import body, save, shown
from tests.support.sse import Listener
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="none")

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
    *(
        "/v1/jobs",
        "/v1/jobs?q=o&_sort=last_success",
        "/v1/jobs?_sort=next&_order=desc",
        "/v1/busy",
        "/v1/stats?days=365",
    ),
    *("/v1", "/metrics", "/debug/vars", "/health"),
)


def test_one_odd_job_keeps_nobody_from_the_others(own_api: ApiSite) -> None:
    save(own_api, "canary")
    with Listener(own_api.rest).wait_begun() as listener:
        for name, status in ODD.items():
            own_api.store(dkron_job(name, timezone=ZONES.get(name, "UTC"), schedule="@every 1h"))
            own_api.write_status(name, **status)
        for path in (*PATHS, *(f"/v1/jobs/{name}{way}" for name in ODD for way in ("", "/executions", "/next"))):
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


RESTORED = (
    pytest.param({"success_count": -1}, "success_count: -1", id="a counter below zero"),
    pytest.param({"error_count": 2**63 - 1}, "error_count: 9223372036854775807", id="a counter that is full"),
    pytest.param({"last_error": "0001-01-01T00:00:01Z"}, "last_error", id="a time of the year 1"),
    pytest.param({"status": "odd"}, 'status: "odd"', id="a state that there is not"),
)


@pytest.mark.parametrize(("fields", "words"), RESTORED)
def test_a_restored_past_that_cannot_be_is_400_and_nothing_is_stored(
    shared_api: ApiSite, fields: dict[str, Any], words: str
) -> None:
    file = json.dumps([body("first"), body("second", **fields)]).encode()
    form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + file + b"\r\n--b--\r\n"
    answer = shared_api.rest.post("/v1/restore", form, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status == 400, answer
    assert f'nothing was stored: job 2 of the file, "second": {words}' in answer.text
    assert_civil(answer)
    assert shared_api.kube.find(DKRON_JOBS, "first") is None
