"""Dkron behaviour §1.7: how much of an output is shown."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has
from tests.conformance.rest.row import RUNS, Row, get, row, stored
from tests.conformance.rest.runs_of import ended, execution_id

LONG = stored(status={"executions": [ended(2, output="x" * 1704 + "y"), ended(1, output="four")]})


def shows(says: str, output: object, query: str, whole: str, *, truncated: bool) -> Row:
    """What a query makes of an output."""
    given = stored(status={"executions": [ended(1, output=whole)]})
    body = Has([{"output": output, "output_truncated": truncated}])
    return row(says, get(f"{RUNS}{query}", body), given=given)


SIZES = (
    shows("outputs are whole without a limit", "x" * 1705, "", "x" * 1705, truncated=False),
    row(
        "a limit cuts long outputs to their end and leaves short ones",
        get(
            f"{RUNS}?output_size_limit=200",
            [{"output": "x" * 199 + "y", "output_truncated": True}, {"output": "four", "output_truncated": False}],
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
        get(f"{RUNS}/{execution_id(2)}?output_size_limit=200", {"output": "x" * 1704 + "y"}),
        given=LONG,
    ),
)

ROWS: tuple[Row, ...] = (
    *SIZES,
    row(
        "one execution whose pod is gone has the end of its output that is kept",
        get(f"{RUNS}/{execution_id(1)}", {"output": "the end"}),
        get(RUNS, [{"output": "the end", "output_truncated": True}]),
        given=stored(status={"executions": [ended(1, output="the end", outputTruncated=True)]}),
        differs=differences.OUTPUT_KEPT,
    ),
)
