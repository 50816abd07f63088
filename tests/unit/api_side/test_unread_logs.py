"""Outputs for callers who may read jobs and not logs: what the records keep, and no error."""

from dataclasses import dataclass
from typing import Any

import pytest

from dkron_api.auth.caller import Caller, Need
from dkron_api.auth.guard import Guard
from dkron_api.routes import execution_lists, executions
from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS, PODS
from tests.support.api_app import running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAME, NOON, after, claim, execution, of_job, seen, terminated, wire_job, wire_pod
from tests.support.fake_archive import KEY, FakeArchive, archived

ROUTES = (executions.ROUTES, execution_lists.ROUTES)
SHOWN = execution(seen(claim(NOON)), output="x" * 900, output_truncated=True)
RUNNING = seen(claim(after(60)))
OLD = archived(-9)
WHOLE = "x" * 300_000
EVERY, OF_JOB = "/v1/executions?output_size_limit=256000", f"/v1/jobs/{NAME}/executions"
BEGUN = {"job": {"running": {"startedAt": "2026-03-01T12:01:01Z"}}}


class Reader(OneCaller):
    """A caller who may read jobs, and logs only if `logs`."""

    def __init__(self, *, logs: bool) -> None:
        super().__init__()
        self._logs = logs

    async def allows(self, caller: Caller, need: Need) -> bool:
        return await super().allows(caller, need) and (self._logs or need.right.resource != "dkronjobs/log")


@dataclass(frozen=True)
class Asked:
    """A request, and how many bytes of each output it gets with and without the right to logs."""

    path: str
    with_logs: list[int]
    without: list[int]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Asked(EVERY, [0, 256_000, 256_000], [0, 1024, 1024]), id="all jobs"),
        pytest.param(Asked(f"{OF_JOB}?output_size_limit=256000", [0, 256_000, 256_000], [0, 1024, 1024]), id="a job"),
        pytest.param(Asked(OF_JOB, [0, 1024, 1024], [0, 1024, 1024]), id="as Dkron's clients ask"),
        pytest.param(Asked(f"{OF_JOB}/{SHOWN.id}", [256_000], [900]), id="one of the status"),
        pytest.param(Asked(f"{OF_JOB}/{OLD.id}", [256_000], [1024]), id="one of the archive"),
        pytest.param(Asked(f"{OF_JOB}/{RUNNING.id}", [256_000], [1024]), id="one that runs"),
    ],
)
@pytest.mark.parametrize("logs", [True, False])
async def test_outputs_beyond_records_take_the_right_to_logs(case: Asked, logs: bool) -> None:
    archive = FakeArchive()
    archive.put(OLD, archived(0, id=SHOWN.id, attempt_job=SHOWN.job), output=WHOLE, truncated=True)
    async with running_api(*ROUTES, archive=archive, guard=Guard([Reader(logs=logs)])) as api:
        status = JobStatus(executions=(SHOWN,), active=(RUNNING,))
        api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(status=status)))
        for run, states, uid in ((SHOWN, {"job": terminated()}, ""), (RUNNING, BEGUN, RUNNING.uid)):
            api.kube.put(PODS, of_job(wire_pod(name=run.job, states=states), run.job, uid=uid))
            api.kube.logs[run.job] = WHOLE.encode()
        answer = await api.client.get(case.path, headers=VALID)
        found: Any = await answer.json()
        outputs = [len(each.get("output", "")) for each in (found if isinstance(found, list) else [found])]
        assert (answer.status, outputs) == (200, case.with_logs if logs else case.without)


NEWEST = execution(seen(claim(NOON)))
"""Its record kept nothing of its output, and does not say that there was any."""
GONE, BEFORE = archived(-30, job=type(KEY)(KEY.namespace, "gone", "uid-of-gone")), "uid-of-before"
FORMER = archived(-20, job=type(KEY)(KEY.namespace, NAME, BEFORE))
ALL = "/v1/executions"


@dataclass(frozen=True)
class Kept:
    """A job whose records keep so many bytes, a request, and how many bytes of each output it gets."""

    kept: int
    path: str
    with_logs: list[int]
    without: list[int]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Kept(0, ALL, [0, 1024, 1024, 1024, 1024], [0, 0, 0, 0, 0]), id="none, all jobs"),
        pytest.param(Kept(100, ALL, [0, 1024, 1024, 1024, 1024], [0, 100, 100, 0, 0]), id="some, all jobs"),
        pytest.param(Kept(0, OF_JOB, [0, 1024, 1024, 1024], [0, 0, 0, 0]), id="none, a job"),
        pytest.param(Kept(100, OF_JOB, [0, 1024, 1024, 1024], [0, 100, 100, 0]), id="some, a job"),
        pytest.param(Kept(2000, OF_JOB, [0, 2000, 2000, 2000], [0, 2000, 2000, 0]), id="many, a job"),
        pytest.param(Kept(2000, f"{OF_JOB}?output_size_limit=9", [0, 9, 9, 9], [0, 9, 9, 0]), id="fewer are asked for"),
        pytest.param(Kept(0, f"{OF_JOB}/{NEWEST.id}", [256_000], [0]), id="none, one of the status"),
        pytest.param(Kept(0, f"{OF_JOB}/{OLD.id}", [256_000], [0]), id="none, one of the archive"),
        pytest.param(Kept(100, f"{OF_JOB}/{OLD.id}", [256_000], [100]), id="some, one of the archive"),
        pytest.param(Kept(100, f"{OF_JOB}/{FORMER.id}", [256_000], [0]), id="one of a job of before"),
        pytest.param(Kept(0, f"/v1/jobs/gone/executions/{GONE.id}", [256_000], [0]), id="one of a deleted job"),
        pytest.param(Kept(0, f"{OF_JOB}/{RUNNING.id}", [256_000], [0]), id="none, one that runs"),
    ],
)
@pytest.mark.parametrize("logs", [True, False])
async def test_output_in_the_archive_ends_where_a_record_does(case: Kept, logs: bool) -> None:
    archive = FakeArchive()
    archive.put(OLD, GONE, FORMER, archived(0, id=NEWEST.id, attempt_job=NEWEST.job), output=WHOLE)
    async with running_api(*ROUTES, archive=archive, guard=Guard([Reader(logs=logs)])) as api:
        status = JobStatus(executions=(NEWEST,), active=(RUNNING,))
        api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(history={"outputBytes": case.kept}, status=status)))
        api.kube.put(PODS, of_job(wire_pod(name=RUNNING.job, states=BEGUN), RUNNING.job, uid=RUNNING.uid))
        api.kube.logs[RUNNING.job] = WHOLE.encode()
        answer = await api.client.get(case.path, headers=VALID)
        found: Any = await answer.json()
        several = found if isinstance(found, list) else [found]
        outputs = [len(each.get("output", "")) for each in several]
        assert (answer.status, outputs) == (200, case.with_logs if logs else case.without)
        if isinstance(found, list):
            assert [each["output_truncated"] for each in several] == [False, *[True] * (len(several) - 1)]


async def test_reason_of_a_failure_is_beside_no_output() -> None:
    """Callers see why an execution failed, whatever they may see of its output."""
    archive = FakeArchive()
    archive.put(archived(-9, exit_code=3, success=False), output=WHOLE)
    async with running_api(*ROUTES, archive=archive, guard=Guard([Reader(logs=False)])) as api:
        api.know_jobs(wire_job(history={"outputBytes": 0}))
        (found,) = await (await api.client.get(OF_JOB, headers=VALID)).json()
        assert (found["output"], found["output_truncated"]) == ("exit status 3\n", True)


async def test_output_that_was_never_written_is_whole() -> None:
    archive = FakeArchive(archived(0, id=NEWEST.id, attempt_job=NEWEST.job))
    async with running_api(*ROUTES, archive=archive) as api:
        api.know_jobs(wire_job(status=JobStatus(executions=(NEWEST,))))
        (found,) = await (await api.client.get(OF_JOB)).json()
        assert ("output" in found, found["output_truncated"]) == (False, False)


@pytest.mark.parametrize("path", ["/v1/executions?q=needle", f"{OF_JOB}?q=needle"])
async def test_search_in_outputs_takes_the_right_to_logs(path: str) -> None:
    for logs, status in ((True, 200), (False, 403)):
        async with running_api(*ROUTES, archive=FakeArchive(), guard=Guard([Reader(logs=logs)])) as api:
            api.know_jobs(wire_job())
            assert (await api.client.get(path, headers=VALID)).status == status
