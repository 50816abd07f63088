"""Dkron behaviour §2.3: what an update keeps."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length
from tests.conformance.rest.row import JOB, RUNS, Row, get, manual, posted, put, row, save, stored

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

HAD_RUNS = (stored(status=PROTECTED_STATUS),)
KEPT = (
    row("an update keeps counters, last times and status", save(), get(JOB, Has(PROTECTED)), given=HAD_RUNS),
    row(
        "an update cannot lower counters or move last times back",
        save(
            manual(
                success_count=1, error_count=1, last_success="2025-01-01T00:00:00Z", last_error="2025-01-01T00:00:00Z"
            )
        ),
        get(JOB, Has(PROTECTED)),
        given=HAD_RUNS,
    ),
    row(
        "an update cannot raise counters or move last times on",
        save(
            manual(
                success_count=99, error_count=99, last_success="2026-06-01T00:00:00Z", last_error="2026-06-01T00:00:00Z"
            )
        ),
        get(JOB, Has(PROTECTED)),
        given=HAD_RUNS,
        differs=differences.FORGED,
    ),
    row(
        "an update cannot change the status",
        put(JOB, 201, sent=manual(status="failed")),
        get(JOB, {"status": "success"}),
        given=HAD_RUNS,
    ),
    row(
        "an update cannot give a status to a job that never ran",
        put(JOB, 201, sent=manual(status="success")),
        get(JOB, {"status": ""}),
        given=posted(),
        differs=differences.FORGED,
    ),
    row(
        "an update cannot push next away",
        save(manual(schedule="@at 2098-01-01T00:00:00Z", next="2099-01-01T00:00:00Z")),
        get(JOB, {"next": "2098-01-01T00:00:00Z"}),
        given=posted(schedule="@at 2098-01-01T00:00:00Z"),
        differs=differences.FORGED,
    ),
    row(
        "an update of the schedule moves next, back as well",
        save(manual(schedule="@at 2098-01-01T00:00:00Z")),
        get(JOB, {"next": "2098-01-01T00:00:00Z"}),
        given=posted(schedule="@at 2099-01-01T00:00:00Z"),
    ),
    row(
        "an update keeps the dependents of a parent",
        save(manual(dependent_jobs=["else"])),
        get(JOB, {"dependent_jobs": ["$job-kid"]}),
        given=(posted(), posted("$job-kid", parent_job="$job")),
    ),
    row(
        "an update keeps the executions",
        put(JOB, 201, sent=manual(owner="Ann")),
        get(RUNS, Length(1)),
        given=stored(
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
            }
        ),
    ),
)

ROWS: tuple[Row, ...] = KEPT
