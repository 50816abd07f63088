"""Dkron behaviour §1.7: DELETE /v1/jobs/{job}/executions."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length, Raw
from tests.conformance.rest.executions import RUNS
from tests.conformance.rest.row import Posted, Row, Stored, delete, get, row
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
        "deleting the executions answers with the job, its counters at 0 and its last times null",
        "§1.7, §1.2, §11.2",
        delete(RUNS, 200, Has({"id": "$job", **CLEARED})),
        get("/v1/jobs/$job", 200, Has(CLEARED)),
        get(RUNS, 200, Raw("[]")),
        given=(Stored("$job", status=RAN),),
    ),
    row(
        "deleting the executions leaves status and next",
        "§1.7",
        delete(RUNS, 200, Has({"status": "partially_failed", "next": "2099-01-01T00:00:00Z"})),
        given=(Stored("$job", spec={"schedule": "@at 2099-01-01T00:00:00Z"}, status=RAN),),
    ),
    row(
        "deleting the executions leaves the settings of the job",
        "§1.7",
        delete(RUNS, 200, Has({"owner": "Ann", "disabled": True})),
        given=(Stored("$job", spec={"owner": "Ann", "disabled": True}, status=RAN),),
    ),
    row(
        "the executions of a missing job cannot be deleted",
        "§1.7, §1.11, §1.12",
        delete(RUNS, 404),
        differs=differences.CLEAR_MISSING,
    ),
    row(
        "the executions of a job that has none can be deleted",
        "§1.7",
        delete(RUNS, 200, Has(CLEARED)),
        given=(Posted("$job"),),
    ),
    row(
        "executions can be deleted twice",
        "§1.7",
        delete(RUNS, 200),
        delete(RUNS, 200, Has(CLEARED)),
        given=(Stored("$job", status=RAN),),
    ),
    row(
        "deleting executions leaves those of a neighbour",
        "§1.7",
        delete("/v1/jobs/$job-roc/executions", 200),
        get("/v1/jobs/$job-roc2/executions", 200, Length(2)),
        given=(Stored("$job-roc", status=RAN), Stored("$job-roc2", status=RAN)),
        differs=differences.CLEAR_NEIGHBOUR,
    ),
)

ROWS: tuple[Row, ...] = CLEAR
