"""`dkronctl` about the past, beside our own REST API with an archive: both mean the same by each field and page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from dkron_api.edge.keys import CLUSTERS
from dkron_api.routes import execution_lists, executions, jobs, log, revisions
from dkron_archive.records import Revision
from dkron_crds.job import AttemptState, Condition, JobStatus
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON, after, claim, execution, request_claim, seen, wire_job
from tests.support.fake_archive import KEY, FakeArchive, archived
from tests.unit.cli.test_history import at_noon, call

OLD_ID = "1772364599000000000-gone--30"
LACKS = 'for pool "lock", which does not exist for this namespace'
NO_POOL = Condition(
    type="Ready", status="False", reason="PoolNotFound", last_transition_time=NOON,
    message='this job takes a place in pool "lock", which does not exist for this namespace',
)  # fmt: skip
RUNS = seen(claim(after(minutes=-5), at=after(minutes=-5)))
WAITS = request_claim("a", after(minutes=-2)).model_copy(
    update={"state": AttemptState.WAITING, "queued_at": after(minutes=-2)}
)
SHOWN = execution(seen(claim(NOON)), output="end", output_truncated=True)


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    at_noon(monkeypatch)
    archive, key = FakeArchive(), KEY
    gone = type(key)(key.namespace, "gone", "uid-of-gone")
    archive.put(*(archived(-each, success=each % 7 > 0) for each in range(1, 1500)), output="no space left")
    archive.put(archived(-30, job=gone, exit_code=2, success=False), output="gone with the wind")
    job = wire_job(status=JobStatus(executions=(SHOWN,)))
    old: dict[str, Any] = {**job["spec"], "retries": 5, "parameters": [{"name": "day"}]}
    archive.changes += [
        Revision(key, "b", 2, NOON, "ann", job["spec"]), Revision(key, "a", 1, NOON, "bob", old),
        Revision(gone, "c", 4, NOON, "cyd", job["spec"]),
    ]  # fmt: skip
    routes = (execution_lists.ROUTES, executions.ROUTES, log.ROUTES, revisions.ROUTES, jobs.ROUTES)
    more: dict[str, Any] = {"archive": archive}
    async with running_api(*routes, **more) as running:
        running.know_jobs(running.kube.put(DKRON_JOBS, job))
        running.know(CLUSTERS)
        monkeypatch.setenv("DKRON_SERVER", str(running.client.make_url("/")).rstrip("/"))
        yield running


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command, how many lines it prints, some of what they say, and fields of the job that it has written."""

    words: tuple[str, ...]
    lines: int
    says: tuple[str, ...] = ()
    stored: tuple[str, dict[str, Any]] | None = None


CASES = {
    "runs of the status and of the archive": Case(
        words=("history", "backup", "-c", "3"), lines=4, says=("12:00:00Z", "11:58:59Z", "11:57:59Z")
    ),
    "failed runs, over pages": Case(words=("history", "backup", "--failed", "-c", "200"), lines=201),
    "runs of a time": Case(words=("history", "backup", "--from", "11:40", "--to", "11:42"), lines=3),
    "a text": Case(words=("history", "backup", "--search", "no space", "-c", "150"), lines=151),
    "runs of a deleted job": Case(words=("history", "gone"), lines=2, says=("exit 2",)),
    "its log": Case(words=("logs", "gone", OLD_ID), lines=1, says=("gone with the wind",)),
    "all jobs at a time": Case(words=("runs", "--at", "yesterday 23:00"), lines=3, says=("22:59:59Z", "23:00:59Z")),
    "all executions": Case(words=("export", "--executions"), lines=1501),
    "specs": Case(
        words=("history", "backup", "--diff"), lines=4,
        says=("revision 2", "by ann: parameters, retries", "retries: 5 → 0", "revision 1"),
    ),
    "a way back": Case(
        words=("revert", "backup", "1", "--yes"), lines=3, says=("retries: 0 → 5", "except for these fields"),
        stored=("backup", {"retries": 5}),
    ),
    "a deleted job comes back": Case(
        words=("revert", "gone", "4", "--yes"), lines=7, says=('name: none → "gone"',),
        stored=("gone", {"schedule": "0 * * * * *"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_past_by_our_rest_api(case: Case, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = await call(*case.words), capsys.readouterr()
    assert code == 0, said.err
    assert all(sentence in said.out for sentence in case.says), said.out
    assert len(said.out.splitlines()) == case.lines, said.out
    if case.stored is not None:
        name, fields = case.stored
        spec = api.kube.has(DKRON_JOBS, name)["spec"]
        assert {key: spec[key] for key in fields} == fields


@pytest.mark.parametrize("command", ["history", "describe"])
async def test_run_that_waits_names_the_pool_that_is_missing(
    command: str, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    status = JobStatus(active=(RUNS, WAITS), conditions=(NO_POOL,))
    job = wire_job(name="lacking", uid="uid-of-lacking", schedule="@manually", pools=["lock"], status=status)
    api.know_jobs(api.kube.put(DKRON_JOBS, job))
    code, said = await call(command, "lacking", "-o", "wide"), capsys.readouterr()
    assert code == 0, said.err
    for each, lacks in ((RUNS, False), (WAITS, True)):
        (row,) = [line for line in said.out.splitlines() if line.endswith(each.id)]
        assert (LACKS in row) is lacks, said.out
