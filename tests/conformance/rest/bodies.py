"""Dkron behaviour §1.5: which bodies can be read, and the order of the checks."""

from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Text
from tests.conformance.rest.row import ClusterIs, Place, Row, get, manual, patch, post, put, row
from tests.conformance.rest.upsert import FORGED, FULL

REJECTED: tuple[tuple[str, Any], ...] = (
    ("an empty body", ""),
    ("no body", None),
    ("truncated JSON", '{"name":"$job"'),
    ("text that is no JSON", "name=$job"),
    ("an array", "[]"),
    ("a string", '"$job"'),
    ("a number", "5"),
    ("a boolean", "true"),
    ("a name that is a number", manual(name=5)),
    ("a schedule that is an object", manual(schedule={})),
    ("disabled as a text", manual(disabled="true")),
    ("disabled as a number", manual(disabled=1)),
    ("ephemeral as a text", manual(ephemeral="no")),
    ("retries as a text", manual(retries="3")),
    ("retries that are no whole number", manual(retries=1.5)),
    ("negative retries", manual(retries=-1)),
    ("a counter as a text", manual(success_count="1")),
    ("a tag that is a number", manual(tags={"dc": 1})),
    ("tags that are a list", manual(tags=["dc"])),
    ("metadata that is a boolean", manual(metadata={"a": True})),
    ("executor_config with a number", manual(executor_config={"command": "true", "timeout": 5})),
    ("executor_config with an object", manual(executor_config={"command": {}})),
    (
        "a processor whose setting is a boolean, as in the OpenAPI's example",
        manual(processors={"files": {"forward": True}}),
    ),
    ("a processor that is a text", manual(processors={"files": "yes"})),
    ("dependent_jobs that are a text", manual(dependent_jobs="a")),
    ("starts_at as an empty text", manual(starts_at="")),
    ("starts_at that is no time", manual(starts_at="tomorrow")),
    ("expires_at without a time of day", manual(expires_at="2026-01-01")),
    ("last_success that is no time", manual(last_success="never")),
    ("next in minutes", manual(next="2026-01-02T03:04")),
    ("next as an empty text", manual(next="")),
)

REJECTS = tuple(
    row(
        f"{what} cannot be read",
        "§1.5, §1.11",
        post("/v1/jobs", 400, Text(r"pars.*\.$"), sent=body),
        get("/v1/jobs/$job", 404),
    )
    for what, body in REJECTED
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

ACCEPTS = tuple(
    row(
        f"{what} can be read",
        "§1.5",
        post("/v1/jobs", 201, Has({"name": "$job"}), sent=body),
        get("/v1/jobs/$job", 200, Has({"schedule": "@manually"})),
    )
    for what, body in ACCEPTED
)

CHECKS = (
    row("a body of null is a job without a name", "§1.5", post("/v1/jobs", 400, Text(r"valid.*\.$"), sent="null")),
    row(
        "a refused job is named as such, with the reason and a full stop",
        "§1.5, §1.11",
        post("/v1/jobs", 400, Text(r"valid.*\.$"), sent=manual(schedule="nonsense")),
    ),
    row(
        "a missing parent is told by its bare reason",
        "§1.5, §1.11, §2.4",
        post("/v1/jobs", 404, Text(r"^(?!.*valid).*parent.*[^.]$"), sent=manual(parent_job="$job-missing")),
        get("/v1/jobs/$job", 404),
    ),
    row(
        "reading comes before validation",
        "§1.5",
        post("/v1/jobs", 400, Text("pars"), sent='{"name":"Not Legal","disabled":"true"}'),
    ),
    row(
        "validation comes before the parent",
        "§1.5",
        post("/v1/jobs", 400, Text("valid"), sent=manual(parent_job="$job-missing", timezone="nowhere")),
    ),
    row(
        "pause comes before reading",
        "§1.5, §1.8",
        post("/v1/jobs", 503, Text("paused"), sent="nonsense", eventually=True),
        given=(ClusterIs(paused=True),),
        where=Place.CLUSTER,
    ),
    row(
        "PATCH is refused while paused",
        "§1.5, §1.8",
        patch("/v1/jobs", 503, Text("paused"), sent=manual(), eventually=True),
        given=(ClusterIs(paused=True),),
        where=Place.CLUSTER,
    ),
    row(
        "PUT is refused while paused",
        "§1.5, §1.8",
        put("/v1/jobs/$job", 503, Text("paused"), sent=manual(), eventually=True),
        given=(ClusterIs(paused=True),),
        where=Place.CLUSTER,
    ),
    row(
        "a body over a megabyte is refused",
        "§1.5",
        post("/v1/jobs", 413, sent=manual(displayname="a" * 1_200_000)),
        differs=differences.TOO_LONG,
    ),
    row(
        "what only Kubernetes refuses comes with its sentence",
        "§1.5",
        post("/v1/jobs", 422, Text("displayName|512"), sent=manual(displayname="a" * 600)),
        get("/v1/jobs/$job", 404),
        differs=differences.TOO_LONG,
    ),
)

ROWS: tuple[Row, ...] = (*REJECTS, *ACCEPTS, *CHECKS)
