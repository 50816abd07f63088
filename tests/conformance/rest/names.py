"""Dkron behaviour §2.2: which names are legal."""

from tests.conformance.rest.answers import Has, Text
from tests.conformance.rest.row import Posted, Row, get, manual, post, row
from tests.conformance.rest.validation import INVALID

BAD_NAMES = (
    ("an upper-case letter", "${job}A"),
    ("a dot", "$job.a"),
    ("a space", "$job a"),
    ("a slash", "$job/a"),
    ("an exclamation mark", "$job!"),
    ("a letter of a script without case", "${job}日"),
    ("an Arabic letter", "${job}ب"),
    ("a percent sign", "$job%20"),
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

NAMES = (
    row(
        "a job without a name is refused",
        "§2.2, §11.2",
        post("/v1/jobs", 400, INVALID, sent={"schedule": "@manually"}),
    ),
    row("an empty name is refused", "§2.2", post("/v1/jobs", 400, INVALID, sent=manual(""))),
    *(
        row(f"a name with {what} is refused", "§2.2", post("/v1/jobs", 400, INVALID, sent=manual(name)))
        for what, name in BAD_NAMES
    ),
    row(
        "the refusal names the first illegal character",
        "§2.2",
        post("/v1/jobs", 400, Text("'!'|\"!\"|!"), sent=manual("$job!?")),
    ),
    *(
        row(
            f"a name with {what} is taken",
            "§2.2",
            post("/v1/jobs", 201, Has({"id": name}), sent=manual(name)),
            get(f"/v1/jobs?q={'$job'}", 200, Has([{"name": name}])),
        )
        for what, name in GOOD_NAMES
    ),
    row(
        "a name of another script is found by its encoded path",
        "§2.2",
        get("/v1/jobs/$job-%D0%B4%D0%B6", 200, Has({"name": "$job-дж"})),
        given=(Posted("$job-дж"),),
    ),
    row(
        "Location of a job of another script can be followed",
        "§2.2, §1.5",
        post("/v1/jobs", 201, sent=manual("$job-дж"), headers={"Location": "/v1/jobs/$job-%D0%B4%D0%B6"}),
    ),
    row(
        "a name as long as a path may be is taken",
        "§2.2",
        post("/v1/jobs", 201, sent=manual("$job-" + "a" * 5000)),
        get("/v1/jobs/$job-" + "a" * 5000, 200),
    ),
)

ROWS: tuple[Row, ...] = NAMES
