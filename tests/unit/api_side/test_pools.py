"""Places in the lines of pools over REST: wherever an execution that waits is shown, and nowhere else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dkron_api.routes import execution_lists, executions, reports
from dkron_crds.job import JobStatus
from dkron_kube.errors import NotFound, Rejected, Unavailable
from dkron_kube.paths import DKRON_POOLS
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NAMESPACE, NOON, after, claim, seen, wire_job
from tests.unit.test_reports_line import in_line

RUNNING, WAITING = seen(claim(after(minutes=-3))), in_line(claim(after(minutes=-2)), -2)
PLACE = [{"name": "db", "place": 2, "waiting": 7}]
ROUTES = (executions.ROUTES, execution_lists.ROUTES, reports.ROUTES)
OF_JOB = "/v1/jobs/backup/executions"
FILTERED = "?from=2026-03-01T00:00:00Z"
"""With a filter, another route answers."""


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A run that waits for a pool, beside one that runs, and a job without pools whose run waits, too."""
    async with running_api(*ROUTES) as running:
        status = JobStatus(active=(RUNNING, WAITING), since=after(minutes=-60), last_schedule_time=NOON)
        other = in_line(claim(after(minutes=-1), uid="other", name="other"), -1)
        running.know_jobs(
            wire_job(pools=["db"], schedule="0 * * * * *", created=after(minutes=-60), status=status),
            wire_job(name="other", uid="other", concurrency="queue", status=JobStatus(active=(other,))),
        )
        line = [{"namespace": NAMESPACE, "job": "backup", "id": each} for each in ("9-other", WAITING.id)]
        running.kube.put(DKRON_POOLS, object_of("db", spec={"size": 1}, status={"waiting": 7, "line": line}))
        yield running


async def read(api: Api, path: str) -> Any:
    async with api.client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


@pytest.mark.parametrize("path", [OF_JOB, OF_JOB + FILTERED, "/v1/executions", "/v1/executions?state=waiting"])
async def test_lists_have_the_place_of_the_run_that_waits(api: Api, path: str) -> None:
    rows = {each["id"]: each for each in await read(api, path)}
    assert (rows[WAITING.id]["place"], rows[WAITING.id]["pools"]) == (1, PLACE)
    assert [key for key, each in rows.items() if "pools" in each] == [WAITING.id]


async def test_execution_and_slot_have_the_place(api: Api) -> None:
    assert (await read(api, f"{OF_JOB}/{WAITING.id}"))["pools"] == PLACE
    assert "pools" not in await read(api, f"{OF_JOB}/{RUNNING.id}")
    found = await read(api, "/v1/jobs/backup/explain?at=2026-03-01T11:58:00Z")
    (told,) = [each for each in (*found["slots"], *found["runs"]) if each["what"] == "waiting"]
    assert (told["pools"], "behind" in told["why"]) == (PLACE, False)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NotFound("no such kind"), id="older definitions"),
        pytest.param(Rejected("forbidden", status=403), id="no right"),
        pytest.param(Unavailable("no answer"), id="no answer"),
        pytest.param(TimeoutError(), id="no answer in time"),
    ],
)
async def test_run_has_no_place_where_pools_are_not_told(api: Api, error: Exception) -> None:
    def fail() -> None:
        raise error

    for _ in range(3):
        api.kube.meanwhile("list dkronpools", fail)
    for path in (OF_JOB, "/v1/executions", f"{OF_JOB}/{WAITING.id}"):
        found = await read(api, path)
        (row,) = [each for each in ([found] if isinstance(found, dict) else found) if each["id"] == WAITING.id]
        assert ("place" in row, "pools" in row) == (False, False)


async def test_pools_are_read_only_for_jobs_that_wait_for_them(api: Api) -> None:
    await read(api, "/v1/jobs/other/executions")
    await read(api, "/v1/executions?job=other")
    assert [each for each in api.kube.calls if each.startswith("list dkronpools")] == []
    for _ in range(3):
        await read(api, OF_JOB)
    assert len([each for each in api.kube.calls if each.startswith("list dkronpools")]) == 1, "one answer for all"


async def test_a_list_asks_once_for_the_pools_of_all_jobs(api: Api) -> None:
    def fail() -> None:
        raise Unavailable("no answer")

    names = [f"job-{number}" for number in range(5)]
    claims = {name: in_line(claim(after(minutes=-1), uid=name, name=name), -1) for name in names}
    api.know_jobs(
        *(wire_job(name=name, uid=name, pools=["db"], status=JobStatus(active=(claims[name],))) for name in names)
    )
    for _ in names:
        api.kube.meanwhile("list dkronpools", fail)
    rows = await read(api, "/v1/executions?state=waiting")
    assert {each["job_name"] for each in rows} == set(names)
    assert len([each for each in api.kube.calls if each.startswith("list dkronpools")]) == 1
