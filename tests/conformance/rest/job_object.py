"""Dkron behaviour §2.1 and §2.4: what a stored job looks like, its parent and its children."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Raw
from tests.conformance.rest.row import JOB, Row, delete, get, manual, posted, put, row, save, stored

NO_TIME = "0001-01-01T00:00:00Z"
STORED = (
    '{"id":"$job","name":"$job","displayname":"","timezone":"Europe/Madrid","schedule":"@at 2099-01-01T00:00:00Z",'
    '"owner":"","owner_email":"","success_count":0,"error_count":0,"last_success":null,"last_error":null,'
    '"disabled":false,"tags":{"dc":"dc1:1"},"metadata":null,"retries":0,"dependent_jobs":null,"parent_job":"",'
    '"processors":{},"concurrency":"allow","executor":"shell","executor_config":{"command":"date"},"status":"",'
    '"next":"2099-01-01T00:00:00Z","ephemeral":false,"starts_at":null,"expires_at":null}'
)

CHILDREN = (posted(), posted("$job-a", parent_job="$job"), posted("$job-b", parent_job="$job"))
OBJECT = (
    row(
        "a fresh job reads back byte for byte",
        get(JOB, Raw(STORED)),
        given=posted(
            timezone="Europe/Madrid",
            schedule="@at 2099-01-01T00:00:00Z",
            tags={"dc": "dc1:1"},
            executor_config={"command": "date"},
        ),
    ),
    row(
        "empty maps read back as null, processors as an empty object",
        get(JOB, {"tags": None, "metadata": None, "dependent_jobs": None, "processors": {}}),
        given=posted(),
    ),
    row(
        "a processor without settings is an empty object",
        get(JOB, {"processors": {"log": {}}}),
        given=posted(processors={"log": None}),
    ),
    row("an empty executor_config is null", get(JOB, {"executor_config": None}), given=posted(executor_config={})),
    row(
        "counters, times and status of a job that ran",
        get(
            JOB,
            {
                "success_count": 3,
                "error_count": 2,
                "last_success": "2026-01-02T03:04:05.123456Z",
                "last_error": "2026-01-01T00:00:00Z",
                "status": "partially_failed",
            },
        ),
        given=stored(
            status={
                "successCount": 3,
                "errorCount": 2,
                "lastSuccess": "2026-01-02T03:04:05.123456Z",
                "lastError": "2026-01-01T00:00:00Z",
                "status": "partially_failed",
            }
        ),
    ),
    row(
        "a job that was made by kubectl is a job",
        get(
            JOB,
            {
                "displayname": "Title",
                "owner_email": "a@b.c",
                "parent_job": "",
                "executor_config": {"command": "true"},
                "retries": 2,
                "starts_at": "2026-01-01T00:00:00Z",
            },
        ),
        given=stored(displayName="Title", ownerEmail="a@b.c", retries=2, startsAt="2026-01-01T00:00:00Z"),
    ),
    row(
        "last times are in UTC whatever the job's time zone",
        get(JOB, {"last_success": "2026-01-02T03:04:05Z"}),
        given=stored(status={"lastSuccess": "2026-01-02T03:04:05Z"}, timezone="Asia/Tokyo"),
    ),
    row(
        "a hash in the schedule stays a hash",
        get(JOB, {"schedule": "0 ~ ~ * * *"}),
        given=posted(schedule="0 ~ ~ * * *"),
    ),
    row(
        "there is nothing about creation, version or links in a job",
        get(
            JOB,
            Has(dict.fromkeys(("created_at", "updated_at", "version", "description"), ABSENT)),
            headers={"ETag": re.compile(r'^"\d+"$')},
        ),
        given=posted(),
    ),
)

PARENTS = (
    row(
        "a parent lists its children in the order of their creation, within a second by name",
        get(JOB, {"dependent_jobs": ["$job-a", "$job-b"]}),
        given=CHILDREN,
        differs=differences.DEPENDENT_ORDER,
    ),
    row(
        "a child names its parent",
        get("/v1/jobs/$job-a", {"parent_job": "$job", "dependent_jobs": None}),
        given=CHILDREN,
    ),
    row(
        "a child that is saved again is listed once",
        save(manual("$job-a", parent_job="$job")),
        get(JOB, {"dependent_jobs": ["$job-a", "$job-b"]}),
        given=CHILDREN,
    ),
    row(
        "a deleted child is not listed any more",
        delete("/v1/jobs/$job-a"),
        get(JOB, {"dependent_jobs": ["$job-b"]}),
        given=CHILDREN,
    ),
    row(
        "a parent without children any more has null",
        delete("/v1/jobs/$job-a"),
        delete("/v1/jobs/$job-b"),
        get(JOB, {"dependent_jobs": None}),
        given=CHILDREN,
    ),
    row(
        "a child that moves to another parent is listed there",
        save(manual("$job-a", parent_job="$job-b")),
        get("/v1/jobs/$job-b", {"dependent_jobs": ["$job-a"]}),
        get(JOB, {"dependent_jobs": ["$job-b"]}),
        given=CHILDREN,
    ),
    row(
        "a child that becomes independent is not listed any more",
        put("/v1/jobs/$job-a", 201, sent=manual("$job-a")),
        get(JOB, {"dependent_jobs": ["$job-b"]}),
        given=CHILDREN,
    ),
    row(
        "a job can become a child",
        save(manual("$job-c", parent_job="$job")),
        get(JOB, {"dependent_jobs": ["$job-a", "$job-b", "$job-c"]}),
        given=(*CHILDREN, posted("$job-c")),
    ),
    row(
        "a child whose parent is missing is not there afterwards",
        save(manual(parent_job="$job-missing"), 404),
        get(JOB, status=404),
    ),
    row(
        "a move to a missing parent leaves the child where it was",
        save(manual("$job-a", parent_job="$job-missing"), 404),
        get("/v1/jobs/$job-a", {"parent_job": "$job"}),
        given=CHILDREN,
    ),
    row(
        "a parent that is saved again keeps its children",
        save(),
        get(JOB, {"dependent_jobs": ["$job-a", "$job-b"]}),
        given=CHILDREN,
    ),
    row(
        "children that were made by kubectl are listed",
        get(JOB, {"dependent_jobs": ["$job-kid"]}),
        given=(posted(), stored("$job-kid", parentJob="$job")),
    ),
    row(
        "the parent in the list shows its children, too",
        get("/v1/jobs?q=$job&_end=1", [{"dependent_jobs": ["$job-a", "$job-b"]}]),
        given=CHILDREN,
    ),
)

ROWS: tuple[Row, ...] = (*OBJECT, *PARENTS)
