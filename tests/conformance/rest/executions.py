"""Dkron behaviour §1.7: what was run."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Column, Has, Keys, Raw, Text
from tests.conformance.rest.row import Posted, Row, Stored, get, row
from tests.conformance.rest.runs_of import ended, execution_id

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


def numbers(*wanted: int) -> Column:
    """The executions with these numbers, in this order."""
    return Column("id", [execution_id(number) for number in wanted])


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
        "§1.7, §11.2",
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

OLD = (
    row(
        "executions can be asked for where Dkron had them before 1.0",
        "§1.2, §1.13",
        get("/v1/executions/$job", 200, Raw(WHOLE), headers={"X-Total-Count": "1"}),
        get("/v1/executions/$job-missing", 404),
        given=HELLO,
        differs=differences.OLD_EXECUTIONS,
    ),
)

ROWS: tuple[Row, ...] = (*LIST, *ZONES, *ONE, *OLD)
