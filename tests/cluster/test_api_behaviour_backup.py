"""What GET /v1/jobs answers is a backup, and POST /v1/restore takes it."""

import json

import pytest

from tests.support.api_sites import ApiSite
from tests.support.jobs import dkron_job
from tests.support.rest import Answer
from tests.support.rest_jobs import body, save

pytestmark = pytest.mark.cluster(nodes="kwok")


def test_a_backup_restores_what_it_shows(own_api: ApiSite) -> None:
    save(own_api, "root", metadata={"a": "<&>"}, tags={"dc": "x:1"}, processors={"log": {"forward": "true"}})
    save(own_api, "kid", parent_job="root", schedule="")
    save(own_api, "with_underscore", schedule="@at 2099-01-01T00:00:00Z", timezone="Asia/Tokyo", retries=4)
    save(own_api, "ñandú", disabled=True, ephemeral=True, expires_at="2099-01-01T00:00:00Z")
    ran = {"successCount": 3, "errorCount": 1, "lastSuccess": "2026-01-02T03:04:05.6Z", "status": "success"}
    own_api.store(dkron_job("ran"), ran)
    backup = own_api.rest.get("/v1/jobs")
    for name in ("kid", "root", "with_underscore", "%C3%B1and%C3%BA", "ran"):
        assert own_api.rest.delete(f"/v1/jobs/{name}").status == 200
    assert own_api.rest.get("/v1/jobs").body == b"[]"
    answer = restore(own_api, backup.body)
    assert (answer.status, len(answer.json())) == (200, 5), answer
    assert all(line.startswith("success create ") for line in answer.json())
    assert own_api.rest.get("/v1/jobs").body == backup.body


def test_a_restore_twice_changes_nothing(own_api: ApiSite) -> None:
    save(own_api, "root")
    save(own_api, "kid", parent_job="root")
    backup = own_api.rest.get("/v1/jobs").body
    for _ in range(2):
        assert restore(own_api, backup).status == 200
    assert own_api.rest.get("/v1/jobs").body == backup


def test_a_thousand_jobs_are_restored_and_listed_in_order(own_api: ApiSite) -> None:
    jobs = [body(f"job-{number:04}", schedule="@daily") for number in reversed(range(1000))]
    answer = restore(own_api, json.dumps(jobs).encode())
    assert answer.status == 200, answer
    listed = own_api.rest.get("/v1/jobs")
    assert listed.header("X-Total-Count") == "1000"
    assert [job["name"] for job in listed.json()] == [f"job-{number:04}" for number in range(1000)]
    page = own_api.rest.get("/v1/jobs?_start=990&_end=1000&_order=DESC")
    assert [job["name"] for job in page.json()] == [f"job-{number:04}" for number in reversed(range(10))]


def restore(site: ApiSite, backup: bytes) -> Answer:
    lines = (b"--b", b'Content-Disposition: form-data; name="file"; filename="f"', b"", backup, b"--b--", b"")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return site.rest.post("/v1/restore", b"\r\n".join(lines), headers=headers, seconds=90)
