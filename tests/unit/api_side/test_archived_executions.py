"""Single executions, logs and deletions where there is an archive."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from dkron_api.archive import reads
from dkron_api.routes import executions, log
from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON, claim, execution, seen, wire_job
from tests.support.fake_archive import AWAY, KEY, FakeArchive, archived

ROUTES = (executions.ROUTES, log.ROUTES)
OLD = archived(-9)
GONE = archived(-30, job=type(KEY)(KEY.namespace, "gone", "uid-of-gone"), exit_code=2, success=False)
SHOWN = execution(seen(claim(NOON)), output="end", output_truncated=True)
WHOLE = "a line\n" * 50_000


@pytest.fixture
def archive() -> FakeArchive:
    found = FakeArchive()
    found.put(OLD, GONE, archived(0, id=SHOWN.id, attempt_job=SHOWN.job), output=WHOLE, truncated=True)
    found.put(archived(-10))
    return found


@pytest.fixture
async def api(archive: FakeArchive) -> AsyncIterator[Api]:
    async with running_api(*ROUTES, archive=archive) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, wire_job(status=JobStatus(executions=(SHOWN,)))))
        yield running


@dataclass(frozen=True)
class Asked:
    """An execution that a client asks for, and the beginning of what it gets."""

    path: str
    output: str = WHOLE[-256_000:]
    log: str = WHOLE
    status: int = 200
    trouble: Sequence[int] = field(default=(503, 503))
    """The statuses while the archive is away, of the execution and of its log."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Asked(f"backup/executions/{OLD.id}"), id="one that only the archive has"),
        pytest.param(Asked(f"backup/executions/{SHOWN.id}", trouble=(200, 503)), id="one that the status has, too"),
        pytest.param(Asked(f"gone/executions/{GONE.id}", "exit status 2\n" + WHOLE[-256_000:]), id="of a deleted job"),
        pytest.param(Asked("backup/executions/1-x", log='the job "backup" has no', status=404), id="none"),
        pytest.param(Asked("gone/executions/1-x", log='there is no job "gone"', status=404), id="none of a job"),
    ],
)
async def test_execution_and_log_come_from_the_archive(api: Api, archive: FakeArchive, case: Asked) -> None:
    path = f"/v1/jobs/{case.path}"
    one, text = await api.client.get(f"{path}?details"), await api.client.get(f"{path}/log")
    assert (one.status, text.status) == (case.status, case.status)
    assert (await text.text()).startswith(case.log)
    if case.status == 200:
        shown = await one.json()
        assert (shown["output"], shown["details"]["trigger"]) == (case.output, "schedule")
        assert (text.headers["Content-Type"], text.headers["X-Output-Truncated"]) == (log.TEXT, "true")
    archive.trouble = AWAY
    assert [(await api.client.get(each)).status for each in (path, f"{path}/log")] == list(case.trouble)


async def test_archive_without_the_output_leaves_the_reason(api: Api) -> None:
    answer = await api.client.get(f"/v1/jobs/backup/executions/{archived(-10).id}/log")
    assert (answer.status, (await answer.text()).startswith('the job "backup" has no execution')) == (404, True)


async def test_repeated_deletion_reaches_an_archive_that_was_away(
    api: Api, archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "REST", 0.0)
    archive.trouble = AWAY
    answer = await api.client.delete("/v1/jobs/backup/executions")
    sentence = (
        "the job shows no executions any more, but the archive still has them; repeat the request to delete them."
    )
    assert (answer.status, await answer.text()) == (503, f"{sentence} {AWAY}")
    assert not api.kube.has(DKRON_JOBS, "backup")["status"]["executions"]
    archive.trouble = ""
    assert (await api.client.delete("/v1/jobs/backup/executions")).status == 200
    assert [each.execution for each in archive.entries.values()] == [GONE]
