"""Dkron behaviour §2.1 and §2.4: what a stored job looks like, its parent and its children."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Raw
from tests.conformance.rest.row import Posted, Row, Stored, delete, get, manual, post, put, row

NO_TIME = "0001-01-01T00:00:00Z"
STORED = (
    '{"id":"$job","name":"$job","displayname":"","timezone":"Europe/Madrid","schedule":"@at 2099-01-01T00:00:00Z",'
    '"owner":"","owner_email":"","success_count":0,"error_count":0,"last_success":null,"last_error":null,'
    '"disabled":false,"tags":{"dc":"dc1:1"},"metadata":null,"retries":0,"dependent_jobs":null,"parent_job":"",'
    '"processors":{},"concurrency":"allow","executor":"shell","executor_config":{"command":"date"},"status":"",'
    '"next":"2099-01-01T00:00:00Z","ephemeral":false,"starts_at":null,"expires_at":null}'
)

CHILDREN = (Posted("$job"), Posted("$job-a", {"parent_job": "$job"}), Posted("$job-b", {"parent_job": "$job"}))
OBJECT = (
    row(
        "a fresh job reads back byte for byte",
        "§2.1",
        get("/v1/jobs/$job", 200, Raw(STORED)),
        given=(
            Posted(
                "$job",
                {
                    "timezone": "Europe/Madrid",
                    "schedule": "@at 2099-01-01T00:00:00Z",
                    "tags": {"dc": "dc1:1"},
                    "executor_config": {"command": "date"},
                },
            ),
        ),
    ),
    row(
        "empty maps read back as null, processors as an empty object",
        "§2.1",
        get("/v1/jobs/$job", 200, Has({"tags": None, "metadata": None, "dependent_jobs": None, "processors": {}})),
        given=(Posted("$job"),),
    ),
    row(
        "a processor without settings is an empty object",
        "§2.1",
        get("/v1/jobs/$job", 200, Has({"processors": {"log": {}}})),
        given=(Posted("$job", {"processors": {"log": None}}),),
    ),
    row(
        "an empty executor_config is null",
        "§2.1",
        get("/v1/jobs/$job", 200, Has({"executor_config": None})),
        given=(Posted("$job", {"executor_config": {}}),),
    ),
    row(
        "counters, times and status of a job that ran",
        "§2.1, §2.6, §2.7",
        get(
            "/v1/jobs/$job",
            200,
            Has(
                {
                    "success_count": 3,
                    "error_count": 2,
                    "last_success": "2026-01-02T03:04:05.123456Z",
                    "last_error": "2026-01-01T00:00:00Z",
                    "status": "partially_failed",
                }
            ),
        ),
        given=(
            Stored(
                "$job",
                status={
                    "successCount": 3,
                    "errorCount": 2,
                    "lastSuccess": "2026-01-02T03:04:05.123456Z",
                    "lastError": "2026-01-01T00:00:00Z",
                    "status": "partially_failed",
                },
            ),
        ),
    ),
    row(
        "a job that was made by kubectl is a job",
        "§2.1",
        get(
            "/v1/jobs/$job",
            200,
            Has(
                {
                    "displayname": "Title",
                    "owner_email": "a@b.c",
                    "parent_job": "",
                    "executor_config": {"command": "true"},
                    "retries": 2,
                    "starts_at": "2026-01-01T00:00:00Z",
                }
            ),
        ),
        given=(
            Stored(
                "$job",
                spec={"displayName": "Title", "ownerEmail": "a@b.c", "retries": 2, "startsAt": "2026-01-01T00:00:00Z"},
            ),
        ),
    ),
    row(
        "last times are in UTC whatever the job's time zone",
        "§2.1, §2.7",
        get("/v1/jobs/$job", 200, Has({"last_success": "2026-01-02T03:04:05Z"})),
        given=(Stored("$job", spec={"timezone": "Asia/Tokyo"}, status={"lastSuccess": "2026-01-02T03:04:05Z"}),),
    ),
    row(
        "a hash in the schedule stays a hash",
        "§2.1, §3.2",
        get("/v1/jobs/$job", 200, Has({"schedule": "0 ~ ~ * * *"})),
        given=(Posted("$job", {"schedule": "0 ~ ~ * * *"}),),
    ),
    row(
        "there is nothing about creation, version or links in a job",
        "§2.1",
        get(
            "/v1/jobs/$job",
            200,
            Has(dict.fromkeys(("created_at", "updated_at", "version", "description"), ABSENT)),
            headers={"ETag": re.compile(r'^"\d+"$')},
        ),
        given=(Posted("$job"),),
    ),
)

PARENTS = (
    row(
        "a parent lists its children in the order of their creation, within a second by name",
        "§2.4, §2.1",
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-a", "$job-b"]})),
        given=CHILDREN,
        differs=differences.DEPENDENT_ORDER,
    ),
    row(
        "a child names its parent",
        "§2.4",
        get("/v1/jobs/$job-a", 200, Has({"parent_job": "$job", "dependent_jobs": None})),
        given=CHILDREN,
    ),
    row(
        "a child that is saved again is listed once",
        "§2.4",
        post("/v1/jobs", 201, sent=manual("$job-a", parent_job="$job")),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-a", "$job-b"]})),
        given=CHILDREN,
    ),
    row(
        "a deleted child is not listed any more",
        "§2.4, §1.6",
        delete("/v1/jobs/$job-a"),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-b"]})),
        given=CHILDREN,
    ),
    row(
        "a parent without children any more has null",
        "§2.4",
        delete("/v1/jobs/$job-a"),
        delete("/v1/jobs/$job-b"),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": None})),
        given=CHILDREN,
    ),
    row(
        "a child that moves to another parent is listed there",
        "§2.4",
        post("/v1/jobs", 201, sent=manual("$job-a", parent_job="$job-b")),
        get("/v1/jobs/$job-b", 200, Has({"dependent_jobs": ["$job-a"]})),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-b"]})),
        given=CHILDREN,
    ),
    row(
        "a child that becomes independent is not listed any more",
        "§2.4",
        put("/v1/jobs/$job-a", 201, sent=manual("$job-a")),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-b"]})),
        given=CHILDREN,
    ),
    row(
        "a job can become a child",
        "§2.4",
        post("/v1/jobs", 201, sent=manual("$job-c", parent_job="$job")),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-a", "$job-b", "$job-c"]})),
        given=(*CHILDREN, Posted("$job-c")),
    ),
    row(
        "a child whose parent is missing is not there afterwards",
        "§2.4",
        post("/v1/jobs", 404, sent=manual(parent_job="$job-missing")),
        get("/v1/jobs/$job", 404),
    ),
    row(
        "a move to a missing parent leaves the child where it was",
        "§2.4",
        post("/v1/jobs", 404, sent=manual("$job-a", parent_job="$job-missing")),
        get("/v1/jobs/$job-a", 200, Has({"parent_job": "$job"})),
        given=CHILDREN,
    ),
    row(
        "a parent that is saved again keeps its children",
        "§2.4",
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-a", "$job-b"]})),
        given=CHILDREN,
    ),
    row(
        "children that were made by kubectl are listed",
        "§2.4",
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-kid"]})),
        given=(Posted("$job"), Stored("$job-kid", spec={"parentJob": "$job"})),
    ),
    row(
        "the parent in the list shows its children, too",
        "§2.4",
        get("/v1/jobs?q=$job&_end=1", 200, Has([{"dependent_jobs": ["$job-a", "$job-b"]}])),
        given=CHILDREN,
    ),
)

ROWS: tuple[Row, ...] = (*OBJECT, *PARENTS)
