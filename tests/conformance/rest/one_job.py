"""Dkron behaviour §1.6: get, delete, toggle and run one job. Without an operator a run is asked for, no more."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Length, Own, Text
from tests.conformance.rest.row import ClusterIs, Place, Posted, Row, Stored, delete, get, manual, post, row
from tests.conformance.rest.runs_of import ended, running

FAMILY = (Posted("$job"), Posted("$job-kid", {"parent_job": "$job"}))
OFF = (Posted("$job", {"disabled": True}),)
PAUSED = (ClusterIs(paused=True), Stored("$job"))

READ = (
    row(
        "a job is shown",
        "§1.6, §1.2, §11.2",
        get(
            "/v1/jobs/$job",
            200,
            Has(
                {
                    "id": "$job",
                    "name": "$job",
                    "schedule": "@manually",
                    "executor": "shell",
                    "executor_config": {"command": "true"},
                }
            ),
        ),
        given=(Posted("$job"),),
    ),
    row(
        "a missing job is not found",
        "§1.6, §1.11, §11.2",
        get("/v1/jobs/$job", 404),
        differs=differences.REASONS,
    ),
    row("a name that can be none is not found", "§1.6", get("/v1/jobs/Not.Legal", 404)),
    row(
        "a name that is only the beginning of another is not found",
        "§1.6",
        get("/v1/jobs/$job", 404),
        given=(Posted("$job-longer"),),
    ),
    row(
        "a job is there as soon as it was answered",
        "§1.10",
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200),
        get("/v1/jobs?q=$job", 200, Length(1)),
        differs=differences.READ_YOUR_WRITES,
    ),
)

REMOVE = (
    row(
        "delete answers with the job as it was",
        "§1.6, §1.2, §11.2",
        delete("/v1/jobs/$job", 200, Has({"id": "$job", "owner": "Ann"})),
        get("/v1/jobs/$job", 404),
        get("/v1/jobs?q=$job", 200, Length(0)),
        given=(Posted("$job", {"owner": "Ann"}),),
    ),
    row(
        "delete answers with the counters as they were",
        "§1.6",
        delete("/v1/jobs/$job", 200, Has({"success_count": 4, "status": "success"})),
        given=(Stored("$job", status={"successCount": 4, "status": "success"}),),
    ),
    row(
        "a missing job cannot be deleted",
        "§1.6, §1.11, §11.2",
        delete("/v1/jobs/$job", 404),
        differs=differences.REASONS,
    ),
    row(
        "a job can be deleted once",
        "§1.6",
        delete("/v1/jobs/$job", 200),
        delete("/v1/jobs/$job", 404),
        given=(Posted("$job"),),
    ),
    row(
        "a job with children cannot be deleted, and they are named",
        "§1.6, §1.11",
        delete("/v1/jobs/$job", 409, Text("$job-kid")),
        get("/v1/jobs/$job", 200),
        given=FAMILY,
        differs=differences.DELETE_PARENT,
    ),
    row(
        "a parent can be deleted after its children",
        "§1.6",
        delete("/v1/jobs/$job-kid", 200),
        delete("/v1/jobs/$job", 200),
        given=FAMILY,
    ),
    row(
        "a job that is running can be deleted, and is not busy any more",
        "§1.6, §1.8",
        get("/v1/busy", 200, Own(Length(1))),
        delete("/v1/jobs/$job", 200),
        get("/v1/jobs/$job", 404),
        get("/v1/busy", 200, Own(Length(0))),
        given=(Stored("$job", status={"active": [running(1)]}),),
        differs=differences.DELETE_RUNNING,
    ),
    row(
        "a deleted job leaves the executions of its neighbour",
        "§1.6",
        delete("/v1/jobs/$job-roc", 200),
        get("/v1/jobs/$job-roc2/executions", 200, Length(1)),
        given=(
            Stored("$job-roc", status={"executions": [ended(1)]}),
            Stored("$job-roc2", status={"executions": [ended(2)]}),
        ),
        differs=differences.CLEAR_NEIGHBOUR,
    ),
    row(
        "the executions of a deleted job are gone",
        "§1.6",
        delete("/v1/jobs/$job", 200),
        get("/v1/jobs/$job/executions", 404),
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job/executions", 200, Length(0)),
        given=(Stored("$job", status={"executions": [ended(1)]}),),
    ),
    row(
        "a job can be deleted while paused",
        "§1.6, §1.8",
        delete("/v1/jobs/$job", 200),
        given=PAUSED,
        where=Place.CLUSTER,
    ),
)

TOGGLE = (
    row(
        "toggle disables an enabled job",
        "§1.6, §1.2, §11.2",
        post("/v1/jobs/$job/toggle", 200, Has({"id": "$job", "disabled": True})),
        get("/v1/jobs/$job", 200, Has({"disabled": True})),
        given=(Posted("$job"),),
    ),
    row(
        "toggle enables a disabled job",
        "§1.6, §11.2",
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": False})),
        get("/v1/jobs/$job", 200, Has({"disabled": False})),
        given=OFF,
    ),
    row(
        "toggle twice is as before",
        "§1.6, §1.10",
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": True})),
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": False})),
        given=(Posted("$job"),),
    ),
    row(
        "Location of a toggle is its own path",
        "§1.6",
        post("/v1/jobs/$job/toggle", 200, headers={"Location": "/v1/jobs/$job/toggle"}),
        given=(Posted("$job"),),
    ),
    row(
        "a missing job cannot be toggled",
        "§1.6, §1.11, §11.2",
        post("/v1/jobs/$job/toggle", 404),
        differs=differences.REASONS,
    ),
    row(
        "toggle leaves everything else",
        "§1.6",
        post("/v1/jobs/$job/toggle", 200),
        get("/v1/jobs/$job", 200, Has({"owner": "Ann", "retries": 3, "metadata": {"a": "b"}, "tags": {"dc": "x:1"}})),
        given=(Posted("$job", {"owner": "Ann", "retries": 3, "metadata": {"a": "b"}, "tags": {"dc": "x:1"}}),),
    ),
    row(
        "toggle reads no body",
        "§1.6",
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": True}), sent="garbage"),
        given=(Posted("$job"),),
    ),
    row(
        "a job can be toggled while paused",
        "§1.6, §1.8",
        post("/v1/jobs/$job/toggle", 200, Has({"disabled": True})),
        given=PAUSED,
        where=Place.CLUSTER,
    ),
)


def runs(says: str, source: str = "§1.6", **more: object) -> Row:
    """A row in which a run is accepted."""
    return row(says, source, post("/v1/jobs/$job", 202, Has({"id": "$job"})), **more)  # type: ignore[arg-type]


RUN = (
    runs(
        "run answers at once with the job", "§1.6, §1.2, §1.11, §1.12", given=(Posted("$job"),), differs=differences.RUN
    ),
    row(
        "run has an alias",
        "§1.6, §1.2, §1.12, §11.2",
        post("/v1/jobs/$job/run", 202, Has({"id": "$job"})),
        given=(Posted("$job"),),
        differs=differences.RUN,
    ),
    row(
        "Location of a run is its own path",
        "§1.6",
        post("/v1/jobs/$job", 202, headers={"Location": "/v1/jobs/$job"}),
        post("/v1/jobs/$job/run", 202, headers={"Location": "/v1/jobs/$job/run"}),
        given=(Posted("$job"),),
    ),
    row(
        "run answers with the counters as they are before",
        "§1.6",
        post("/v1/jobs/$job", 202, Has({"success_count": 4, "status": "failed"})),
        given=(Stored("$job", status={"successCount": 4, "status": "failed"}),),
    ),
    row("run reads no body", "§1.6", post("/v1/jobs/$job", 202, sent='{"garbage'), given=(Posted("$job"),)),
    row(
        "a missing job cannot be run",
        "§1.6, §1.11, §11.2",
        post("/v1/jobs/$job", 404),
        post("/v1/jobs/$job/run", 404),
        differs=differences.REASONS,
    ),
    row(
        "a disabled job cannot be run",
        "§1.6, §1.11",
        post("/v1/jobs/$job", 404),
        given=OFF,
        differs=differences.REASONS,
    ),
    runs("a job can be run before it starts", given=(Posted("$job", {"starts_at": "2099-01-01T00:00:00Z"}),)),
    runs("a job can be run after it has expired", given=(Posted("$job", {"expires_at": "2020-01-01T00:00:00Z"}),)),
    runs("a job whose date has passed can be run", given=(Posted("$job", {"schedule": "@at 2018-01-01T00:00:00Z"}),)),
    row("a child can be run", "§1.6", post("/v1/jobs/$job-kid", 202, Has({"id": "$job-kid"})), given=FAMILY),
    row(
        "a child can be run even when it is disabled",
        "§1.6",
        post("/v1/jobs/$job-kid", 202),
        given=(Posted("$job"), Posted("$job-kid", {"parent_job": "$job", "disabled": True})),
    ),
    row(
        "a job that allows it can be run beside itself",
        "§1.6",
        post("/v1/jobs/$job", 202),
        given=(Stored("$job", status={"active": [running(1)]}),),
    ),
    row(
        "a busy job that forbids it cannot be run",
        "§1.6",
        post("/v1/jobs/$job", 409, Text("forbid|runs|running|busy")),
        given=(Stored("$job", spec={"concurrency": "forbid"}, status={"active": [running(1)]}),),
        differs=differences.RUN_BUSY,
    ),
    row(
        "a busy job that forbids it can be run by force",
        "§1.6",
        post("/v1/jobs/$job?force=true", 202),
        given=(Stored("$job", spec={"concurrency": "forbid"}, status={"active": [running(1)]}),),
        differs=differences.RUN_BUSY,
    ),
    runs("a job that forbids concurrency and is idle can be run", given=(Posted("$job", {"concurrency": "forbid"}),)),
    runs("a job can be run while paused", "§1.6, §1.8, §11.2", given=PAUSED, where=Place.CLUSTER),
    row(
        "a job can be run as soon as it was created",
        "§1.10, §1.6",
        post("/v1/jobs", 201, sent=manual()),
        post("/v1/jobs/$job", 202),
        differs=differences.READ_YOUR_WRITES,
    ),
)

ROWS: tuple[Row, ...] = (*READ, *REMOVE, *TOGGLE, *RUN)
