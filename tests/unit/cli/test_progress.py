"""What `run --wait` hears of a run whose job is gone, or has forgotten it; and names that were not quite typed."""

from typing import Any

import pytest

from dkron_cli.edge.backend import Asked
from dkron_cli.edge.cluster import Cluster
from dkron_cli.errors import CliError, Code
from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from dkron_reports.job import from_object
from tests.support.builders import NAME, NAMESPACE, NOON, wire_job
from tests.support.fake_kube import FakeKube

GROUP = 1_800_000_000_123_456_789
ENDED = {"job": f"{NAME}-1", "attempt": 1, "startedAt": rfc3339(NOON), "finishedAt": rfc3339(NOON), "success": False}


class Wait:
    """A cluster with a job, and a run of it that is waited for: of a DkronRun with this status, or of an annotation."""

    def __init__(self, run: dict[str, Any] | None) -> None:
        self.kube = FakeKube()
        self.cluster = Cluster(self.kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
        job = from_object(self.kube.put(DKRON_JOBS, wire_job()))
        self.asked = Asked(job, GROUP, "u", NOON, object_name="" if run is None else "r")
        if run is not None:
            self.kube.put(DKRON_RUNS, {"metadata": {"name": "r", "uid": "u"}, "spec": {"job": NAME}, "status": run})

    async def hear(self) -> tuple[str, str]:
        """Code and sentence, or result and reason."""
        try:
            run = await self.cluster.progress(self.asked)
        except CliError as error:
            return error.code.name, str(error)
        return ("", "") if run is None else (run.result, run.why)


@pytest.mark.parametrize(
    ("run", "job", "heard"),
    [
        pytest.param(None, "deleted", (Code.FAILED.name, f'"{NAME}" was deleted, and the run with it'), id="deleted"),
        pytest.param(
            None, "made anew", (Code.FAILED.name, f'"{NAME}" was deleted, and the run with it'), id="made anew"
        ),
        pytest.param({}, "deleted", ("", ""), id="the operator has not seen that the job is gone"),
        pytest.param({"phase": "Running", "attempts": [{**ENDED, "finishedAt": None}]}, "deleted", ("", ""), id="yet"),
        pytest.param(
            {"phase": "Failed", "group": GROUP, "attempts": [{**ENDED, "reason": "JobDeleted"}]}, "deleted",
            ("failed", "JobDeleted"), id="deleted while an attempt was active",
        ),
        pytest.param(
            {"phase": "Failed", "message": "no record of the run is left (JobDeleted)"}, "made anew",
            (Code.FAILED.name, f'the run of "{NAME}" failed: no record of the run is left (JobDeleted)'),
            id="deleted before it began; another job of the name does not run it",
        ),
        pytest.param(
            {"phase": "Succeeded", "group": GROUP, "attempts": [{**ENDED, "success": True}]}, "there",
            ("success", ""), id="its executions were cleared",
        ),
        pytest.param(
            {"phase": "Refused", "message": "the job is paused"}, "there",
            (Code.FAILED.name, f'the operator did not run "{NAME}": the job is paused'), id="refused",
        ),
    ],
)  # fmt: skip
async def test_a_run_that_its_job_does_not_show(run: dict[str, Any] | None, job: str, heard: tuple[str, str]) -> None:
    wait = Wait(run)
    if job != "there":
        del wait.kube.objects["dkronjobs", NAME]
    if job == "made anew":
        wait.kube.put(DKRON_JOBS, wire_job(uid="another"))
    assert await wait.hear() == heard


async def test_a_dkronrun_that_was_deleted_is_not_waited_for() -> None:
    wait = Wait({})
    del wait.kube.objects["dkronruns", "r"]
    assert await wait.hear() == (
        "NOT_FOUND", f"the DkronRun r was deleted; dkronctl history {NAME} shows whether it began"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        pytest.param(NAME[:-1], f'did you mean "{NAME}"?', id="a letter is missing"),
        pytest.param("zzz", "see dkronctl get", id="nothing like it"),
    ],
)
async def test_a_name_that_does_not_exist(typed: str, advice: str) -> None:
    with pytest.raises(CliError, match="there is no job") as missing:
        await Wait(None).cluster.job(typed)
    assert str(missing.value).endswith(advice)
