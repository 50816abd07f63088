"""Dkron behaviour §2.3: what an update keeps."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length
from tests.conformance.rest.row import Posted, Row, Stored, get, manual, post, put, row

PROTECTED_STATUS = {
    "successCount": 5,
    "errorCount": 4,
    "lastSuccess": "2026-03-01T00:00:00Z",
    "lastError": "2026-03-02T00:00:00Z",
    "status": "success",
}

PROTECTED = {
    "success_count": 5,
    "error_count": 4,
    "last_success": "2026-03-01T00:00:00Z",
    "last_error": "2026-03-02T00:00:00Z",
    "status": "success",
}

HAD_RUNS = (Stored("$job", status=PROTECTED_STATUS),)
KEPT = (
    row(
        "an update keeps counters, last times and status",
        "§2.3, §1.12",
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200, Has(PROTECTED)),
        given=HAD_RUNS,
    ),
    row(
        "an update cannot lower counters or move last times back",
        "§2.3",
        post(
            "/v1/jobs",
            201,
            sent=manual(
                success_count=1, error_count=1, last_success="2025-01-01T00:00:00Z", last_error="2025-01-01T00:00:00Z"
            ),
        ),
        get("/v1/jobs/$job", 200, Has(PROTECTED)),
        given=HAD_RUNS,
    ),
    row(
        "an update cannot raise counters or move last times on",
        "§2.3, §1.12",
        post(
            "/v1/jobs",
            201,
            sent=manual(
                success_count=99, error_count=99, last_success="2026-06-01T00:00:00Z", last_error="2026-06-01T00:00:00Z"
            ),
        ),
        get("/v1/jobs/$job", 200, Has(PROTECTED)),
        given=HAD_RUNS,
        differs=differences.FORGED,
    ),
    row(
        "an update cannot change the status",
        "§2.3",
        put("/v1/jobs/$job", 201, sent=manual(status="failed")),
        get("/v1/jobs/$job", 200, Has({"status": "success"})),
        given=HAD_RUNS,
    ),
    row(
        "an update cannot give a status to a job that never ran",
        "§2.3",
        put("/v1/jobs/$job", 201, sent=manual(status="success")),
        get("/v1/jobs/$job", 200, Has({"status": ""})),
        given=(Posted("$job"),),
        differs=differences.FORGED,
    ),
    row(
        "an update cannot push next away",
        "§2.3, §2.5",
        post("/v1/jobs", 201, sent=manual(schedule="@at 2098-01-01T00:00:00Z", next="2099-01-01T00:00:00Z")),
        get("/v1/jobs/$job", 200, Has({"next": "2098-01-01T00:00:00Z"})),
        given=(Posted("$job", {"schedule": "@at 2098-01-01T00:00:00Z"}),),
        differs=differences.FORGED,
    ),
    row(
        "an update of the schedule moves next, back as well",
        "§2.3, §2.5",
        post("/v1/jobs", 201, sent=manual(schedule="@at 2098-01-01T00:00:00Z")),
        get("/v1/jobs/$job", 200, Has({"next": "2098-01-01T00:00:00Z"})),
        given=(Posted("$job", {"schedule": "@at 2099-01-01T00:00:00Z"}),),
    ),
    row(
        "an update keeps the dependents of a parent",
        "§2.3, §2.4",
        post("/v1/jobs", 201, sent=manual(dependent_jobs=["else"])),
        get("/v1/jobs/$job", 200, Has({"dependent_jobs": ["$job-kid"]})),
        given=(Posted("$job"), Posted("$job-kid", {"parent_job": "$job"})),
    ),
    row(
        "an update keeps the executions",
        "§2.3",
        put("/v1/jobs/$job", 201, sent=manual(owner="Ann")),
        get("/v1/jobs/$job/executions", 200, Length(1)),
        given=(
            Stored(
                "$job",
                status={
                    "executions": [
                        {
                            "id": "1-a",
                            "job": "a",
                            "slot": "2026-01-01T00:00:00Z",
                            "trigger": "manual",
                            "group": 1,
                            "attempt": 1,
                            "startedAt": "2026-01-01T00:00:00Z",
                            "finishedAt": "2026-01-01T00:00:01Z",
                            "success": True,
                        }
                    ]
                },
            ),
        ),
    ),
)

ROWS: tuple[Row, ...] = KEPT
