"""Dkron behaviour §11.2 and what of §1.6 to §1.8 needs jobs that run: with an operator and simulated nodes."""

import re
from typing import Any

from tests.conformance.rest.answers import Has, Length, Own, Some, Text
from tests.conformance.rest.row import (
    JOB,
    RUNS,
    Place,
    Row,
    Step,
    get,
    manual,
    post,
    put,
    row,
    soon,
    stored,
)

TIME = re.compile(r"^2\d{3}-\d\d-\d\dT.*Z$")
TIMES = {"started_at": TIME, "finished_at": TIME}
NO_TIME = "0001-01-01T00:00:00Z"
WAIT = "/v1/jobs/$job?wait=true"


def simulated(*, exit_code: int = 0, run_for: str = "100ms", **spec: Any) -> dict[str, Any]:
    """A spec that tells a simulated node how a run goes."""
    notes = {"kwok.dkron.io/run-for": run_for, "kwok.dkron.io/exit-code": str(exit_code)}
    return {"jobTemplate": {"spec": {"template": {"metadata": {"annotations": notes}}}}, **spec}


def of_runs(says: str, *steps: Step, spec: dict[str, Any] | None = None, **more: Any) -> Row:
    """A row with a job that runs quickly and well, unless `spec` says otherwise."""
    return row(says, *steps, given=stored(**simulated() | (spec or {})), where=Place.OPERATOR, **more)


ROWS: tuple[Row, ...] = (
    of_runs(
        "what runs is busy",
        post(JOB, 202),
        soon("/v1/busy", Own(Has([{"job_name": "$job", "success": False, "finished_at": NO_TIME, "attempt": 1}]))),
        get(RUNS, [{"finished_at": NO_TIME}]),
        spec=simulated(run_for="1h"),
    ),
    of_runs("an interval runs by itself", soon(RUNS, Length(1, or_more=True)), spec={"schedule": "@every 1s"}),
    of_runs(
        "a disabled job does not run while others do",
        soon(RUNS, Length(0)),
        post(JOB, 404),
        get(RUNS, Length(0)),
        spec={"schedule": "@every 1s", "disabled": True},
    ),
    of_runs(
        "a toggled job runs by itself again",
        post(f"{JOB}/toggle", 200),
        soon(RUNS, Length(1, or_more=True)),
        spec={"schedule": "@every 1s", "disabled": True},
    ),
    of_runs(
        "what ran is in the stats of the day", post(WAIT, 200), get("/v1/stats?days=1", Text('"success_count":[1-9]'))
    ),
    of_runs(
        "an updated job runs with its history",
        post(WAIT, 200),
        put(JOB, 201, sent=manual(schedule="@daily")),
        get(JOB, {"schedule": "@daily", "success_count": 1, "status": "success"}),
    ),
    row(
        "the operator leads and is a member",
        soon("/v1/leader", {"Name": re.compile("."), "Tags": {"role": "dkron", "server": "true"}}),
        soon("/v1/members", Some({"Tags": {"role": "dkron"}})),
        where=Place.OPERATOR,
    ),
)
