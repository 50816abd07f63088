"""Dkron behaviour §1.7: what was run. The unit tests of executions try more."""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Column, Keys, Raw, Text
from tests.conformance.rest.row import RUNS, Given, Row, get, posted, row, stored
from tests.conformance.rest.runs_of import ended, execution_id

NO_TIME = "0001-01-01T00:00:00Z"
WHOLE = (
    '[{"id":"1767369601000000000-run-1","job_name":"$job","started_at":"2026-01-02T12:01:00.123456Z",'
    '"finished_at":"2026-01-02T12:01:05.2Z","success":true,"output":"hello\\n","node_name":"n1",'
    '"group":1767369600000000001,"attempt":1,"output_truncated":false}]'
)
SINGLE = WHOLE.removeprefix("[").removesuffix(',"output_truncated":false}]') + "}"
KEYS = ("id", "job_name", "started_at", "finished_at", "success", "node_name", "attempt", "output_truncated")
ONE = f"{RUNS}/{execution_id(1)}"


def ran(*executions: dict[str, Any], **spec: Any) -> Given:
    """A job with these executions."""
    return stored(status={"executions": list(executions)}, **spec)


HELLO = ran(ended(1, output="hello\n"))
THREE = ran(
    ended(3, attempt=1, finishedAt="2026-01-02T13:00:00Z"),
    ended(2, attempt=3, finishedAt="2026-01-02T12:30:00Z"),
    ended(1, attempt=2, finishedAt="2026-01-02T14:00:00Z"),
)
IN_NEW_YORK = ran(ended(1), timezone="America/New_York")
FAILED = ended(1, success=False, exitCode=3, reason="Error", output="no space\n")
LATE = ended(1, success=False, reason="DeadlineExceeded", message="it took too long", output="half\n")


def numbers(*wanted: int) -> Column:
    """The executions with these numbers, in this order."""
    return Column("id", [execution_id(number) for number in wanted])


LIST = (
    row("executions read back byte for byte", get(RUNS, Raw(WHOLE), headers={"X-Total-Count": "1"}), given=HELLO),
    row("output that is empty and a group of 0 are left out", get(RUNS, Keys(KEYS)), given=ran(ended(1, group=0))),
    row("no executions are an empty list", get(RUNS, Raw("[]"), headers={"X-Total-Count": "0"}), given=posted()),
    row("executions of a missing job are not found", get(RUNS, status=404), differs=differences.REASONS),
    *(
        row(
            f"executions {f'with {query} ' if query else ''}are all in order",
            get(f"{RUNS}?{query}", numbers(*wanted), headers={"X-Total-Count": "3"}),
            given=THREE,
            differs=differs,
        )
        for query, wanted, differs in (
            ("", (3, 2, 1), None),
            ("_order=ASC", (1, 2, 3), None),
            ("_order=asc", (1, 2, 3), differences.ORDER),
            ("_order=up", (3, 2, 1), None),
            ("_sort=id&_order=ASC", (1, 2, 3), None),
            ("_sort=finished_at", (1, 3, 2), None),
            ("_sort=attempt&_order=ASC", (3, 1, 2), None),
            ("_sort=nonsense", (3, 2, 1), differences.UNKNOWN_SORT),
            ("_start=1&_end=2&jobs=$job", (3, 2, 1), None),
        )
    ),
    row("pretty executions are the same", get(f"{RUNS}?pretty", Text(r'^\[\n    \{\n        "id": ')), given=HELLO),
    row(
        "the output of a failed execution follows its exit code",
        get(RUNS, [{"success": False, "output": "exit status 3\nno space\n"}]),
        given=ran(FAILED),
        differs=differences.ERROR_TEXT,
    ),
    row(
        "the output follows the reason if there is no exit code",
        get(RUNS, [{"success": False, "output": "DeadlineExceeded: it took too long\nhalf\n"}]),
        given=ran(LATE),
        differs=differences.ERROR_TEXT,
    ),
    row(
        "the attempts of a run share its group",
        get(f"{RUNS}?_order=ASC", [{"attempt": 1, "group": 5, "success": False}, {"attempt": 2, "group": 5}]),
        given=ran(ended(2, group=5, attempt=2), ended(1, group=5, success=False, exitCode=1)),
    ),
    row(
        "a list of executions is in the job zone, a single one in UTC",
        get(RUNS, [{"started_at": "2026-01-02T07:01:00.123456-05:00", "finished_at": "2026-01-02T07:01:05.2-05:00"}]),
        get(ONE, {"started_at": "2026-01-02T12:01:00.123456Z"}),
        given=IN_NEW_YORK,
    ),
    row(
        "executions are sorted by instants, not by texts",
        get(f"{RUNS}?_sort=started_at&_order=ASC", numbers(1, 2)),
        given=ran(
            ended(1, startedAt="2026-10-25T00:30:00Z"),
            ended(2, startedAt="2026-10-25T01:15:00Z"),
            timezone="Europe/Madrid",
        ),
    ),
)

ROWS: tuple[Row, ...] = (
    *LIST,
    row(
        "one execution reads back exactly, without the truncated flag",
        get(ONE, Raw(SINGLE)),
        get(ONE, {"output_truncated": ABSENT}),
        given=HELLO,
    ),
    row(
        "a missing execution is not found, nor one below another job",
        get(f"{RUNS}/1-nothing", status=404),
        get(f"/v1/jobs/$job-other/executions/{execution_id(1)}", status=404),
        get(f"/v1/jobs/$job-missing/executions/{execution_id(1)}", status=404),
        given=(HELLO, posted("$job-other")),
        differs=differences.REASONS,
    ),
    row(
        "executions can be asked for where Dkron had them before 1.0",
        get("/v1/executions/$job", Raw(WHOLE), headers={"X-Total-Count": "1"}),
        get("/v1/executions/$job-missing", status=404),
        given=HELLO,
        differs=differences.OLD_EXECUTIONS,
    ),
)
