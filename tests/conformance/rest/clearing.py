"""Dkron behaviour §1.7: DELETE /v1/jobs/{job}/executions."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length, Raw
from tests.conformance.rest.row import JOB, RUNS, Row, delete, get, posted, row, stored
from tests.conformance.rest.runs_of import ended

CLEARED = {"success_count": 0, "error_count": 0, "last_success": None, "last_error": None}
RAN = {
    "successCount": 3,
    "errorCount": 2,
    "lastSuccess": "2026-01-02T12:00:00Z",
    "lastError": "2026-01-01T12:00:00Z",
    "status": "partially_failed",
    "executions": [ended(2), ended(1)],
}

CLEAR = (
    row(
        "deleting the executions resets counters and last times",
        delete(RUNS, {"id": "$job", **CLEARED}),
        delete(RUNS, {"id": "$job", **CLEARED}),
        get(JOB, Has(CLEARED)),
        get(RUNS, Raw("[]")),
        given=stored(status=RAN),
    ),
    row(
        "deleting the executions keeps status, next and settings",
        delete(RUNS, {"status": "partially_failed", "next": "2099-01-01T00:00:00Z", "owner": "Ann"}),
        given=stored(status=RAN, schedule="@at 2099-01-01T00:00:00Z", owner="Ann"),
    ),
    row("the executions of a job that has none can be deleted", delete(RUNS, CLEARED), given=posted()),
    row(
        "the executions of a missing job cannot be deleted", delete(RUNS, status=404), differs=differences.CLEAR_MISSING
    ),
    row(
        "deleting executions leaves the executions of a neighbour",
        delete("/v1/jobs/$job-roc/executions"),
        get("/v1/jobs/$job-roc2/executions", Length(2)),
        given=(stored("$job-roc", status=RAN), stored("$job-roc2", status=RAN)),
        differs=differences.CLEAR_NEIGHBOUR,
    ),
)

ROWS: tuple[Row, ...] = CLEAR
