"""Dkron behaviour §1.7: how much of an output is shown. The unit tests of executions try more limits."""

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT
from tests.conformance.rest.row import RUNS, Row, get, row, stored
from tests.conformance.rest.runs_of import ended, execution_id

WHOLE = "x" * 1704 + "y"
LONG = stored(status={"executions": [ended(2, output=WHOLE), ended(1, output="four")]})
BYTES = stored(status={"executions": [ended(1, output="ééé!")]})

ROWS: tuple[Row, ...] = (
    row(
        "an output limit keeps the end of long outputs",
        get(RUNS, [{"output": WHOLE, "output_truncated": False}, {"output": "four", "output_truncated": False}]),
        get(
            f"{RUNS}?output_size_limit=200",
            [{"output": WHOLE[-200:], "output_truncated": True}, {"output": "four", "output_truncated": False}],
        ),
        get(f"{RUNS}/{execution_id(2)}?output_size_limit=200", {"output": WHOLE}),
        given=LONG,
    ),
    row(
        "a limit counts bytes, and 0 drops the output",
        get(f"{RUNS}?output_size_limit=7", [{"output": "ééé!", "output_truncated": False}]),
        get(f"{RUNS}?output_size_limit=3", [{"output": "é!", "output_truncated": True}]),
        get(f"{RUNS}?output_size_limit=2", [{"output": "\ufffd!", "output_truncated": True}]),
        get(f"{RUNS}?output_size_limit=0", [{"output": ABSENT, "output_truncated": True}]),
        given=BYTES,
    ),
    *(
        row(
            f"a limit of {limit or 'nothing'} is none",
            get(f"{RUNS}?output_size_limit={limit}", [{"output": "ééé!", "output_truncated": False}]),
            given=BYTES,
        )
        for limit in ("-1", "many", "2.5", "")
    ),
    row(
        "a limit of 0 does not truncate nothing",
        get(f"{RUNS}?output_size_limit=0", [{"output": ABSENT, "output_truncated": False}]),
        given=stored(status={"executions": [ended(1)]}),
    ),
    row(
        "an execution without its pod has the kept output",
        get(f"{RUNS}/{execution_id(1)}", {"output": "the end"}),
        get(RUNS, [{"output": "the end", "output_truncated": True}]),
        given=stored(status={"executions": [ended(1, output="the end", outputTruncated=True)]}),
        differs=differences.OUTPUT_KEPT,
    ),
)
