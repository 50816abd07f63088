"""Dkron behaviour §1.6 and §11.2: runs that are answered when they are over. Each fact about them is two rows: the
request says `?wait=true`, or it is Dkron's own and the installation has `--run-waits`."""

import re
from dataclasses import replace

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Keys, Length, Own, Raw, Text, both
from tests.conformance.rest.lists import KEYS
from tests.conformance.rest.row import JOB, RUNS, ClusterIs, Place, Row, get, post, row, soon, stored
from tests.conformance.rest.runs import TIME, TIMES, WAIT, of_runs, simulated

NODE = re.compile(".")
AS_ASKED = re.compile(r"^/v1/jobs/[^/?]+(\?wait=true)?$")
A_JOB = Keys(tuple(KEYS.split()))
RAN = {"id": "$job", "success_count": 1, "error_count": 0, "status": "success", "last_success": TIME}
A_SECOND = {"Prefer": "wait=1"}
ENDLESS = simulated(run_for="1h")
FAILS = simulated(exit_code=1)


def either_way(asked: Row) -> tuple[Row, Row]:
    """The fact, and the same of an installation that waits without being asked to."""
    unasked = tuple(replace(step, path=JOB) if step.path == WAIT else step for step in asked.steps)
    return asked, replace(asked, says=f"{asked.says}, --run-waits", steps=unasked, where=Place.WAITS)


FACTS: tuple[Row, ...] = (
    of_runs(
        "a run can be waited for",
        post(WAIT, 200, both(A_JOB, Has(RAN)), headers={"Location": AS_ASKED, "Vary": "Prefer"}),
        get(RUNS, [{"success": True, "job_name": "$job", "attempt": 1, "node_name": NODE, **TIMES}]),
        differs=differences.RUN,
    ),
    of_runs(
        "an awaited run that fails is 200",
        post(WAIT, 200, {"success_count": 0, "error_count": 1, "status": "failed"}),
        get(RUNS, [{"success": False, "output": re.compile("^exit status 1"), "node_name": NODE, **TIMES}]),
        spec=FAILS,
    ),
    of_runs(
        "a run is waited for with its retries",
        post(WAIT, 200, {"error_count": 2, "status": "failed"}),
        get(f"{RUNS}?_order=ASC", [{"attempt": 1}, {"attempt": 2}]),
        spec={**FAILS, "retries": 1, "retryBackoff": {"initial": "0s", "max": "0s"}},
    ),
    row(
        "an awaited run includes its dependents",
        post(WAIT, 200, {"status": "success", "dependent_jobs": ["$job-kid"]}),
        get("/v1/jobs/$job-kid", {"success_count": 1}),
        get("/v1/jobs/$job-grandkid", {"error_count": 1, "status": "failed"}),
        given=(
            stored(**simulated()),
            stored("$job-kid", **simulated(parentJob="$job")),
            stored("$job-grandkid", **simulated(exit_code=1, parentJob="$job-kid")),
        ),
        where=Place.OPERATOR,
    ),
    row(
        "an ephemeral job goes, and its dependents run",
        post(WAIT, 200, {"status": "success"}),
        soon("/v1/jobs/$job-kid", {"success_count": 1}),
        soon(JOB, status=404),
        given=(stored(**simulated(ephemeral=True)), stored("$job-kid", **simulated(parentJob="$job"))),
        where=Place.OPERATOR,
        differs=differences.EPHEMERAL_PARENT,
    ),
    row(
        "a run on request is recorded while paused",
        soon("/v1/pause", Raw('{"paused":true}')),
        post(WAIT, 200, {"success_count": 1}),
        get(RUNS, Length(1)),
        given=(stored(**simulated()), ClusterIs(paused=True)),
        where=Place.OPERATOR,
    ),
    row(
        "a missing job is not found by a waiting run",
        post(WAIT, 404, Text("$job")),
        where=Place.OPERATOR,
        differs=differences.REASONS,
    ),
    of_runs(
        "nor of one that is disabled",
        post(WAIT, 404, Text("disabled")),
        get(RUNS, Length(0)),
        spec={"disabled": True},
    ),
    of_runs(
        "a forbidden parallel run is refused at once",
        post(f"{JOB}?wait=false", 202),
        soon("/v1/busy", Own(Length(1))),
        post(WAIT, 409, Text("concurrency is forbid")),
        get(RUNS, Length(1)),
        spec={**ENDLESS, "concurrency": "forbid"},
        differs=differences.RUN_BUSY,
    ),
    of_runs(
        "a wait of a second ends, and the run continues",
        post(WAIT, 202, {"name": "$job"}, sent_headers=A_SECOND, headers={"Preference-Applied": "wait=1"}),
        soon("/v1/busy", Own(Length(1))),
        spec=ENDLESS,
    ),
)

ROWS: tuple[Row, ...] = tuple(row for fact in FACTS for row in either_way(fact))
