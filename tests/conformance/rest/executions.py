"""Dkron behaviour §1.7 and the executions of §1.8: what was run and what is running."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Column, Each, Has, Is, Keys, Length, Own, Raw, Text
from tests.conformance.rest.row import Place, Posted, Row, Stored, delete, get, row
from tests.conformance.rest.runs_of import ended, execution_id, running

NO_TIME = "0001-01-01T00:00:00Z"
RUNS = "/v1/jobs/$job/executions"
WHOLE = (
    '[{"id":"1767369601000000000-run-1","job_name":"$job","started_at":"2026-01-02T12:01:00.123456Z",'
    '"finished_at":"2026-01-02T12:01:05.2Z","success":true,"output":"hello\\n","node_name":"n1",'
    '"group":1767369600000000001,"attempt":1,"output_truncated":false}]'
)
SINGLE = WHOLE.removeprefix("[").removesuffix(',"output_truncated":false}]') + "}"
HELLO = (Stored("$job", status={"executions": [ended(1, output="hello\n")]}),)
THREE = (Stored("$job", status={"executions": [ended(3), ended(2), ended(1)]}),)
ODD = (
    Stored(
        "$job",
        status={
            "executions": [
                ended(3, attempt=1, finishedAt="2026-01-02T13:00:00Z"),
                ended(2, attempt=3, finishedAt="2026-01-02T12:30:00Z"),
                ended(1, attempt=2, finishedAt="2026-01-02T14:00:00Z"),
            ]
        },
    ),
)
BUSY = (Stored("$job", status={"active": [running(5)], "executions": [ended(4)]}),)
LONG = (Stored("$job", status={"executions": [ended(2, output="x" * 1704 + "y"), ended(1, output="four")]}),)


def numbers(*wanted: int) -> Column:
    """The executions with these numbers, in this order."""
    return Column("id", [execution_id(number) for number in wanted])


def shows(says: str, output: object, query: str, stored: str, *, truncated: bool, source: str = "§1.7") -> Row:
    """What a query makes of an output."""
    given = (Stored("$job", status={"executions": [ended(1, output=stored)]}),)
    body = Has([{"output": output, "output_truncated": truncated}])
    return row(says, source, get(f"{RUNS}{query}", 200, body), given=given)


LIST = (
    row(
        "executions read back byte for byte",
        "§1.7, §1.12, §11.2",
        get(RUNS, 200, Raw(WHOLE), headers={"X-Total-Count": "1"}),
        given=HELLO,
    ),
    row(
        "output that is empty is left out",
        "§1.7",
        get(
            RUNS,
            200,
            Keys(
                (
                    "id",
                    "job_name",
                    "started_at",
                    "finished_at",
                    "success",
                    "node_name",
                    "group",
                    "attempt",
                    "output_truncated",
                )
            ),
        ),
        given=THREE,
    ),
    row(
        "a group of 0 is left out",
        "§1.7",
        get(RUNS, 200, Has([{"group": ABSENT, "attempt": 1}])),
        given=(Stored("$job", status={"executions": [ended(1, group=0)]}),),
    ),
    row("the group keeps all its digits", "§1.7", get(RUNS, 200, Text('"group":1767369600000000001,')), given=HELLO),
    row(
        "no executions are an empty list",
        "§1.7, §11.1, §11.2",
        get(RUNS, 200, Raw("[]"), headers={"X-Total-Count": "0"}),
        given=(Posted("$job"),),
    ),
    row("executions of a missing job are not found", "§1.7, §1.11, §11.2", get(RUNS, 404), differs=differences.REASONS),
    row(
        "the newest execution comes first",
        "§1.7",
        get(RUNS, 200, numbers(3, 2, 1), headers={"X-Total-Count": "3"}),
        given=THREE,
    ),
    *(
        row(
            f"executions with {query} come in their order",
            "§1.7",
            get(f"{RUNS}?{query}", 200, numbers(*wanted)),
            given=ODD,
        )
        for query, wanted in (
            ("_order=ASC", (1, 2, 3)),
            ("_order=DESC", (3, 2, 1)),
            ("_sort=id", (3, 2, 1)),
            ("_sort=id&_order=ASC", (1, 2, 3)),
            ("_sort=started_at&_order=ASC", (1, 2, 3)),
            ("_sort=finished_at", (1, 3, 2)),
            ("_sort=finished_at&_order=ASC", (2, 3, 1)),
            ("_sort=attempt", (2, 1, 3)),
            ("_sort=attempt&_order=ASC", (3, 1, 2)),
            ("_order=up", (3, 2, 1)),
        )
    ),
    row(
        "executions with _order=asc ascend",
        "§1.7",
        get(f"{RUNS}?_order=asc", 200, numbers(1, 2, 3)),
        given=THREE,
        differs=differences.ORDER,
    ),
    row(
        "executions with an unknown _sort come by their start",
        "§1.7",
        get(f"{RUNS}?_sort=nonsense", 200, numbers(3, 2, 1), headers={"X-Total-Count": "3"}),
        given=THREE,
        differs=differences.UNKNOWN_SORT,
    ),
    row(
        "executions are not cut into pages, whatever the UI asks for",
        "§1.7, §10.3",
        get(f"{RUNS}?_start=1&_end=2&jobs=$job", 200, numbers(3, 2, 1), headers={"X-Total-Count": "3"}),
        given=THREE,
    ),
    row(
        "pretty executions are the same",
        "§1.7, §1.1",
        get(f"{RUNS}?pretty", 200, Text(r'^\[\n    \{\n        "id": ')),
        given=HELLO,
    ),
    row(
        "a failed execution says so and has its exit code before its output",
        "§1.7, §11.2",
        get(RUNS, 200, Has([{"success": False, "output": "exit status 3\nno space\n"}])),
        given=(
            Stored(
                "$job",
                status={"executions": [ended(1, success=False, exitCode=3, reason="Error", output="no space\n")]},
            ),
        ),
        differs=differences.ERROR_TEXT,
    ),
    row(
        "a failed execution without an exit code has its reason before its output",
        "§1.7",
        get(RUNS, 200, Has([{"success": False, "output": "DeadlineExceeded: it took too long\nhalf\n"}])),
        given=(
            Stored(
                "$job",
                status={
                    "executions": [
                        ended(1, success=False, reason="DeadlineExceeded", message="it took too long", output="half\n")
                    ]
                },
            ),
        ),
        differs=differences.ERROR_TEXT,
    ),
    row(
        "the attempts of a run share its group",
        "§1.7, §2.6",
        get(
            f"{RUNS}?_order=ASC",
            200,
            Has([{"attempt": 1, "group": 5, "success": False}, {"attempt": 2, "group": 5, "success": True}]),
        ),
        given=(
            Stored(
                "$job",
                status={"executions": [ended(2, group=5, attempt=2), ended(1, group=5, success=False, exitCode=1)]},
            ),
        ),
    ),
)

ZONES = (
    row(
        "times of a job with a time zone are shown in it",
        "§1.7",
        get(
            RUNS,
            200,
            Has([{"started_at": "2026-01-02T07:01:00.123456-05:00", "finished_at": "2026-01-02T07:01:05.2-05:00"}]),
        ),
        given=(Stored("$job", spec={"timezone": "America/New_York"}, status={"executions": [ended(1)]}),),
    ),
    row(
        "times of a job in UTC end in Z",
        "§1.7, §1.12",
        get(RUNS, 200, Has([{"started_at": "2026-01-02T12:01:00.123456Z"}])),
        given=(Stored("$job", spec={"timezone": "UTC"}, status={"executions": [ended(1)]}),),
    ),
    row(
        "executions are sorted by instants, not by texts",
        "§1.7",
        get(f"{RUNS}?_sort=started_at&_order=ASC", 200, Column("job_name", ["$job", "$job"])),
        get(f"{RUNS}?_sort=started_at&_order=ASC", 200, numbers(1, 2)),
        given=(
            Stored(
                "$job",
                spec={"timezone": "Europe/Madrid"},
                status={
                    "executions": [
                        ended(1, startedAt="2026-10-25T00:30:00Z"),
                        ended(2, startedAt="2026-10-25T01:15:00Z"),
                    ]
                },
            ),
        ),
    ),
    row(
        "one execution is shown in UTC whatever the time zone",
        "§1.7",
        get(f"{RUNS}/{execution_id(1)}", 200, Has({"started_at": "2026-01-02T12:01:00.123456Z"})),
        given=(Stored("$job", spec={"timezone": "America/New_York"}, status={"executions": [ended(1)]}),),
    ),
)

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

SIZES = (
    shows("outputs are whole without a limit", "x" * 1705, "", "x" * 1705, truncated=False, source="§1.7, §11.1"),
    row(
        "a limit cuts long outputs to their end and leaves short ones",
        "§1.7, §11.1",
        get(
            f"{RUNS}?output_size_limit=200",
            200,
            Has([{"output": "x" * 199 + "y", "output_truncated": True}, {"output": "four", "output_truncated": False}]),
        ),
        given=LONG,
    ),
    shows("an output as long as the limit is whole", "hello", "?output_size_limit=5", "hello", truncated=False),
    shows("an output one longer than the limit is cut", "ello!", "?output_size_limit=5", "hello!", truncated=True),
    shows("a limit of 0 drops the output", ABSENT, "?output_size_limit=0", "hello", truncated=True),
    shows("a limit of 0 does not truncate nothing", ABSENT, "?output_size_limit=0", "", truncated=False),
    shows("a negative limit is none", "hello", "?output_size_limit=-1", "hello", truncated=False),
    shows("a limit that is no number is none", "hello", "?output_size_limit=many", "hello", truncated=False),
    shows("a limit with a fraction is none", "hello", "?output_size_limit=2.5", "hello", truncated=False),
    shows("an empty limit is none", "hello", "?output_size_limit=", "hello", truncated=False),
    shows("a limit counts bytes", "é!", "?output_size_limit=3", "ééé!", truncated=True),
    shows(
        "a character that is cut in half is shown as such", "\ufffd!", "?output_size_limit=2", "ééé!", truncated=True
    ),
    row(
        "one execution has its whole output whatever the limit",
        "§1.7, §11.1",
        get(f"{RUNS}/{execution_id(2)}?output_size_limit=200", 200, Has({"output": "x" * 1704 + "y"})),
        given=LONG,
    ),
)

ONE = (
    row(
        "one execution reads back byte for byte",
        "§1.7, §1.2",
        get(f"{RUNS}/{execution_id(1)}", 200, Raw(SINGLE)),
        given=HELLO,
    ),
    row(
        "one execution does not say whether it was truncated",
        "§1.7",
        get(f"{RUNS}/{execution_id(1)}", 200, Has({"output_truncated": ABSENT})),
        given=HELLO,
    ),
    row(
        "a missing execution is not found",
        "§1.7, §1.11",
        get(f"{RUNS}/1-nothing", 404),
        given=HELLO,
        differs=differences.REASONS,
    ),
    row("an execution of a missing job is not found", "§1.7", get(f"{RUNS}/{execution_id(1)}", 404)),
    row(
        "an execution is not found below another job",
        "§1.7",
        get(f"/v1/jobs/$job-other/executions/{execution_id(1)}", 404),
        given=(*HELLO, Posted("$job-other")),
    ),
)

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
        "§1.7, §1.2, §11.2, §11.3",
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
        "§1.7, §1.11, §1.12, §11.3",
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

ROWS: tuple[Row, ...] = (*LIST, *ZONES, *RUNNING, *SIZES, *ONE, *CLEAR, *BUSY_ROWS)
