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
from tests.support.fake_archive import FakeArchive, archived

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


@pytest.mark.parametrize("path", ["/v1/executions?q=needle", f"{OF_JOB}?q=needle"])
async def test_search_in_outputs_takes_the_right_to_logs(path: str) -> None:
    for logs, status in ((True, 200), (False, 403)):
        async with running_api(*ROUTES, archive=FakeArchive(), guard=Guard([Reader(logs=logs)])) as api:
            api.know_jobs(wire_job())
            assert (await api.client.get(path, headers=VALID)).status == status
