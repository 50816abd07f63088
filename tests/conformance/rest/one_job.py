"""Dkron behaviour §1.6: get, delete, toggle and run one job. Without an operator a run is asked for, no more."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Length, Own, Text
from tests.conformance.rest.row import JOB, RUNS, ClusterIs, Place, Row, delete, get, post, posted, row, save, stored
from tests.conformance.rest.runs_of import ended, running

FAMILY = (posted(), posted("$job-kid", parent_job="$job"))
OFF = (posted(disabled=True),)
PAUSED = (ClusterIs(paused=True), stored())

READ = (
    row(
        "a job is shown",
        get(
            JOB,
            {
                "id": "$job",
                "name": "$job",
                "schedule": "@manually",
                "executor": "shell",
                "executor_config": {"command": "true"},
            },
        ),
        given=posted(),
    ),
    row("a missing job is not found", get(JOB, status=404), differs=differences.REASONS),
    row("a name that can be none is not found", get("/v1/jobs/Not.Legal", status=404)),
    row("a name that is only the beginning of another is not found", get(JOB, status=404), given=posted("$job-longer")),
    row(
        "a job is there as soon as it was answered",
        save(),
        get(JOB),
        get("/v1/jobs?q=$job", Length(1)),
        differs=differences.READ_YOUR_WRITES,
    ),
)

REMOVE = (
    row(
        "delete answers with the job as it was",
        delete(JOB, {"id": "$job", "owner": "Ann"}),
        get(JOB, status=404),
        get("/v1/jobs?q=$job", Length(0)),
        given=posted(owner="Ann"),
    ),
    row(
        "delete answers with the counters as they were",
        delete(JOB, {"success_count": 4, "status": "success"}),
        given=stored(status={"successCount": 4, "status": "success"}),
    ),
    row("a missing job cannot be deleted", delete(JOB, status=404), differs=differences.REASONS),
    row("a job can be deleted once", delete(JOB), delete(JOB, status=404), given=posted()),
    row(
        "a job with children cannot be deleted, and they are named",
        delete(JOB, Text("$job-kid"), status=409),
        get(JOB),
        given=FAMILY,
        differs=differences.DELETE_PARENT,
    ),
    row("a parent can be deleted after its children", delete("/v1/jobs/$job-kid"), delete(JOB), given=FAMILY),
    row(
        "a job that is running can be deleted, and is not busy any more",
        get("/v1/busy", Own(Length(1))),
        delete(JOB),
        get(JOB, status=404),
        get("/v1/busy", Own(Length(0))),
        given=stored(status={"active": [running(1)]}),
        differs=differences.DELETE_RUNNING,
    ),
    row(
        "a deleted job leaves the executions of its neighbour",
        delete("/v1/jobs/$job-roc"),
        get("/v1/jobs/$job-roc2/executions", Length(1)),
        given=(
            stored("$job-roc", status={"executions": [ended(1)]}),
            stored("$job-roc2", status={"executions": [ended(2)]}),
        ),
        differs=differences.CLEAR_NEIGHBOUR,
    ),
    row(
        "the executions of a deleted job are gone",
        delete(JOB),
        get(RUNS, status=404),
        save(),
        get(RUNS, Length(0)),
        given=stored(status={"executions": [ended(1)]}),
    ),
    row("a job can be deleted while paused", delete(JOB), given=PAUSED, where=Place.CLUSTER),
)

TOGGLE = (
    row(
        "toggle disables an enabled job",
        post(f"{JOB}/toggle", 200, {"id": "$job", "disabled": True}),
        get(JOB, {"disabled": True}),
        given=posted(),
    ),
    row(
        "toggle enables a disabled job",
        post(f"{JOB}/toggle", 200, {"disabled": False}),
        get(JOB, {"disabled": False}),
        given=OFF,
    ),
    row(
        "toggle twice is as before",
        post(f"{JOB}/toggle", 200, {"disabled": True}),
        post(f"{JOB}/toggle", 200, {"disabled": False}),
        given=posted(),
    ),
    row(
        "Location of a toggle is its own path",
        post(f"{JOB}/toggle", 200, headers={"Location": f"{JOB}/toggle"}),
        given=posted(),
    ),
    row("a missing job cannot be toggled", post(f"{JOB}/toggle", 404), differs=differences.REASONS),
    row(
        "toggle leaves everything else",
        post(f"{JOB}/toggle", 200),
        get(JOB, {"owner": "Ann", "retries": 3, "metadata": {"a": "b"}, "tags": {"dc": "x:1"}}),
        given=posted(owner="Ann", retries=3, metadata={"a": "b"}, tags={"dc": "x:1"}),
    ),
    row("toggle reads no body", post(f"{JOB}/toggle", 200, {"disabled": True}, sent="garbage"), given=posted()),
    row(
        "a job can be toggled while paused",
        post(f"{JOB}/toggle", 200, {"disabled": True}),
        given=PAUSED,
        where=Place.CLUSTER,
    ),
)


def runs(says: str, **more: object) -> Row:
    """A row in which a run is accepted."""
    return row(says, post(JOB, 202, {"id": "$job"}), **more)  # type: ignore[arg-type]


RUN = (
    runs("run answers at once with the job", given=posted(), differs=differences.RUN),
    row("run has an alias", post(f"{JOB}/run", 202, {"id": "$job"}), given=posted(), differs=differences.RUN),
    row(
        "Location of a run is its own path",
        post(JOB, 202, headers={"Location": JOB}),
        post(f"{JOB}/run", 202, headers={"Location": f"{JOB}/run"}),
        given=posted(),
    ),
    row(
        "run answers with the counters as they are before",
        post(JOB, 202, {"success_count": 4, "status": "failed"}),
        given=stored(status={"successCount": 4, "status": "failed"}),
    ),
    row("run reads no body", post(JOB, 202, sent='{"garbage'), given=posted()),
    row("a missing job cannot be run", post(JOB, 404), post(f"{JOB}/run", 404), differs=differences.REASONS),
    row("a disabled job cannot be run", post(JOB, 404), given=OFF, differs=differences.REASONS),
    runs("a job can be run before it starts", given=posted(starts_at="2099-01-01T00:00:00Z")),
    runs("a job can be run after it has expired", given=posted(expires_at="2020-01-01T00:00:00Z")),
    runs("a job whose date has passed can be run", given=posted(schedule="@at 2018-01-01T00:00:00Z")),
    row("a child can be run", post("/v1/jobs/$job-kid", 202, {"id": "$job-kid"}), given=FAMILY),
    row(
        "a child can be run even when it is disabled",
        post("/v1/jobs/$job-kid", 202),
        given=(posted(), posted("$job-kid", parent_job="$job", disabled=True)),
    ),
    row("a job that allows it can be run beside itself", post(JOB, 202), given=stored(status={"active": [running(1)]})),
    row(
        "a busy job that forbids it cannot be run",
        post(JOB, 409, Text("forbid|runs|running|busy")),
        given=stored(status={"active": [running(1)]}, concurrency="forbid"),
        differs=differences.RUN_BUSY,
    ),
    row(
        "a busy job that forbids it can be run by force",
        post("/v1/jobs/$job?force=true", 202),
        given=stored(status={"active": [running(1)]}, concurrency="forbid"),
        differs=differences.RUN_BUSY,
    ),
    runs("a job that forbids concurrency and is idle can be run", given=posted(concurrency="forbid")),
    runs("a job can be run while paused", given=PAUSED, where=Place.CLUSTER),
    row("a job can be run as soon as it was created", save(), post(JOB, 202), differs=differences.READ_YOUR_WRITES),
)

ROWS: tuple[Row, ...] = (*READ, *REMOVE, *TOGGLE, *RUN)
