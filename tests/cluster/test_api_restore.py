"""Backups of many jobs, and wrong ones: each job is reported, and what cannot be stored harms nothing else.

How long it takes is not asked. `@every` is left out where a backup has to give the same list again: its slots count
from the creation of a job, which is another one afterwards.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_sites import ApiSite, api_site
from tests.support.hostile import MIB, Memory
from tests.support.jobs import dkron_job
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save, shown
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.cluster(nodes="none"), pytest.mark.timeout(400)]

MANY = 1_000
FAMILY = 10
PATIENCE = 300.0
HEADERS = {"Content-Type": "multipart/form-data; boundary=bbb"}


def restore(site: ApiSite, backup: bytes | Sequence[Any], query: str = "", **headers: str) -> Answer:
    """Send the backup as a file in a form."""
    data = backup if isinstance(backup, bytes) else json.dumps(backup, ensure_ascii=False).encode()
    lines = (b"--bbb", b'Content-Disposition: form-data; name="file"; filename="f"', b"", data, b"--bbb--", b"")
    return site.rest.post(f"/v1/restore{query}", b"\r\n".join(lines), headers=HEADERS | headers, seconds=PATIENCE)


def reports(answer: Answer) -> list[str]:
    """The lines of the answer."""
    assert answer.status == 200, answer
    lines = answer.json()
    assert isinstance(lines, list)
    return lines


def listed(site: ApiSite) -> Answer:
    """GET /v1/jobs."""
    answer = site.rest.get("/v1/jobs")
    assert answer.status == 200, answer
    return answer


def in_order(answer: Answer) -> list[Any]:
    """The jobs with their children by name: these are in the order of their creation, which a restore repeats."""
    return [job | {"dependent_jobs": sorted(job["dependent_jobs"] or ())} for job in answer.json()]


def families(count: int) -> list[dict[str, Any]]:
    """Jobs in families of ten: one by schedule, its children, and theirs; children stand before their parents."""
    jobs = []
    for number in range(count):
        first, place = number - number % FAMILY, number % FAMILY
        parent = "" if place == 0 else f"job-{first:05}" if place < 4 else f"job-{first + 1 + place % 3:05}"
        schedule = "" if parent else f"0 {number % 60} 3 * * *"
        fields = {"parent_job": parent, "schedule": schedule, "owner": f"owner-{number}"}
        jobs.append(body(f"job-{number:05}", metadata={"n": str(number)}, **fields))
    return jobs[::-1]


@pytest.fixture
def second(cluster: localcluster.Cluster, tmp_path: Path, own_api: ApiSite) -> Iterator[ApiSite]:
    """Another namespace, with an API of its own."""
    assert own_api.kube.namespace
    folder = tmp_path / "second"
    folder.mkdir()
    with api_site(cluster.kubeconfig, purpose="second", folder=folder) as site:
        yield site
        site.api.assert_clean()


def test_restore_of_a_thousand_stores_parents_first(own_api: ApiSite) -> None:
    jobs = families(MANY)
    memory = Memory(own_api.api.pid)
    with ThreadPoolExecutor(1) as pool:
        restoring = pool.submit(restore, own_api, jobs)
        served = list[int]()

        def ended() -> bool:
            served.append(own_api.rest.get("/v1/busy").status)
            return restoring.done()

        wait_for("the end of the restore", ended, bool, seconds=PATIENCE, guard=own_api.api.check)
        lines = reports(restoring.result())
    grown = memory.growth()
    assert set(served) == {200}, "others are served meanwhile"
    assert sorted(lines) == sorted(f"success create {job['name']}" for job in jobs)
    places = {line.removeprefix("success create "): place for place, line in enumerate(lines)}
    assert all(places[job["parent_job"]] < places[job["name"]] for job in jobs if job["parent_job"])
    assert grown < 120 * MIB, f"it grew by {grown / MIB:.0f} MiB"
    answer = listed(own_api)
    assert answer.header("X-Total-Count") == str(MANY)
    found = {job["name"]: job for job in answer.json()}
    assert {name: (job["owner"], job["parent_job"], job["schedule"]) for name, job in found.items()} == {
        job["name"]: (job["owner"], job["parent_job"], job["schedule"]) for job in jobs
    }
    assert sorted(found["job-00000"]["dependent_jobs"]) == ["job-00001", "job-00002", "job-00003"]
    stored = own_api.kube.all(DKRON_JOBS)
    assert {each["metadata"]["name"]: each["spec"]["owner"] for each in stored} == {
        job["name"]: job["owner"] for job in jobs
    }


def test_interrupted_restore_leaves_whole_jobs_with_parents(own_api: ApiSite) -> None:
    jobs = {job["name"]: job for job in families(MANY)}
    with ThreadPoolExecutor(1) as pool:
        restoring = pool.submit(restore, own_api, list(jobs.values()))
        own_api.kube.wait_for(
            "some to be stored",
            lambda: int(own_api.rest.get("/v1/jobs?_end=0").header("X-Total-Count") or 0),
            lambda count: count > 100,
        )
        own_api.api.stop()
        with contextlib.suppress(OSError, HTTPException):
            # A client that still gets an answer learns which jobs were not stored.
            assert any("success" not in line for line in reports(restoring.result()))
    stored = {each["metadata"]["name"]: each["spec"] for each in own_api.kube.all(DKRON_JOBS)}
    assert 100 < len(stored) < MANY
    for name, spec in stored.items():
        assert (spec["owner"], spec["metadata"]) == (jobs[name]["owner"], jobs[name]["metadata"])
        assert not spec["parentJob"] or spec["parentJob"] in stored, f"{name} without its parent"


def test_backup_restores_the_same_list_in_another_cluster(own_api: ApiSite, second: ApiSite) -> None:
    reports(restore(own_api, families(30)))
    save(
        own_api,
        "texts",
        displayname="<&>\u2028ñ😀",
        owner_email="a@b",
        metadata={"é": "\0", "a": ""},
        tags={"dc": "x:1"},
    )
    save(own_api, "with_underscore", schedule="0 0 2 29 2 *", timezone="Asia/Tokyo", retries=4, concurrency="forbid")
    save(
        own_api, "ñandú", disabled=True, ephemeral=True, starts_at="2098-01-01T00:00", expires_at="2099-01-01T00:00:00Z"
    )
    save(
        own_api, "once", schedule="@at 2099-01-01T00:00:00+02:00", processors={"log": {"forward": "true"}, "files": {}}
    )
    save(own_api, "other", executor="http", executor_config={"method": "GET", "url": "http://x", "expectBody": "<&>"})
    for name, status in (
        ("ran", {"successCount": 3, "errorCount": 1, "lastSuccess": "2026-01-02T03:04:05.6Z", "status": "success"}),
        ("failed", {"errorCount": 1, "lastError": "2026-01-02T03:04:05Z", "status": "failed"}),
        ("half", {"successCount": 9, "errorCount": 9, "status": "partially_failed"}),
    ):
        own_api.store(dkron_job(name, schedule="TZ=Europe/Madrid 0 30 2 * * mon-fri"), status)
    backup = listed(own_api)
    lines = reports(restore(second, backup.body))
    assert {line.partition(" ")[0] for line in lines} == {"success"}
    assert len(lines) == 38
    assert in_order(listed(second)) == in_order(backup)
    pretty = second.rest.get("/v1/jobs?pretty")
    assert in_order(pretty) == in_order(own_api.rest.get("/v1/jobs?pretty"))
    assert {line.partition(" ")[0] for line in reports(restore(second, pretty.body))} == {"success"}
    assert in_order(listed(second)) == in_order(backup), "and twice is as once"


def test_fields_of_other_managers_are_reported_and_forced(shared_api: ApiSite) -> None:
    manifest = dkron_job("of-git", owner="Git")
    shared_api.kube.create(DKRON_JOBS, manifest, fieldManager="argocd-controller")
    shared_api.wait_known(shared_api.kube.get(DKRON_JOBS, "of-git"))
    backup = [body("of-git", owner="backup"), body("free")]
    first, second = reports(restore(shared_api, backup))
    assert first.startswith("fail create of-git: "), first
    assert "argocd-controller" in first
    assert second == "success create free"
    assert shown(shared_api, "of-git")["owner"] == "Git"
    assert reports(restore(shared_api, backup, "?force=true")) == ["success create of-git", "success create free"]
    assert shown(shared_api, "of-git")["owner"] == "backup"
