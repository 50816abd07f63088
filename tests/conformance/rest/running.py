"""Dkron behaviour §1.7 and §1.8: what runs now."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Each, Is, Keys, Own, Raw, both
from tests.conformance.rest.executions import NO_TIME, numbers
from tests.conformance.rest.row import RUNS, Place, Row, get, row, stored
from tests.conformance.rest.runs_of import ended, execution_id, running

KEYS = ("id", "job_name", "started_at", "finished_at", "success", "node_name", "group", "attempt")
RUNS_NOW = {"success": False, "finished_at": NO_TIME}
IN_NEW_YORK = stored(
    "$job-b", status={"active": [running(8), running(6, uid="")], "executions": [ended(1)]}, timezone="America/New_York"
)

ROWS: tuple[Row, ...] = (
    row(
        "a running execution has no success and the zero end time",
        get(
            RUNS,
            [{"id": execution_id(5), **RUNS_NOW, "output": ABSENT}, {"id": execution_id(4)}],
            headers={"X-Total-Count": "2"},
        ),
        get(f"{RUNS}/{execution_id(5)}", {**RUNS_NOW, "output_truncated": ABSENT}),
        given=stored(status={"active": [running(5)], "executions": [ended(4)]}),
    ),
    row(
        "a running execution has the zero time in a time zone, too",
        get(RUNS, [{"finished_at": NO_TIME, "started_at": "2026-01-02T07:05:00.123456-05:00"}]),
        given=stored(status={"active": [running(5)]}, timezone="America/New_York"),
        differs=differences.ZERO_TIME,
    ),
    row(
        "what is only claimed does not run yet",
        get(RUNS, numbers(4)),
        given=stored(status={"active": [running(5, uid="")], "executions": [ended(4)]}),
    ),
    row(
        "nothing running is an empty list",
        get("/v1/busy", Raw("[]"), headers={"X-Total-Count": "0"}),
        where=Place.EMPTY,
    ),
    row(
        "busy lists all running executions, oldest first",
        get("/v1/busy", Own(both(numbers(7, 8, 9), Keys(KEYS), Each(RUNS_NOW)))),
        get("/v1/busy?_end=1&_order=DESC&_sort=id&_start=0", Own(numbers(7, 8, 9))),
        given=(stored("$job-a", status={"active": [running(9), running(7)]}), IN_NEW_YORK),
    ),
    row("what runs is pretty when asked so", get("/v1/busy?pretty", Is([])), where=Place.EMPTY),
)
