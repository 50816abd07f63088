"""Dkron behaviour §1.5: POST and PATCH /v1/jobs, PUT /v1/jobs/{job}, and what they answer."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Keys, Length, Raw, Text, both
from tests.conformance.rest.row import Place, Posted, Row, Step, get, manual, patch, post, put, row

NO_TIME = "0001-01-01T00:00:00Z"
FULL = {
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


def upserts(says: str, source: str, body: Any, shown: Any, **more: Any) -> tuple[Row, ...]:
    """The same for the three ways to save a job."""
    ways = (("POST", "/v1/jobs"), ("PATCH", "/v1/jobs"), ("PUT", "/v1/jobs/$job"))
    return tuple(
        row(
            f"{method} {says}",
            source,
            Step(method, path, 201, Has(shown), sent=body),
            get("/v1/jobs/$job", 200, Has(shown)),
            **more,
        )
        for method, path in ways
    )


SAVING = (
    *upserts("creates a job", "§1.5, §1.2, §11.2", manual(), {"id": "$job", "name": "$job"}),
    *upserts(
        "replaces a job",
        "§1.5, §1.2",
        manual(owner="Ann"),
        {"owner": "Ann"},
        given=(Posted("$job", {"owner": "Bob"}),),
    ),
    *upserts(
        "erases the fields that are not sent",
        "§1.5, §2.3",
        manual(),
        {k: v for k, v in ERASED.items() if k != "processors"},
        given=(Posted("$job", OTHERS),),
    ),
    row(
        "everything that is sent reads back",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Has(FULL), sent=FULL),
        get("/v1/jobs/$job", 200, Has(FULL)),
    ),
    row(
        "an update leaves processors an empty object",
        "§1.5",
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200, Has({"processors": {}})),
        given=(Posted("$job", OTHERS),),
    ),
    row(
        "Location of a POST is the job",
        "§1.5",
        post("/v1/jobs", 201, sent=manual(), headers={"Location": "/v1/jobs/$job"}),
    ),
    row(
        "Location is the job, whatever the query of the request",
        "§1.5",
        post("/v1/jobs?runoncreate&force=1", 201, sent=manual(), headers={"Location": "/v1/jobs/$job"}),
        differs=differences.LOCATION,
    ),
    row(
        "Location of a PUT is the job",
        "§1.5",
        put("/v1/jobs/$job", 201, sent=manual(), headers={"Location": "/v1/jobs/$job"}),
        differs=differences.LOCATION,
    ),
    row(
        "Location of a PATCH is the job",
        "§1.5",
        patch("/v1/jobs", 201, sent=manual(), headers={"Location": "/v1/jobs/$job"}),
    ),
    row(
        "PUT with another name in the body is refused",
        "§1.5, §1.2",
        put("/v1/jobs/$job", 400, Text("name"), sent=manual("$job-other")),
        get("/v1/jobs/$job-other", 404),
        differs=differences.PUT_NAME,
    ),
    row(
        "PUT without a name in the body is refused",
        "§1.5",
        put("/v1/jobs/$job", 400, sent={"schedule": "@manually"}),
        get("/v1/jobs/$job", 404),
    ),
    row(
        "a name that is no name in Kubernetes keeps its place",
        "§1.5, §2.2",
        post("/v1/jobs", 201, sent=manual("${job}_a")),
        post("/v1/jobs", 201, sent=manual("${job}_a", owner="Ann")),
        get("/v1/jobs?q=${job}_", 200, both(Length(1), Has([{"name": "${job}_a", "owner": "Ann"}]))),
    ),
    row(
        "saving the same twice changes nothing",
        "§1.5",
        post("/v1/jobs", 201, sent=FULL),
        get("/v1/jobs/$job", 200, Has(FULL)),
        given=(Posted("$job", OTHERS),),
    ),
    row(
        "a job can be saved again after it was deleted",
        "§1.5",
        Step("DELETE", "/v1/jobs/$job", 200),
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200),
        given=(Posted("$job"),),
    ),
)

ECHO = (
    row(
        "the answer is the request with defaults, in the fixed order",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Raw(MINIMAL_ECHO), sent={"name": "$job", "schedule": "@manually"}),
    ),
    row(
        "the echo has the same keys as a job",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Keys(tuple(re.findall(r'"(\w+)":', MINIMAL_ECHO))), sent=manual()),
    ),
    row(
        "next is the zero time in the echo",
        "§1.5, §2.5",
        post("/v1/jobs", 201, Has({"next": NO_TIME}), sent=manual(schedule="@hourly")),
        get("/v1/jobs/$job", 200, Has({"next": re.compile(r"^20\d\d-.*:00:00Z$")})),
    ),
    row(
        "id is the name whatever the client sends",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Has({"id": "$job"}), sent=manual(id="else")),
        get("/v1/jobs/$job", 200, Has({"id": "$job"})),
    ),
    row(
        "the echo has counters, status and dependents as the client sent them",
        "§1.5",
        post("/v1/jobs", 201, Has({**FORGED, "next": NO_TIME}), sent=manual(**FORGED)),
    ),
    row(
        "forged counters, status, next and dependents of a new job are not stored",
        "§1.5, §2.3",
        post("/v1/jobs", 201, sent=manual(**FORGED)),
        get("/v1/jobs/$job", 200, Has(FRESH)),
        differs=differences.FORGED,
    ),
    row(
        "processors that are sent are echoed",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Has({"processors": {"log": {"a": "b"}}}), sent=manual(processors={"log": {"a": "b"}})),
    ),
    row(
        "empty maps are echoed as they are sent and read back as null",
        "§1.5, §2.1",
        post("/v1/jobs", 201, sent=manual(tags={}, metadata={})),
        get("/v1/jobs/$job", 200, Has({"tags": None, "metadata": None})),
    ),
    row(
        "concurrency that is absent is allow",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Has({"concurrency": "allow"}), sent=manual()),
        get("/v1/jobs/$job", 200, Has({"concurrency": "allow"})),
    ),
    row(
        "empty concurrency is echoed, and reads back as allow",
        "§1.5, §2.1",
        post("/v1/jobs", 201, Has({"concurrency": ""}), sent=manual(concurrency="")),
        get("/v1/jobs/$job", 200, Has({"concurrency": "allow"})),
        differs=differences.CONCURRENCY,
    ),
    row(
        "owner is kept as the client says",
        "§1.5",
        post("/v1/jobs", 201, Has({"owner": "anybody"}), sent=manual(owner="anybody")),
    ),
    row(
        "starts_at in minutes is echoed as a whole time",
        "§1.5, §2.2",
        post("/v1/jobs", 201, Has({"starts_at": "2026-01-02T03:04:00Z"}), sent=manual(starts_at="2026-01-02T03:04")),
    ),
    row(
        "times with an offset are echoed in UTC",
        "§1.5, §2.2",
        post(
            "/v1/jobs",
            201,
            Has({"expires_at": "2098-12-31T23:00:00Z"}),
            sent=manual(expires_at="2099-01-01T00:00:00+01:00"),
        ),
        get("/v1/jobs/$job", 200, Has({"expires_at": "2098-12-31T23:00:00Z"})),
    ),
)

RUN_ON_CREATE = (
    row(
        "a job that is created with runoncreate runs",
        "§1.5, §1.2",
        post("/v1/jobs?runoncreate", 201, Has({"id": "$job"}), sent=manual()),
        get("/v1/jobs/$job/executions", 200, Length(1), eventually=True),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate counts with any value",
        "§1.5",
        post("/v1/jobs?runoncreate=false", 201, sent=manual()),
        get("/v1/jobs/$job/executions", 200, Length(1), eventually=True),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate counts for an update, too",
        "§1.5",
        put("/v1/jobs/$job?runoncreate=true", 201, sent=manual()),
        get("/v1/jobs/$job/executions", 200, Length(1), eventually=True),
        given=(Posted("$job"),),
        where=Place.OPERATOR,
    ),
    row(
        "runoncreate does not run a job that is refused",
        "§1.5",
        post("/v1/jobs?runoncreate", 400, sent=manual(timezone="nowhere")),
        get("/v1/jobs/$job", 404),
    ),
)

ROWS: tuple[Row, ...] = (*SAVING, *ECHO, *RUN_ON_CREATE)
