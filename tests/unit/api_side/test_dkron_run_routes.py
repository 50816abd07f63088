"""DkronRuns over REST: what is shown of them, and that they are withdrawn."""

from typing import Any

import pytest
from yarl import URL

from dkron_api.auth.guard import Guard
from dkron_api.routes import runs
from dkron_kube.paths import DKRON_RUNS
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.printed import MARK

ROUTES = (runs.ROUTES,)

Object = dict[str, Any]
PATH = "/v1/runs"
AT, LATER = "2026-03-01T11:00:00Z", "2026-03-01T11:00:03Z"
ATTEMPT = {"id": "1-report-x", "job": "report-x", "state": "Failed", "slot": AT, "trigger": "manual", "group": 7,
           "attempt": 1, "startedAt": AT, "finishedAt": LATER, "exitCode": 3}  # fmt: skip


def stored(name: str = "it", *, created: str = AT, spec: Object | None = None, **status: Any) -> Object:
    given = {"job": "report", "reason": "why", "parameters": {"password": MARK}} | (spec or {})
    return object_of(name, metadata={"creationTimestamp": created}, spec=given, status=status)


async def test_run_is_shown_without_values_and_withdrawn(api: Api) -> None:
    failed: Object = {"phase": "Failed", "group": 7, "attempts": [ATTEMPT], "attemptCount": 1, "message": "it failed"}
    api.kube.put(DKRON_RUNS, stored(spec={"scheduledTime": AT}, **failed))
    async with api.client.get(f"{PATH}/it") as answer:
        shown, tag, text = await answer.json(), answer.headers["ETag"], await answer.text()
    assert MARK not in text
    attempt = {"job": "report-x", "attempt": 1, "member": "", "node_name": "", "started_at": AT, "finished_at": LATER,
               "success": False, "exit_code": 3, "reason": ""}  # fmt: skip
    assert shown == {
        "name": "it", "created_at": AT, "job": "report", "scheduled_time": AT, "force": False, "reason": "why",
        "requested_by": "", "ttl_seconds_after_finished": None, "state": "failed",
        "status": {"attempts": [attempt], "attempt_count": 1, "started_at": None, "finished_at": None,
                   "message": "it failed"},
    }  # fmt: skip
    old = await api.client.delete(f"{PATH}/it", headers={"If-Match": '"1"'})
    new = await api.client.delete(f"{PATH}/it", headers={"If-Match": tag})
    gone = await api.client.delete(f"{PATH}/it")
    assert [each.status for each in (old, new, gone)] == [412, 200, 404]
    assert await gone.text() == 'there is no run "it"'


async def test_text_that_is_no_name_is_not_found(api: Api) -> None:
    answers = [await api.client.get(URL(f"{PATH}/{name}", encoded=True)) for name in ("a%25b", "a%2Fb")]
    assert [each.status for each in answers] == [404, 404]
    assert api.kube.calls == [], "the API server is not asked"


async def test_list_is_newest_first_and_skips_broken_runs(api: Api) -> None:
    for day in (1, 3, 2):
        api.kube.put(DKRON_RUNS, stored(f"r{day}", created=f"2026-02-0{day}T00:00:00Z", attempts=[ATTEMPT]))
    api.kube.put(DKRON_RUNS, stored("broken", spec={"scheduledTime": "noon"}))
    async with api.client.get(f"{PATH}?_end=2") as answer:
        found, text = await answer.json(), await answer.text()
    # One that cannot be read has its place in the order.
    assert ([each["name"] for each in found], answer.headers["X-Total-Count"]) == (["r3"], "4")
    assert (found[0]["state"], "attempts" in found[0]["status"], MARK in text) == ("pending", False, False)


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [("GET", PATH, "list dkronruns"), ("GET", f"{PATH}/it", 'get dkronruns "it"'),
     ("DELETE", f"{PATH}/it", 'delete dkronruns "it"')],
)  # fmt: skip
async def test_each_route_takes_the_right_to_dkronruns(method: str, path: str, right: str) -> None:
    scheme = OneCaller()
    async with running_api(runs.ROUTES, guard=Guard([scheme])) as api:
        api.kube.put(DKRON_RUNS, stored())
        scheme.lacking = f"{right} in namespace default"
        async with api.client.request(method, path, headers=VALID) as answer:
            assert answer.status == 403
        scheme.lacking = ""
        async with api.client.request(method, path, headers=VALID) as answer:
            assert answer.status == 200
