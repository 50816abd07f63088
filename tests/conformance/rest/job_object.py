"""Dkron behaviour §2.1 and §2.4: what a stored job looks like, its parent and its children."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Raw
from tests.conformance.rest.row import JOB, Row, Step, delete, get, manual, posted, put, row, save, stored

NO_TIME = "0001-01-01T00:00:00Z"
KID, GONE = "/v1/jobs/$job-a", "$job-missing"
STORED = (
    '{"id":"$job","name":"$job","displayname":"","timezone":"Europe/Madrid","schedule":"@at 2099-01-01T00:00:00Z",'
    '"owner":"","owner_email":"","success_count":0,"error_count":0,"last_success":null,"last_error":null,'
    '"disabled":false,"tags":{"dc":"dc1:1"},"metadata":null,"retries":0,"dependent_jobs":null,"parent_job":"",'
    '"processors":{},"concurrency":"allow","executor":"shell","executor_config":{"command":"date"},"status":"",'
    '"next":"2099-01-01T00:00:00Z","ephemeral":false,"starts_at":null,"expires_at":null}'
)
SENT: dict[str, Any] = {
    "timezone": "Europe/Madrid", "schedule": "@at 2099-01-01T00:00:00Z", "tags": {"dc": "dc1:1"},
    "executor_config": {"command": "date"},
}  # fmt: skip
RAN = {
    "successCount": 3, "errorCount": 2, "lastSuccess": "2026-01-02T03:04:05.120000Z",
    "lastError": "2026-01-01T00:00:00.000000Z", "status": "partially_failed",
}  # fmt: skip
HAS_RUN = {
    "success_count": 3, "error_count": 2, "last_success": "2026-01-02T03:04:05.12Z",
    "last_error": "2026-01-01T00:00:00Z", "status": "partially_failed",
}  # fmt: skip
TITLED: dict[str, Any] = {
    "displayName": "Title",
    "ownerEmail": "a@b.c",
    "retries": 2,
    "startsAt": "2026-01-01T00:00:00Z",
}
OBJECT = (
    row("a fresh job reads back byte for byte", get(JOB, Raw(STORED)), given=posted(**SENT)),
    row(
        "an empty processor is an object, executor_config null",
        get(JOB, {"processors": {"log": {}}, "executor_config": None}),
        given=posted(processors={"log": None}, executor_config={}),
    ),
    row(
        "a job that ran has counters, a status and short UTC times",
        get(JOB, HAS_RUN),
        given=stored(status=RAN, timezone="Asia/Tokyo"),
    ),
    row(
        "a job that was made by kubectl is a job",
        get(JOB, {"displayname": "Title", "owner_email": "a@b.c", "retries": 2, "starts_at": "2026-01-01T00:00:00Z"}),
        given=stored(**TITLED),
    ),
    row(
        "there is nothing about creation, version or links in a job",
        get(
            JOB,
            {"created_at": ABSENT, "updated_at": ABSENT, "version": ABSENT, "description": ABSENT},
            headers={"ETag": re.compile(r'^"\d+"$')},
        ),
        given=posted(),
    ),
)


def family(says: str, *steps: Step, **more: Any) -> Row:
    """A row about a job with the children a and b."""
    given = (posted(), posted("$job-a", parent_job="$job"), posted("$job-b", parent_job="$job"))
    return row(says, *steps, given=given, **more)


def children(*names: str, of: str = JOB) -> Step:
    """The children that a parent shows."""
    return get(of, {"dependent_jobs": [f"$job-{name}" for name in names] or None})


PARENTS = (
    family(
        "a parent lists its children by creation and name",
        children("a", "b"),
        get("/v1/jobs?q=$job&_end=1", [{"dependent_jobs": ["$job-a", "$job-b"]}]),
        get(KID, {"parent_job": "$job", "dependent_jobs": None}),
        differs=differences.DEPENDENT_ORDER,
    ),
    family(
        "a family that is saved again stays as it is",
        save(manual("$job-a", parent_job="$job")),
        children("a", "b"),
        save(),
        children("a", "b"),
    ),
    family(
        "a deleted child is not listed any more, and none is null",
        delete(KID),
        children("b"),
        delete("/v1/jobs/$job-b"),
        children(),
    ),
    family(
        "a child that moves to another parent is listed there",
        save(manual("$job-a", parent_job="$job-b")),
        children("a", of="/v1/jobs/$job-b"),
        children("b"),
    ),
    family(
        "a child can become independent, and a job can become a child",
        put(KID, 201, sent=manual("$job-a")),
        children("b"),
        put(KID, 201, sent=manual("$job-a", parent_job="$job")),
        children("a", "b"),
    ),
    row("a child whose parent is missing is not stored", save(manual(parent_job=GONE), 404), get(JOB, status=404)),
    family(
        "a move to a missing parent leaves the child where it was",
        save(manual("$job-a", parent_job=GONE), 404),
        get(KID, {"parent_job": "$job"}),
    ),
    row(
        "children that were made by kubectl are listed",
        children("kid"),
        given=(posted(), stored("$job-kid", parentJob="$job")),
    ),
)

ROWS: tuple[Row, ...] = (*OBJECT, *PARENTS)
