"""Dkron behaviour §1.6: get, delete, toggle and run one job. Without an operator a run is asked for, no more."""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Length, Own, Text
from tests.conformance.rest.row import JOB, RUNS, ClusterIs, Place, Row, delete, get, post, posted, row, save, stored
from tests.conformance.rest.runs_of import ended, running

FAMILY = (posted(), posted("$job-kid", parent_job="$job"))
OFF = (posted(disabled=True),)
PAUSED = (ClusterIs(paused=True), stored())

TOGGLE_IT, RUN_IT = f"{JOB}/toggle", f"{JOB}/run"
BUSY = {"active": [running(1)]}
SETTINGS: dict[str, Any] = {"owner": "Ann", "retries": 3, "metadata": {"a": "b"}, "tags": {"dc": "x:1"}}

READ = (
    row(
        "a job is there as soon as it was answered, and can be run",
        save(),
        get(JOB, {"id": "$job", "schedule": "@manually", "executor": "shell", "executor_config": {"command": "true"}}),
        get("/v1/jobs?q=$job", Length(1)),
        post(JOB, 202),
        differs=differences.READ_YOUR_WRITES,
    ),
    row(
        "a missing job, a prefix and an illegal name are not found",
        get(JOB, status=404),
        get("/v1/jobs/Not.Legal", status=404),
        delete(JOB, status=404),
        post(TOGGLE_IT, 404),
        post(JOB, 404),
        post(RUN_IT, 404),
        given=posted("$job-longer"),
        differs=differences.REASONS,
    ),
)

REMOVE = (
    row(
        "delete answers with the job as it was",
        delete(JOB, {"id": "$job", "owner": "Ann", "success_count": 4, "status": "success"}),
        get(JOB, status=404),
        delete(JOB, status=404),
        get("/v1/jobs?q=$job", Length(0)),
        given=stored(owner="Ann", status={"successCount": 4, "status": "success"}),
    ),
    row(
        "a job with children cannot be deleted, and they are named",
        delete(JOB, Text("$job-kid"), status=409),
        get(JOB),
        given=FAMILY,
        differs=differences.DELETE_PARENT,
    ),
    row("a parent can be deleted after its children", delete("/v1/jobs/$job-kid"), delete(JOB), given=FAMILY),
    row(
        "a running job can be deleted and is no longer busy",
        get("/v1/busy", Own(Length(1))),
        delete(JOB),
        get(JOB, status=404),
        get("/v1/busy", Own(Length(0))),
        given=stored(status=BUSY),
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
        "toggle only inverts disabled, and reads no body",
        post(TOGGLE_IT, 200, {"id": "$job", "disabled": True}, headers={"Location": TOGGLE_IT}),
        get(JOB, {"disabled": True, **SETTINGS}),
        post(TOGGLE_IT, 200, {"disabled": False}, sent="garbage"),
        get(JOB, {"disabled": False, **SETTINGS}),
        given=posted(**SETTINGS),
    ),
    row(
        "a job can be toggled while paused", post(TOGGLE_IT, 200, {"disabled": True}), given=PAUSED, where=Place.CLUSTER
    ),
)


def runs(says: str, **more: Any) -> Row:
    """A row in which a run is accepted."""
    return row(says, post(JOB, 202, {"id": "$job"}), **more)


RUN = (
    row(
        "run answers at once with the job before it, has an alias",
        post(JOB, 202, {"id": "$job", "success_count": 4, "status": "failed"}, headers={"Location": JOB}),
        post(RUN_IT, 202, {"id": "$job"}, sent='{"garbage', headers={"Location": RUN_IT}),
        given=stored(status={"successCount": 4, "status": "failed"}),
        differs=differences.RUN,
    ),
    row("a disabled job cannot be run", post(JOB, 404), given=OFF, differs=differences.REASONS),
    runs("a job that forbids concurrency and is idle can be run", given=posted(concurrency="forbid")),
    runs("a job can be run before it starts", given=posted(starts_at="2099-01-01T00:00:00Z")),
    runs("a job can be run after it has expired", given=posted(expires_at="2020-01-01T00:00:00Z")),
    runs("a job whose date has passed can be run", given=posted(schedule="@at 2018-01-01T00:00:00Z")),
    row("a child can be run", post("/v1/jobs/$job-kid", 202), given=FAMILY),
    row(
        "a child can be run even when it is disabled",
        post("/v1/jobs/$job-kid", 202, {"id": "$job-kid"}),
        given=(posted(), posted("$job-kid", parent_job="$job", disabled=True)),
    ),
    row("a job that allows it can be run beside itself", post(JOB, 202), given=stored(status=BUSY)),
    row(
        "a busy job that forbids it can be run only by force",
        post(JOB, 409, Text("forbid|runs|running|busy")),
        post("/v1/jobs/$job?force=true", 202),
        given=stored(status=BUSY, concurrency="forbid"),
        differs=differences.RUN_BUSY,
    ),
    runs("a job can be run while paused", given=PAUSED, where=Place.CLUSTER),
)

ROWS: tuple[Row, ...] = (*READ, *REMOVE, *TOGGLE, *RUN)
