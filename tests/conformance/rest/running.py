"""Dkron behaviour §1.7 and §1.8: what runs now."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Each, Is, Keys, Own, Raw
from tests.conformance.rest.executions import NO_TIME, numbers
from tests.conformance.rest.row import RUNS, Place, Row, get, row, stored
from tests.conformance.rest.runs_of import ended, execution_id, running

BUSY = (stored(status={"active": [running(5)], "executions": [ended(4)]}),)
RUNNING = (
    row(
        "a running execution has no success yet and the zero time as its end",
        get(
            RUNS,
            [
                {
                    "id": execution_id(5),
                    "success": False,
                    "finished_at": NO_TIME,
                    "started_at": "2026-01-02T12:05:00.123456Z",
                    "output": ABSENT,
                },
                {"id": execution_id(4)},
            ],
            headers={"X-Total-Count": "2"},
        ),
        given=BUSY,
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
        "a running execution can be shown by itself",
        get(f"{RUNS}/{execution_id(5)}", {"success": False, "finished_at": NO_TIME, "output_truncated": ABSENT}),
        given=BUSY,
    ),
)

TWO_BUSY = (
    stored("$job-a", status={"active": [running(9), running(7)]}),
    stored(
        "$job-b",
        status={"active": [running(8), running(6, uid="")], "executions": [ended(1)]},
        timezone="America/New_York",
    ),
)

BUSY_ROWS = (
    row(
        "nothing running is an empty list",
        get("/v1/busy", Raw("[]"), headers={"X-Total-Count": "0"}),
        where=Place.EMPTY,
    ),
    row("what runs is listed over all jobs, the oldest first", get("/v1/busy", Own(numbers(7, 8, 9))), given=TWO_BUSY),
    row(
        "what runs has the keys of an execution, without output_truncated",
        get(
            "/v1/busy",
            Own(Keys(("id", "job_name", "started_at", "finished_at", "success", "node_name", "group", "attempt"))),
        ),
        given=TWO_BUSY,
    ),
    row(
        "what runs has no success yet and the zero time as its end",
        get("/v1/busy", Own(Each({"success": False, "finished_at": NO_TIME}))),
        given=TWO_BUSY,
    ),
    row(
        "what runs is all shown, whatever page the UI asks for",
        get("/v1/busy?_end=1&_order=DESC&_sort=id&_start=0", Own(numbers(7, 8, 9))),
        given=TWO_BUSY,
    ),
    row("what runs is pretty when asked so", get("/v1/busy?pretty", Is([])), where=Place.EMPTY),
)

ROWS: tuple[Row, ...] = (*RUNNING, *BUSY_ROWS)
