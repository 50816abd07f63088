"""Dkron behaviour §1.5: POST and PATCH /v1/jobs, PUT /v1/jobs/{job}, and what they answer."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Keys, Length, Raw, Text, both
from tests.conformance.rest.row import (
    JOB,
    RUNS,
    Place,
    Row,
    Step,
    get,
    manual,
    patch,
    post,
    posted,
    put,
    row,
    save,
    soon,
)

NO_TIME = "0001-01-01T00:00:00Z"
FULL: dict[str, Any] = {
    "name": "$job",
    "displayname": "Title",
    "timezone": "Europe/Madrid",
    "schedule": "0 30 2 * * *",
    "owner": "Ann",
    "owner_email": "ann@example.com",
    "disabled": True,
    "tags": {"dc": "dc1:1"},
    "metadata": {"office": "Barcelona"},
    "retries": 3,
    "processors": {"log": {"forward": "true"}},
    "concurrency": "forbid",
    "executor": "shell",
    "executor_config": {"command": "date"},
    "ephemeral": True,
    "starts_at": "2026-01-01T00:00:00Z",
    "expires_at": "2099-01-01T00:00:00Z",
}

OTHERS = {key: value for key, value in FULL.items() if key != "name"}
ERASED = {
    "displayname": "",
    "timezone": "",
    "owner": "",
    "owner_email": "",
    "disabled": False,
    "tags": None,
    "metadata": None,
    "retries": 0,
    "processors": {},
    "concurrency": "allow",
    "ephemeral": False,
    "starts_at": None,
    "expires_at": None,
}

MINIMAL_ECHO = (
    '{"id":"$job","name":"$job","displayname":"","timezone":"","schedule":"@manually","owner":"","owner_email":"",'
    '"success_count":0,"error_count":0,"last_success":null,"last_error":null,"disabled":false,"tags":null,'
    '"metadata":null,"retries":0,"dependent_jobs":null,"parent_job":"","processors":null,"concurrency":"allow",'
    '"executor":"","executor_config":null,"status":"","next":"0001-01-01T00:00:00Z","ephemeral":false,'
    '"starts_at":null,"expires_at":null}'
)

FORGED = {
    "success_count": 7,
    "error_count": 8,
    "last_success": "2026-01-02T03:04:05Z",
    "last_error": "2026-01-02T03:04:06Z",
    "status": "failed",
    "next": "2099-01-01T00:00:00Z",
    "dependent_jobs": ["nobody"],
}

FRESH = {
    "success_count": 0,
    "error_count": 0,
    "last_success": None,
    "last_error": None,
    "status": "",
    "next": NO_TIME,
    "dependent_jobs": None,
}


def upserts(says: str, body: Any, shown: Any, **more: Any) -> tuple[Row, ...]:
    """The same for the three ways to save a job."""
    ways = (("POST", "/v1/jobs"), ("PATCH", "/v1/jobs"), ("PUT", JOB))
    return tuple(
        row(f"{method} {says}", Step(method, path, 201, Has(shown), sent=body), get(JOB, Has(shown)), **more)
        for method, path in ways
    )


SAVING = (
    *upserts("creates a job", manual(), {"id": "$job", "name": "$job"}),
    *upserts("replaces a job", manual(owner="Ann"), {"owner": "Ann"}, given=posted(owner="Bob")),
    *upserts(
        "erases the fields that are not sent",
        manual(),
        {k: v for k, v in ERASED.items() if k != "processors"},
        given=posted(**OTHERS),
    ),
    row("everything that is sent reads back", save(FULL, body=Has(FULL)), get(JOB, Has(FULL))),
    row("an update leaves processors an empty object", save(), get(JOB, {"processors": {}}), given=posted(**OTHERS)),
    row("Location of a POST is the job", save(headers={"Location": JOB})),
    row(
        "Location is the job, whatever the query of the request",
        post("/v1/jobs?runoncreate&force=1", 201, sent=manual(), headers={"Location": JOB}),
        differs=differences.LOCATION,
    ),
    row(
        "Location of a PUT is the job",
        put(JOB, 201, sent=manual(), headers={"Location": JOB}),
        differs=differences.LOCATION,
    ),
    row("Location of a PATCH is the job", patch("/v1/jobs", 201, sent=manual(), headers={"Location": JOB})),
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
    row("saving the same twice changes nothing", save(FULL), get(JOB, Has(FULL)), given=posted(**OTHERS)),
    row("a job can be saved again after it was deleted", Step("DELETE", JOB, 200), save(), get(JOB), given=posted()),
)

ECHO = (
    row(
        "the answer is the request with defaults, in the fixed order",
        save({"name": "$job", "schedule": "@manually"}, body=Raw(MINIMAL_ECHO)),
    ),
    row("the echo has the same keys as a job", save(body=Keys(tuple(re.findall(r'"(\w+)":', MINIMAL_ECHO))))),
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
        "the echo has counters, status and dependents as the client sent them",
        save(manual(**FORGED), body={**FORGED, "next": NO_TIME}),
    ),
    row(
        "forged counters, status, next and dependents of a new job are not stored",
        save(manual(**FORGED)),
        get(JOB, Has(FRESH)),
        differs=differences.FORGED,
    ),
    row(
        "processors that are sent are echoed",
        save(manual(processors={"log": {"a": "b"}}), body={"processors": {"log": {"a": "b"}}}),
    ),
    row(
        "empty maps are echoed as they are sent and read back as null",
        save(manual(tags={}, metadata={})),
        get(JOB, {"tags": None, "metadata": None}),
    ),
    row("concurrency that is absent is allow", save(body={"concurrency": "allow"}), get(JOB, {"concurrency": "allow"})),
    row(
        "empty concurrency is echoed, and reads back as allow",
        save(manual(concurrency=""), body={"concurrency": ""}),
        get(JOB, {"concurrency": "allow"}),
        differs=differences.CONCURRENCY,
    ),
    row("owner is kept as the client says", save(manual(owner="anybody"), body={"owner": "anybody"})),
    row(
        "starts_at in minutes is echoed as a whole time",
        save(manual(starts_at="2026-01-02T03:04"), body={"starts_at": "2026-01-02T03:04:00Z"}),
    ),
    row(
        "times with an offset are echoed in UTC",
        save(manual(expires_at="2099-01-01T00:00:00+01:00"), body={"expires_at": "2098-12-31T23:00:00Z"}),
        get(JOB, {"expires_at": "2098-12-31T23:00:00Z"}),
    ),
)

RUN_ON_CREATE = (
    row(
        "a job that is created with runoncreate runs",
        post("/v1/jobs?runoncreate", 201, {"id": "$job"}, sent=manual()),
        soon(RUNS, Length(1)),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate counts with any value",
        post("/v1/jobs?runoncreate=false", 201, sent=manual()),
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
