"""Dkron behaviour §2.2: which names are legal."""

from tests.conformance.rest.answers import Text
from tests.conformance.rest.row import Row, get, manual, posted, row, save
from tests.conformance.rest.validation import INVALID

BAD_NAMES = (
    ("nothing in it", ""),
    ("an upper-case letter", "${job}A"),
    ("a slash", "$job/a"),
    ("a letter of a script without case", "${job}日"),
    ("a digit that is not ASCII", "${job}٣"),
    ("a line feed", "$job\n"),
)

GOOD_NAMES = (
    ("a digit first", "1$job"),
    ("underscores and dashes at its ends", "_-${job}-_"),
    ("accented letters", "${job}àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßłőœ"),
    ("letters of another script", "${job}джоб"),
    ("200 characters", "${job}" + "a" * 190),
)

ROWS: tuple[Row, ...] = (
    row("a job without a name is refused", save({"schedule": "@manually"}, 400, INVALID)),
    *(row(f"a name with {what} is refused", save(manual(name), 400, INVALID)) for what, name in BAD_NAMES),
    row(
        "an illegal character is refused before the schedule",
        save(manual("$job!?", schedule="nonsense"), 400, Text("name.*('!'|\"!\"|!)")),
    ),
    *(
        row(
            f"a name with {what} is taken",
            save(manual(name), body={"id": name}),
            get("/v1/jobs?q=$job", [{"name": name}]),
        )
        for what, name in GOOD_NAMES
    ),
    row(
        "a name of another script is found by its encoded path",
        get("/v1/jobs/$job-%D0%B4%D0%B6", {"name": "$job-дж"}),
        given=posted("$job-дж"),
    ),
    row(
        "Location of a job of another script can be followed",
        save(manual("$job-дж"), headers={"Location": "/v1/jobs/$job-%D0%B4%D0%B6"}),
    ),
    row(
        "a name as long as a path may be is taken",
        save(manual("$job-" + "a" * 5000)),
        get("/v1/jobs/$job-" + "a" * 5000),
    ),
)
