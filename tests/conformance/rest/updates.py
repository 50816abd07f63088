"""Dkron behaviour §2.3: what an update keeps."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length
from tests.conformance.rest.row import JOB, RUNS, Row, get, manual, posted, put, row, save, stored
from tests.conformance.rest.runs_of import ended

RAN = stored(
    status={
        "successCount": 5,
        "errorCount": 4,
        "lastSuccess": "2026-03-01T00:00:00Z",
        "lastError": "2026-03-02T00:00:00Z",
        "status": "success",
        "executions": [ended(1)],
    }
)
KEPT = Has(
    {
        "success_count": 5,
        "error_count": 4,
        "last_success": "2026-03-01T00:00:00Z",
        "last_error": "2026-03-02T00:00:00Z",
        "status": "success",
    }
)


def forged(count: int, time: str, status: str) -> dict[str, object]:
    """A job with a history of the client's own."""
    return manual(success_count=count, error_count=count, last_success=time, last_error=time, status=status)


ROWS: tuple[Row, ...] = (
    row(
        "an update keeps counters, last times, status and executions",
        save(),
        get(JOB, KEPT),
        get(RUNS, Length(1)),
        given=RAN,
    ),
    row(
        "an update changes no counters, last times or status",
        save(forged(1, "2025-01-01T00:00:00Z", "failed")),
        get(JOB, KEPT),
        given=RAN,
    ),
    row(
        "an update cannot raise counters or move last times on",
        put(JOB, 201, sent=forged(99, "2026-06-01T00:00:00Z", "failed")),
        get(JOB, KEPT),
        given=RAN,
        differs=differences.FORGED,
    ),
    row(
        "an update cannot give a status to a job that never ran",
        put(JOB, 201, sent=manual(status="success")),
        get(JOB, {"status": ""}),
        given=posted(),
        differs=differences.FORGED,
    ),
    row(
        "only an update of the schedule moves next, also back",
        save(manual(schedule="@at 2098-01-01T00:00:00Z", next="2099-06-01T00:00:00Z")),
        get(JOB, {"next": "2098-01-01T00:00:00Z"}),
        given=posted(schedule="@at 2099-01-01T00:00:00Z"),
        differs=differences.FORGED,
    ),
    row(
        "an update keeps the dependents of a parent",
        save(manual(dependent_jobs=["else"])),
        get(JOB, {"dependent_jobs": ["$job-kid"]}),
        given=(posted(), posted("$job-kid", parent_job="$job")),
    ),
)
