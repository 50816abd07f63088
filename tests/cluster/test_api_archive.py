"""The REST API beside an archive: SQLite, as the operator writes it, and real DkronJobs."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_archive.opening import open_archive
from dkron_archive.records import ArchivedExecution, ArchivedOutput, Entry, JobKey, Revision, SkippedSlots
from dkron_crds.base import rfc3339
from dkron_crds.requests import read_instant
from dkron_kube.paths import DKRON_JOBS
from tests.support import waiting
from tests.support.api_rights import FOR_HISTORY, LEAST_API, limited_api
from tests.support.api_sites import ApiSite, api_for
from tests.support.builders import after
from tests.support.command_line import CommandLine
from tests.support.fake_archive import archived
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="none")

SHOWN, ARCHIVED = range(-1, -6, -1), range(-3, -251, -1)
"""Executions that the status shows, and those that the archive has: by the minutes after noon."""
MANUAL = {
    "apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "metadata": {"name": "backup"},
    "spec": {"schedule": "@manually", "executor": "shell", "executorConfig": {"command": "true"}},
}  # fmt: skip


@pytest.fixture
def site(cluster: localcluster.Cluster, tmp_path: Path) -> Iterator[ApiSite]:
    """An API with an archive, and a job with executions in both."""
    install(cluster)
    with namespace(cluster.kubeconfig, "archive") as kube:
        job = kube.create(DKRON_JOBS, MANUAL)
        key = JobKey(
            kube.namespace, "backup", job["metadata"]["uid"], read_instant(job["metadata"]["creationTimestamp"])
        )
        kube.write_status("backup", executions=[wire(archived(number, job=key)) for number in SHOWN])
        url = f"sqlite:///{tmp_path}/archive.db"
        asyncio.run(fill(url, key))
        with api_for(kube, tmp_path, "--archive", url) as own:
            yield own


async def fill(url: str, key: JobKey) -> None:
    """Write what an operator hands over."""
    archive = open_archive(url)
    await archive.migrate()
    output = ArchivedOutput(b"a line\n" * 1000 + b"the last one", truncated=True)
    await archive.write([Entry(archived(number, job=key), output) for number in ARCHIVED])
    await archive.write([Entry(archived(-500, job=replace(key, name="gone", uid="gone"), success=False))])
    await archive.write_skipped([SkippedSlots(key, after(minutes=-9), after(minutes=-8), 2, "Missed")])
    await archive.write_revisions([
        Revision(key, f"hash-{number}", number, after(days=number), "ann", {"schedule": f"@every {number}h"})
        for number in (1, 2)
    ])  # fmt: skip
    await archive.close()


def wire(found: ArchivedExecution) -> dict[str, Any]:
    """The execution as the status has it."""
    return {
        "id": found.id, "job": found.attempt_job, "slot": rfc3339(found.slot), "trigger": found.trigger,
        "group": found.group, "attempt": found.attempt, "startedAt": rfc3339(found.started_at),
        "finishedAt": rfc3339(found.finished_at), "state": "Succeeded" if found.success else "Failed",
        "output": "the last one", "outputTruncated": True,
    }  # fmt: skip


def told(answer: Answer) -> Any:
    """The body of an answer without an error or a warning."""
    assert (answer.status, answer.header("Warning")) == (200, None), answer
    return answer.json()


def pages(site: ApiSite, path: str) -> Iterator[Sequence[dict[str, Any]]]:
    """All pages of a list."""
    token: str | None = ""
    while token is not None:
        answer = site.rest.get(f"{path}&after={token}")
        token = answer.header("X-Next-After")
        yield told(answer)


def test_archive_continues_where_the_status_ends(site: ApiSite) -> None:
    numbers = [str(number) for number in range(-1, -251, -1)]
    for path, more in (("/v1/jobs/backup/executions?limit=100", []), ("/v1/executions?limit=100", ["-500"])):
        found = [each["id"].rpartition("-")[2] for page in pages(site, path) for each in page]
        assert [f"-{number}" for number in found] == [*numbers, *more], path
    first = site.rest.get("/v1/jobs/backup/executions?_start=200&_end=300")
    assert (len(told(first)), first.header("X-Total-Count")) == (50, "250")

    old = archived(-250)
    path = f"/v1/jobs/backup/executions/{old.id}"
    assert told(site.rest.get(path))["output"].endswith("a line\nthe last one")
    log = site.rest.get(f"{path}/log")
    assert (log.body[-12:], log.header("X-Output-Truncated")) == (b"the last one", "true")
    assert told(site.rest.get("/v1/jobs/gone/executions/" + archived(-500).id.replace("backup", "gone")))
    hits = told(site.rest.get("/v1/executions?q=the%20last&state=success&limit=1000"))
    assert len(hits) == 250, "those that only the status has are searched, too"

    period = f"from={rfc3339(after(hours=-24))}&to={rfc3339(after(hours=1))}"
    assert sum(each["success"] for each in told(site.rest.get(f"/v1/timeline?{period}"))) == 250
    assert [each["count"] for each in told(site.rest.get(f"/v1/skipped?{period}"))] == [2]
    assert [each["count"] for each in told(site.rest.get(f"/v1/jobs/backup/durations?{period}"))] == [248]
    assert [each["changed"] for each in told(site.rest.get("/v1/jobs/backup/revisions"))] == [["schedule"], []]
    assert told(site.rest.get("/v1/jobs/backup/revisions/2"))["job"]["schedule"] == "@every 2h"

    # An archive that did not answer in time is a 503 that says to repeat the request.
    waiting.wait_for("the deletion", lambda: site.rest.delete("/v1/jobs/backup/executions"),
                     lambda answer: answer.status == 200, seconds=60)  # fmt: skip
    waiting.wait_for("an empty list", lambda: site.rest.get("/v1/jobs/backup/executions"),
                     lambda answer: told(answer) == [], seconds=10)  # fmt: skip
    assert [each["job_name"] for each in told(site.rest.get("/v1/executions"))] == ["gone"]


def test_api_works_on_without_its_archive(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    install(cluster)
    with (
        namespace(cluster.kubeconfig, "no archive") as kube,
        api_for(kube, tmp_path, "--archive", f"sqlite:///{tmp_path}/none/archive.db") as site,
    ):
        save(site, "backup")
        answer = site.rest.get("/v1/jobs/backup/executions")
        assert (answer.status, answer.json()) == (200, [])
        assert "only what the jobs still show" in (answer.header("Warning") or "")
        assert site.rest.get("/v1/jobs/backup/revisions").status == 503
        assert site.rest.put("/v1/jobs/backup", body("backup", schedule="@daily")).status == 201
        assert site.rest.delete("/v1/jobs/backup/executions").status == 503, "its folder is missing"
        (tmp_path / "none").mkdir()
        delete = partial(site.rest.delete, "/v1/jobs/backup/executions")
        waiting.wait_for("nothing to delete", delete, lambda answer: answer.status == 200, seconds=20)


def test_namespace_made_again_has_no_history(cluster: localcluster.Cluster, tmp_path: Path) -> None:
    """Its name had a job of this name before."""
    install(cluster)
    url = f"sqlite:///{tmp_path}/archive.db"
    command = CommandLine({"DKRON_ARCHIVE": url}, module="dkron_api")
    with namespace(cluster.kubeconfig, "made again") as kube:
        asyncio.run(fill(url, JobKey(kube.namespace, "backup", "before", after(days=-9))))
        with limited_api(kube, LEAST_API, tmp_path, "--archive", url, name="unseeing") as site:
            site.wait_known(kube.create(DKRON_JOBS, MANUAL))
            answer = site.rest.get("/v1/jobs/backup/revisions")
            assert (answer.status, b'cannot get resource "namespaces"' in answer.body) == (503, True), answer
        with limited_api(kube, LEAST_API | FOR_HISTORY, tmp_path, "--archive", url) as site:
            site.wait_known(kube.get(DKRON_JOBS, "backup"))
            lists = (
                "/v1/executions",
                "/v1/jobs/backup/executions",
                "/v1/jobs/backup/revisions",
                "/v1/executions?q=line",
            )
            assert [told(site.rest.get(path)) for path in lists] == [[], [], [], []]
            assert site.rest.get(f"/v1/jobs/backup/executions/{archived(-250).id}/log").status == 404
            adopted = command("archive", "adopt", kube.namespace).output
            assert adopted == f"adopted the history of the namespace {kube.namespace}\n"
            assert [bool(told(site.rest.get(path))) for path in lists] == [True, True, True, True]
            assert "249 executions" in command("archive", "forget", kube.namespace).output
            assert [told(site.rest.get(path)) for path in lists] == [[], [], [], []]
