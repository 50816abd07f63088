"""Dkron behaviour §1.7: how much of an output is shown."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has
from tests.conformance.rest.executions import RUNS
from tests.conformance.rest.row import Row, Stored, get, row
from tests.conformance.rest.runs_of import ended, execution_id

LONG = (Stored("$job", status={"executions": [ended(2, output="x" * 1704 + "y"), ended(1, output="four")]}),)


def shows(says: str, output: object, query: str, stored: str, *, truncated: bool, source: str = "§1.7") -> Row:
    """What a query makes of an output."""
    given = (Stored("$job", status={"executions": [ended(1, output=stored)]}),)
    body = Has([{"output": output, "output_truncated": truncated}])
    return row(says, source, get(f"{RUNS}{query}", 200, body), given=given)


SIZES = (
    shows("outputs are whole without a limit", "x" * 1705, "", "x" * 1705, truncated=False, source="§1.7"),
    row(
        "a limit cuts long outputs to their end and leaves short ones",
        "§1.7",
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
        "§1.7",
        get(f"{RUNS}/{execution_id(2)}?output_size_limit=200", 200, Has({"output": "x" * 1704 + "y"})),
        given=LONG,
    ),
)

ROWS: tuple[Row, ...] = (
    *SIZES,
    row(
        "one execution whose pod is gone has the end of its output that is kept",
        "§1.7, §4.4",
        get(f"{RUNS}/{execution_id(1)}", 200, Has({"output": "the end"})),
        get(RUNS, 200, Has([{"output": "the end", "output_truncated": True}])),
        given=(Stored("$job", status={"executions": [ended(1, output="the end", outputTruncated=True)]}),),
        differs=differences.OUTPUT_KEPT,
    ),
)
