"""Dkron behaviour §1.5: POST and PATCH /v1/jobs, PUT /v1/jobs/{job}, and what they answer."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length, Raw, Text, both
from tests.conformance.rest.row import (
    JOB,
    RUNS,
    Place,
    Row,
    delete,
    get,
    manual,
    post,
    posted,
    put,
    row,
    save,
    soon,
    step,
)

NO_TIME = "0001-01-01T00:00:00Z"
FULL: dict[str, Any] = {
    "name": "$job", "displayname": "Title", "timezone": "Europe/Madrid", "schedule": "0 30 2 * * *", "owner": "Ann",
    "owner_email": "ann@example.com", "disabled": True, "tags": {"dc": "dc1:1"}, "metadata": {"office": "Barcelona"},
    "retries": 3, "processors": {"log": {"forward": "true"}}, "concurrency": "forbid", "executor": "shell",
    "executor_config": {"command": "date"}, "ephemeral": True, "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2099-01-01T00:00:00Z",
}  # fmt: skip
OTHERS = {key: value for key, value in FULL.items() if key != "name"}
ERASED = {
    "displayname": "", "timezone": "", "owner": "", "owner_email": "", "disabled": False, "tags": None,
    "metadata": None, "retries": 0, "concurrency": "allow", "ephemeral": False, "starts_at": None, "expires_at": None,
}  # fmt: skip
MINIMAL_ECHO = (
    '{"id":"$job","name":"$job","displayname":"","timezone":"","schedule":"@manually","owner":"","owner_email":"",'
    '"success_count":0,"error_count":0,"last_success":null,"last_error":null,"disabled":false,"tags":null,'
    '"metadata":null,"retries":0,"dependent_jobs":null,"parent_job":"","processors":null,"concurrency":"allow",'
    '"executor":"","executor_config":null,"status":"","next":"0001-01-01T00:00:00Z","ephemeral":false,'
    '"starts_at":null,"expires_at":null}'
)

FORGED = {
    "success_count": 7, "error_count": 8, "last_success": "2026-01-02T03:04:05Z",
    "last_error": "2026-01-02T03:04:06Z", "status": "failed", "next": "2099-01-01T00:00:00Z",
    "dependent_jobs": ["else"],
}  # fmt: skip
FRESH = {
    "success_count": 0, "error_count": 0, "last_success": None, "last_error": None, "status": "", "next": NO_TIME,
    "dependent_jobs": None,
}  # fmt: skip


def upserts(says: str, body: Any, shown: Any, **more: Any) -> tuple[Row, ...]:
    """The same for the three ways to save a job."""
    ways = (("POST", "/v1/jobs"), ("PATCH", "/v1/jobs"), ("PUT", JOB))
    return tuple(
        row(
            f"{method} {says}",
            step(method, path, 201, shown, sent=body, headers={"Location": JOB}),
            get(JOB, shown),
            **more,
        )
        for method, path in ways
    )


SAVING = (
    *upserts("creates a job", manual(owner="Ann"), {"id": "$job", "name": "$job", "owner": "Ann"}),
    row(
        "everything that is sent reads back, however often",
        save(FULL, body=FULL),
        get(JOB, FULL),
        save(FULL),
        get(JOB, FULL),
    ),
    *upserts("erases the fields that are not sent", manual(), ERASED, given=posted(**OTHERS)),
    row(
        "Location is the job, whatever the query of the request",
        post("/v1/jobs?runoncreate&force=1", 201, sent=manual(), headers={"Location": JOB}),
        differs=differences.LOCATION,
    ),
    row(
        "PUT with another name in the body is refused",
        put(JOB, 400, Text("name"), sent=manual("$job-other")),
        get("/v1/jobs/$job-other", status=404),
        differs=differences.PUT_NAME,
    ),
    row(
        "PUT without a name in the body is refused", put(JOB, 400, sent={"schedule": "@manually"}), get(JOB, status=404)
    ),
    row(
        "a name that is no name in Kubernetes keeps its place",
        save(manual("${job}_a")),
        save(manual("${job}_a", owner="Ann")),
        get("/v1/jobs?q=${job}_", both(Length(1), Has([{"name": "${job}_a", "owner": "Ann"}]))),
    ),
    row("a job can be saved again after it was deleted", delete(JOB), save(), get(JOB), given=posted()),
)

ECHO = (
    row(
        "the answer is the request with defaults, in the fixed order",
        save({"name": "$job", "schedule": "@manually"}, body=Raw(MINIMAL_ECHO)),
    ),
    row(
        "next is the zero time in the echo",
        save(manual(schedule="@hourly"), body={"next": NO_TIME}),
        get(JOB, {"next": re.compile(r"^20\d\d-.*:00:00Z$")}),
    ),
    row(
        "id is the name whatever the client sends",
        save(manual(id="else"), body={"id": "$job"}),
        get(JOB, {"id": "$job"}),
    ),
    row(
        "the echo has the sent counters, status and dependents",
        save(manual(**FORGED), body={**FORGED, "next": NO_TIME}),
    ),
    row(
        "forged counters, status, next and dependents are not stored",
        save(manual(**FORGED)),
        get(JOB, Has(FRESH)),
        differs=differences.FORGED,
    ),
    row(
        "maps are echoed as sent, and empty ones read back as null",
        save(manual(tags={}, processors={}), body={"tags": {}, "processors": {}, "metadata": None}),
        get(JOB, {"tags": None, "metadata": None, "processors": {}}),
    ),
    row(
        "empty concurrency is echoed, and reads back as it was sent",
        save(manual(concurrency=""), body={"concurrency": ""}),
        get(JOB, {"concurrency": ""}),
    ),
    row(
        "times with an offset or without seconds are echoed in UTC",
        save(
            manual(expires_at="2099-01-01T00:00:00+01:00", starts_at="2026-01-02T03:04"),
            body={"expires_at": "2098-12-31T23:00:00Z", "starts_at": "2026-01-02T03:04:00Z"},
        ),
        get(JOB, {"expires_at": "2098-12-31T23:00:00Z"}),
    ),
)

RUN_ON_CREATE = (
    row(
        "a job created with any runoncreate runs",
        post("/v1/jobs?runoncreate=false", 201, {"id": "$job"}, sent=manual()),
        soon(RUNS, Length(1)),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate counts for an update, too",
        put("/v1/jobs/$job?runoncreate=true", 201, sent=manual()),
        soon(RUNS, Length(1)),
        given=posted(),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate does not run a job that is refused",
        post("/v1/jobs?runoncreate", 400, sent=manual(timezone="nowhere")),
        get(JOB, status=404),
    ),
)

ROWS: tuple[Row, ...] = (*SAVING, *ECHO, *RUN_ON_CREATE)
