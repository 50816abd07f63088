"""Dkron behaviour §11.2 and what of §1.6 to §1.8 needs jobs that run: with an operator and simulated nodes."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Each, Has, Length, Own, Raw, Some, Text
from tests.conformance.rest.row import ClusterIs, Place, Row, Step, Stored, delete, get, manual, post, put, row

TIME = re.compile(r"^2\d{3}-\d\d-\d\dT.*Z$")
RUNS = "/v1/jobs/$job/executions"
WAIT = "/v1/jobs/$job?wait=true"


def simulated(*, exit_code: int = 0, run_for: str = "100ms") -> dict[str, object]:
    """What tells a simulated node how a run goes."""
    notes = {"kwok.dkron.io/run-for": run_for, "kwok.dkron.io/exit-code": str(exit_code)}
    return {"jobTemplate": {"spec": {"template": {"metadata": {"annotations": notes}}}}}


def of_runs(says: str, source: str, *steps: Step, spec: dict[str, object] | None = None, **more: object) -> Row:
    """A row with a job that runs quickly and well, unless `spec` says otherwise."""
    given = (Stored("$job", spec=simulated() | (spec or {})),)
    return Row(says, source, steps, given, Place.OPERATOR, **more)  # type: ignore[arg-type]


def soon(path: str, body: object) -> Step:
    return get(path, 200, body, eventually=True)  # type: ignore[arg-type]


ROWS: tuple[Row, ...] = (
    of_runs(
        "a run is recorded as a success",
        "§11.2, §1.6",
        post("/v1/jobs/$job", 202),
        soon(
            RUNS,
            Has(
                [
                    {
                        "success": True,
                        "job_name": "$job",
                        "started_at": TIME,
                        "finished_at": TIME,
                        "node_name": re.compile("."),
                        "attempt": 1,
                    }
                ]
            ),
        ),
        soon("/v1/jobs/$job", Has({"success_count": 1, "error_count": 0, "status": "success", "last_success": TIME})),
    ),
    of_runs(
        "a run that fails is recorded as such",
        "§11.2, §1.6",
        post("/v1/jobs/$job", 202),
        soon(RUNS, Has([{"success": False, "output": re.compile("^exit status 1")}])),
        soon("/v1/jobs/$job", Has({"success_count": 0, "error_count": 1, "status": "failed", "last_error": TIME})),
        spec=simulated(exit_code=1),
    ),
    of_runs(
        "a run can be waited for",
        "§1.6",
        post(WAIT, 200, Has({"id": "$job", "success_count": 1, "status": "success"})),
        get(RUNS, 200, Length(1)),
        differs=differences.RUN,
    ),
    of_runs(
        "a run that fails is 200, too, when it is waited for",
        "§1.6",
        post(WAIT, 200, Has({"error_count": 1, "status": "failed"})),
        spec=simulated(exit_code=1),
    ),
    of_runs(
        "a run is waited for with its retries",
        "§1.6, §2.6",
        post(WAIT, 200, Has({"error_count": 2, "status": "failed"})),
        get(f"{RUNS}?_order=ASC", 200, Has([{"attempt": 1}, {"attempt": 2}])),
        spec={**simulated(exit_code=1), "retries": 1, "retryBackoff": {"initial": "0s", "max": "0s"}},
    ),
    Row(
        "a run is waited for with all that runs after it",
        "§1.6, §4.8",
        (
            post(WAIT, 200, Has({"status": "success", "dependent_jobs": ["$job-kid"]})),
            get("/v1/jobs/$job-kid", 200, Has({"success_count": 1})),
            get("/v1/jobs/$job-grandkid", 200, Has({"error_count": 1, "status": "failed"})),
        ),
        (
            Stored("$job", spec=simulated()),
            Stored("$job-kid", spec=simulated() | {"parentJob": "$job"}),
            Stored("$job-grandkid", spec=simulated(exit_code=1) | {"parentJob": "$job-kid"}),
        ),
        Place.OPERATOR,
    ),
    Row(
        "an ephemeral job goes after its success, and the jobs after it run",
        "§2.7",
        (
            post(WAIT, 200, Has({"status": "success"})),
            soon("/v1/jobs/$job-kid", Has({"success_count": 1})),
            get("/v1/jobs/$job", 404, eventually=True),
        ),
        (
            Stored("$job", spec=simulated() | {"ephemeral": True}),
            Stored("$job-kid", spec=simulated() | {"parentJob": "$job"}),
        ),
        Place.OPERATOR,
        differs=differences.EPHEMERAL_PARENT,
    ),
    of_runs("two runs are two executions", "§11.2", post(WAIT, 200), post(WAIT, 200), get(RUNS, 200, Length(2))),
    of_runs(
        "what runs is busy",
        "§1.8, §1.7, §11.2",
        post("/v1/jobs/$job", 202),
        soon(
            "/v1/busy",
            Own(Has([{"job_name": "$job", "success": False, "finished_at": "0001-01-01T00:00:00Z", "attempt": 1}])),
        ),
        get(RUNS, 200, Has([{"finished_at": "0001-01-01T00:00:00Z"}])),
        spec=simulated(run_for="1h"),
    ),
    of_runs(
        "deleting the executions after runs leaves none",
        "§11.2",
        post(WAIT, 200),
        delete(RUNS, 200, Has({"success_count": 0})),
        get(RUNS, 200, Length(0)),
        get("/v1/jobs/$job", 200, Has({"success_count": 0, "status": "success"})),
    ),
    of_runs("an interval runs by itself", "§11.2", soon(RUNS, Length(1, or_more=True)), spec={"schedule": "@every 1s"}),
    of_runs(
        "a disabled job does not run while others do",
        "§11.2",
        soon(RUNS, Length(0)),
        post("/v1/jobs/$job", 404),
        get(RUNS, 200, Length(0)),
        spec={"schedule": "@every 1s", "disabled": True},
    ),
    of_runs(
        "a toggled job runs by itself again",
        "§11.2, §1.6",
        post("/v1/jobs/$job/toggle", 200),
        soon(RUNS, Length(1, or_more=True)),
        spec={"schedule": "@every 1s", "disabled": True},
    ),
    of_runs(
        "a run in the middle of a run is refused where concurrency is forbidden",
        "§1.6",
        post("/v1/jobs/$job", 202),
        soon("/v1/busy", Own(Length(1))),
        post("/v1/jobs/$job", 409),
        spec={**simulated(run_for="1h"), "concurrency": "forbid"},
        differs=differences.RUN_BUSY,
    ),
    of_runs(
        "what ran is in the stats of the day",
        "§1.8",
        post(WAIT, 200),
        get("/v1/stats?days=1", 200, Text('"success_count":[1-9]')),
    ),
    of_runs(
        "an updated job runs with its history",
        "§2.3, §11.2",
        post(WAIT, 200),
        put("/v1/jobs/$job", 201, sent=manual(schedule="@daily")),
        get("/v1/jobs/$job", 200, Has({"schedule": "@daily", "success_count": 1, "status": "success"})),
    ),
    row(
        "a job that was posted while nothing was paused runs at once",
        "§11.2",
        post("/v1/jobs", 201, sent=manual()),
        post(WAIT, 200, Has({"success_count": 1})),
        get(RUNS, 200, Each({"success": True})),
        where=Place.OPERATOR,
    ),
    Row(
        "a run on request is recorded while paused",
        "§11.2, §1.8",
        (
            soon("/v1/pause", Raw('{"paused":true}')),
            post(WAIT, 200, Has({"success_count": 1})),
            get(RUNS, 200, Length(1)),
        ),
        (Stored("$job", spec=simulated()), ClusterIs(paused=True)),
        Place.OPERATOR,
    ),
    row(
        "an unpaused job runs",
        "§11.2, §1.8",
        post("/v1/unpause", 200),
        post("/v1/jobs", 201, sent=manual()),
        post(WAIT, 200, Has({"success_count": 1})),
        where=Place.OPERATOR,
    ),
    row(
        "the operator leads and is a member",
        "§1.3, §11.2",
        soon("/v1/leader", Has({"Name": re.compile("."), "Tags": {"role": "dkron", "server": "true"}})),
        soon("/v1/members", Some({"Tags": {"role": "dkron"}})),
        where=Place.OPERATOR,
    ),
)
