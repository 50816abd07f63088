"""Dkron behaviour §1.7 and §1.8: what runs now."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Each, Has, Is, Keys, Own, Raw
from tests.conformance.rest.executions import NO_TIME, RUNS, numbers
from tests.conformance.rest.row import Place, Row, Stored, get, row
from tests.conformance.rest.runs_of import ended, execution_id, running

BUSY = (Stored("$job", status={"active": [running(5)], "executions": [ended(4)]}),)
RUNNING = (
    row(
        "a running execution has no success yet and the zero time as its end",
        "§1.7, §10.2",
        get(
            RUNS,
            200,
            Has(
                [
                    {
                        "id": execution_id(5),
                        "success": False,
                        "finished_at": NO_TIME,
                        "started_at": "2026-01-02T12:05:00.123456Z",
                        "output": ABSENT,
                    },
                    {"id": execution_id(4)},
                ]
            ),
            headers={"X-Total-Count": "2"},
        ),
        given=BUSY,
    ),
    row(
        "a running execution has the zero time in a time zone, too",
        "§1.7",
        get(RUNS, 200, Has([{"finished_at": NO_TIME, "started_at": "2026-01-02T07:05:00.123456-05:00"}])),
        given=(Stored("$job", spec={"timezone": "America/New_York"}, status={"active": [running(5)]}),),
        differs=differences.ZERO_TIME,
    ),
    row(
        "what is only claimed does not run yet",
        "§1.7",
        get(RUNS, 200, numbers(4)),
        given=(Stored("$job", status={"active": [running(5, uid="")], "executions": [ended(4)]}),),
    ),
    row(
        "a running execution can be shown by itself",
        "§1.7",
        get(
            f"{RUNS}/{execution_id(5)}",
            200,
            Has({"success": False, "finished_at": NO_TIME, "output_truncated": ABSENT}),
        ),
        given=BUSY,
    ),
)

TWO_BUSY = (
    Stored("$job-a", status={"active": [running(9), running(7)]}),
    Stored(
        "$job-b",
        spec={"timezone": "America/New_York"},
        status={"active": [running(8), running(6, uid="")], "executions": [ended(1)]},
    ),
)

BUSY_ROWS = (
    row(
        "nothing running is an empty list",
        "§1.8, §1.2, §11.2",
        get("/v1/busy", 200, Raw("[]"), headers={"X-Total-Count": "0"}),
        where=Place.EMPTY,
    ),
    row(
        "what runs is listed over all jobs, the oldest first",
        "§1.8",
        get("/v1/busy", 200, Own(numbers(7, 8, 9))),
        given=TWO_BUSY,
    ),
    row(
        "what runs has the keys of an execution, without output_truncated",
        "§1.8",
        get(
            "/v1/busy",
            200,
            Own(Keys(("id", "job_name", "started_at", "finished_at", "success", "node_name", "group", "attempt"))),
        ),
        given=TWO_BUSY,
    ),
    row(
        "what runs has no success yet and the zero time as its end",
        "§1.8",
        get("/v1/busy", 200, Own(Each({"success": False, "finished_at": NO_TIME}))),
        given=TWO_BUSY,
    ),
    row(
        "what runs is all shown, whatever page the UI asks for",
        "§1.8, §1.4, §10.3",
        get("/v1/busy?_end=1&_order=DESC&_sort=id&_start=0", 200, Own(numbers(7, 8, 9))),
        given=TWO_BUSY,
    ),
    row("what runs is pretty when asked so", "§1.8, §1.1", get("/v1/busy?pretty", 200, Is([])), where=Place.EMPTY),
)

ROWS: tuple[Row, ...] = (*RUNNING, *BUSY_ROWS)
