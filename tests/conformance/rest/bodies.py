"""Dkron behaviour §1.5: which bodies can be read, and the order of the checks. The unit tests of bodies try each field
with each wrong type.
"""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Text
from tests.conformance.rest.row import JOB, ClusterIs, Place, Row, Step, get, manual, patch, put, row, save
from tests.conformance.rest.upsert import FORGED, FULL

REJECTED: tuple[tuple[str, Any], ...] = (
    ("no body", None),
    ("truncated JSON", '{"name":"$job"'),
    ("an array", "[]"),
    ("a name that is a number", manual(name=5)),
    ("disabled as a text", manual(disabled="true")),
    ("retries that are no whole number", manual(retries=1.5)),
    ("negative retries", manual(retries=-1)),
    ("a tag that is a number", manual(tags={"dc": 1})),
    ("a boolean processor setting as in OpenAPI", manual(processors={"files": {"forward": True}})),
    ("dependent_jobs that are a text", manual(dependent_jobs="a")),
    ("starts_at as an empty text", manual(starts_at="")),
    ("next in minutes", manual(next="2026-01-02T03:04")),
)

ACCEPTED: tuple[tuple[str, Any], ...] = (
    ("unknown fields", manual(unknown={"a": [1]}, description="text")),
    ("keys in any case", {"NAME": "$job", "Schedule": "@manually", "executor_Config": {"command": "true"}}),
    ("a key twice", '{"name":"no","schedule":"@manually","name":"$job"}'),
    ("garbage after the object", '{"name":"$job","schedule":"@manually"} garbage'),
    ("a second object after the first", '{"name":"$job","schedule":"@manually"}{"name":"other"}'),
    ("white space around the object", ' \n\t{"name":"$job","schedule":"@manually"}\r\n '),
    ("null for every field", {**dict.fromkeys((*FULL, *FORGED)), "name": "$job", "schedule": "@manually"}),
    ("escapes in texts", '{"name":"$job","schedule":"\\u0040manually"}'),
)

PAUSED: dict[str, Any] = {"body": Text("paused"), "eventually": True}


def while_paused(says: str, *steps: Step) -> Row:
    """A row about an installation that is paused."""
    return row(says, *steps, given=ClusterIs(paused=True), where=Place.CLUSTER)


ROWS: tuple[Row, ...] = (
    *(
        row(f"{what} cannot be read", save(sent, 400, Text(r"pars.*\.$")), get(JOB, status=404))
        for what, sent in REJECTED
    ),
    *(
        row(f"{what} can be read", save(sent, body={"name": "$job"}), get(JOB, {"schedule": "@manually"}))
        for what, sent in ACCEPTED
    ),
    row("a body of null is a job without a name", save("null", 400, Text(r"valid.*\.$"))),
    row(
        "a missing parent is told by its bare reason",
        save(manual(parent_job="$job-missing"), 404, Text(r"^(?!.*valid).*parent.*[^.]$")),
        get(JOB, status=404),
    ),
    row("reading comes before validation", save('{"name":"Not Legal","disabled":"true"}', 400, Text("pars"))),
    row(
        "validation comes before the parent",
        save(manual(parent_job="$job-missing", timezone="nowhere"), 400, Text("valid")),
    ),
    while_paused("pause comes before reading", save("nonsense", 503, **PAUSED)),
    while_paused("PATCH is refused while paused", patch("/v1/jobs", 503, sent=manual(), **PAUSED)),
    while_paused("PUT is refused while paused", put(JOB, 503, sent=manual(), **PAUSED)),
    row(
        "a body over a megabyte is refused",
        save(manual(displayname="a" * 1_200_000), 413),
        differs=differences.TOO_LONG,
    ),
    row(
        "what only Kubernetes refuses comes with its sentence",
        save(manual(displayname="a" * 600), 422, Text("displayName|512")),
        get(JOB, status=404),
        differs=differences.TOO_LONG,
    ),
)
