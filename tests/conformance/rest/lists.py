"""Dkron behaviour §1.4: GET /v1/jobs."""

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Column, Has, Is, Keys, Length, Raw
from tests.conformance.rest.row import Place, Posted, Row, Stored, get, row

LONG_AGO, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z"


def named(*suffixes: str) -> Column:
    return Column("name", [f"${{job}}{suffix}" for suffix in suffixes])


def three(key: str, values: Mapping[str, Any]) -> tuple[Posted, ...]:
    """A job for each suffix, in which the field has the value."""
    return tuple(Posted(f"$job{suffix}", {key: value}) for suffix, value in values.items())


def with_status(values: Mapping[str, Mapping[str, Any]]) -> tuple[Stored, ...]:
    return tuple(Stored(f"$job{suffix}", status=status) for suffix, status in values.items())


C_A_B = three("owner", {"-c": "", "-a": "", "-b": ""})
COUNTED = with_status({"-a": {"successCount": 10, "errorCount": 1}, "-b": {"successCount": 9}, "-c": {}, "-d": {}})
DATED = with_status(
    {
        "-a": {"lastSuccess": LATER, "lastError": LONG_AGO},
        "-b": {"lastSuccess": LONG_AGO, "lastError": LATER},
        "-c": {},
    }
)
ENDED = with_status(
    {
        "-bad": {"status": "failed"},
        "-good": {"status": "success"},
        "-mixed": {"status": "partially_failed"},
        "-new": {},
    }
)
SCHEDULED = (
    Posted("$job-a", {"schedule": "@at 2099-02-01T00:00:00Z"}),
    Posted("$job-b", {"schedule": "@at 2099-01-01T00:00:00Z"}),
    Posted("$job-c", {"schedule": "@manually"}),
    Posted("$job-d", {"schedule": "", "parent_job": "$job-a"}),
)
TAGGED = (
    Posted("$job-a", {"metadata": {"team": "x", "tier": "1"}}),
    Posted("$job-b", {"metadata": {"team": "x", "tier": "2"}}),
    Posted("$job-c", {"metadata": {"team": "X & y=z", "tier": "1"}}),
    Posted("$job-d"),
)
SWITCHED = three("disabled", {"-off": True, "-on": False})
FIVE = three("owner", {"-a": "", "-b": "", "-c": "", "-d": "", "-e": ""})

CONTENT = (
    row(
        "no jobs are an empty list",
        "§1.4",
        get("/v1/jobs", 200, Raw("[]"), headers={"X-Total-Count": "0"}),
        where=Place.EMPTY,
    ),
    row(
        "a filter that nothing passes gives an empty list",
        "§1.4",
        get("/v1/jobs?q=nothing-has-this", 200, Raw("[]"), headers={"X-Total-Count": "0"}),
    ),
    row(
        "without a query all jobs are listed and counted",
        "§1.4, §11.2",
        get("/v1/jobs", 200, Length(1, or_more=True), headers={"X-Total-Count": re.compile(r"^\d+$")}),
        given=(Posted("$job"),),
    ),
    row(
        "an item of the list is the job as GET shows it",
        "§1.4, §2.1",
        get(
            "/v1/jobs?q=$job",
            200,
            Has([{"id": "$job", "name": "$job", "processors": {}, "concurrency": "allow", "dependent_jobs": None}]),
        ),
        given=(Posted("$job"),),
    ),
    row(
        "the keys of an item have a fixed order",
        "§1.4, §2.1",
        get(
            "/v1/jobs?q=$job",
            200,
            Keys(
                (
                    "id",
                    "name",
                    "displayname",
                    "timezone",
                    "schedule",
                    "owner",
                    "owner_email",
                    "success_count",
                    "error_count",
                    "last_success",
                    "last_error",
                    "disabled",
                    "tags",
                    "metadata",
                    "retries",
                    "dependent_jobs",
                    "parent_job",
                    "processors",
                    "concurrency",
                    "executor",
                    "executor_config",
                    "status",
                    "next",
                    "ephemeral",
                    "starts_at",
                    "expires_at",
                )
            ),
        ),
        given=(Posted("$job"),),
    ),
)

ORDER = (
    row("jobs come by name", "§1.4", get("/v1/jobs?q=$job", 200, named("-a", "-b", "-c")), given=C_A_B),
    row("_sort=id is by name", "§1.4", get("/v1/jobs?q=$job&_sort=id", 200, named("-a", "-b", "-c")), given=C_A_B),
    row(
        "_order=DESC turns the list round",
        "§1.4",
        get("/v1/jobs?q=$job&_order=DESC", 200, named("-c", "-b", "-a")),
        given=C_A_B,
    ),
    row(
        "_order=desc turns the list round",
        "§1.4",
        get("/v1/jobs?q=$job&_order=desc", 200, named("-c", "-b", "-a")),
        given=C_A_B,
        differs=differences.ORDER,
    ),
    row(
        "any other _order ascends",
        "§1.4",
        get("/v1/jobs?q=$job&_order=down", 200, named("-a", "-b", "-c")),
        given=C_A_B,
    ),
    row(
        "names are compared byte by byte",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=name", 200, named("-1", "_a", "a", "é")),
        given=tuple(Posted("${job}" + s) for s in ("é", "a", "_a", "-1")),
    ),
    row(
        "_sort=displayname compares byte by byte",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=displayname", 200, Column("displayname", ["", "B", "a", "é"])),
        given=three("displayname", {"-a": "é", "-b": "a", "-c": "B", "-d": ""}),
    ),
    row(
        "_sort=schedule compares the texts",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=schedule", 200, Column("schedule", ["0 0 1 * * *", "@daily", "@every 1h"])),
        given=three("schedule", {"-a": "@every 1h", "-b": "0 0 1 * * *", "-c": "@daily"}),
    ),
    row(
        "_sort=success_count has zeros first and numbers as numbers",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=success_count", 200, Column("success_count", [0, 0, 9, 10])),
        given=COUNTED,
    ),
    row(
        "_sort=error_count descends as well",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=error_count&_order=DESC", 200, Column("error_count", [1, 0, 0, 0])),
        given=COUNTED,
    ),
    row(
        "jobs that are equal come by name",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=error_count", 200, named("-b", "-c", "-d", "-a")),
        given=COUNTED,
    ),
    row(
        "_sort=last_success has the never-run last",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=last_success", 200, named("-b", "-a", "-c")),
        given=DATED,
    ),
    row(
        "_sort=last_error has the never-run last",
        "§1.4",
        get("/v1/jobs?q=$job&_sort=last_error", 200, named("-a", "-b", "-c")),
        given=DATED,
    ),
    row(
        "_sort=next has those that never run first, children among them",
        "§1.4, §2.5",
        get("/v1/jobs?q=$job&_sort=next", 200, named("-c", "-d", "-b", "-a")),
        given=SCHEDULED,
        differs=differences.NEXT_NEVER,
    ),
    *(
        row(
            f"_sort={field} is by name",
            "§1.4, §1.11",
            get(f"/v1/jobs?q=$job&_sort={field}", 200, named("-a", "-b", "-c")),
            given=C_A_B,
            differs=differences.UNKNOWN_SORT,
        )
        for field in ("", "status", "timezone", "owner", "retries", "started_at", "nonsense")
    ),
)

FILTERS = (
    row(
        "q finds a part of the name",
        "§1.4",
        get("/v1/jobs?q=$job-mi", 200, named("-middle"), headers={"X-Total-Count": "1"}),
        given=(Posted("$job-middle"), Posted("$job-other")),
    ),
    row(
        "q finds a part of the displayname",
        "§1.4",
        get("/v1/jobs?q=Title+of+$job", 200, named("")),
        given=(Posted("$job", {"displayname": "The Title of $job!"}),),
    ),
    row(
        "q distinguishes upper from lower case",
        "§1.4",
        get("/v1/jobs?q=title+of+$job", 200, Raw("[]")),
        given=(Posted("$job", {"displayname": "The Title of $job!"}),),
    ),
    row(
        "q does not look into other fields",
        "§1.4",
        get("/v1/jobs?q=owned-by-$job", 200, Raw("[]")),
        given=(Posted("$job", {"owner": "owned-by-$job"}),),
    ),
    row(
        "an empty q filters nothing", "§1.4", get("/v1/jobs?q=", 200, Length(1, or_more=True)), given=(Posted("$job"),)
    ),
    row(
        "metadata[key]=value finds jobs that have it",
        "§1.4, §1.12",
        get("/v1/jobs?q=$job&metadata[team]=x", 200, named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "the brackets of metadata may be encoded",
        "§1.4",
        get("/v1/jobs?q=$job&metadata%5Bteam%5D=x", 200, named("-a", "-b")),
        given=TAGGED,
    ),
    row(
        "several metadata must all match",
        "§1.4, §11.3",
        get("/v1/jobs?q=$job&metadata[team]=x&metadata[tier]=2", 200, named("-b")),
        given=TAGGED,
    ),
    row(
        "metadata values may hold any character",
        "§1.4",
        get("/v1/jobs?q=$job&metadata[team]=X%20%26%20y%3Dz", 200, named("-c")),
        given=TAGGED,
    ),
    row("metadata must match exactly", "§1.4", get("/v1/jobs?q=$job&metadata[team]=X", 200, Raw("[]")), given=TAGGED),
    row(
        "metadata that no job has finds nothing",
        "§1.4",
        get("/v1/jobs?q=$job&metadata[missing]=x", 200, Raw("[]"), headers={"X-Total-Count": "0"}),
        given=TAGGED,
    ),
    row(
        "metadata without a key is ignored",
        "§1.4, §1.12",
        get("/v1/jobs?q=$job&metadata=team", 200, Length(4)),
        given=TAGGED,
    ),
    *(
        row(
            f"status={status} finds them",
            "§1.4, §2.6",
            get(f"/v1/jobs?q=$job&status={status}", 200, named(suffix), headers={"X-Total-Count": "1"}),
            given=ENDED,
        )
        for status, suffix in (
            ("success", "-good"),
            ("failed", "-bad"),
            ("partially_failed", "-mixed"),
            ("untriggered", "-new"),
        )
    ),
    row("an unknown status finds nothing", "§1.4", get("/v1/jobs?q=$job&status=running", 200, Raw("[]")), given=ENDED),
    row("an empty status filters nothing", "§1.4", get("/v1/jobs?q=$job&status=", 200, Length(4)), given=ENDED),
    row(
        "disabled=true finds disabled jobs",
        "§1.4",
        get("/v1/jobs?q=$job&disabled=true", 200, named("-off"), headers={"X-Total-Count": "1"}),
        given=SWITCHED,
    ),
    row(
        "disabled=false finds enabled jobs",
        "§1.4",
        get("/v1/jobs?q=$job&disabled=false", 200, named("-on")),
        given=SWITCHED,
    ),
    *(
        row(
            f"disabled={text} finds nothing",
            "§1.4",
            get(f"/v1/jobs?q=$job&disabled={text}", 200, Raw("[]")),
            given=SWITCHED,
        )
        for text in ("1", "True", "nonsense")
    ),
    row(
        "filters work together",
        "§1.4",
        get("/v1/jobs?q=$job&status=untriggered&disabled=false&metadata[a]=b", 200, named("-yes")),
        given=(
            Posted("$job-yes", {"metadata": {"a": "b"}}),
            Posted("$job-no", {"metadata": {"a": "b"}, "disabled": True}),
        ),
    ),
    row(
        "id is ignored, though the UI sends it",
        "§1.4, §10.3",
        get("/v1/jobs?q=$job&id=$job-a&id=$job-b", 200, Length(3)),
        given=C_A_B,
    ),
)

ALL, COUNT = ("-a", "-b", "-c", "-d", "-e"), {"X-Total-Count": "5"}
SLICES = tuple(
    row(
        says,
        "§1.4",
        get(f"/v1/jobs?q=$job&{query}", 200, named(*wanted) if wanted else Raw("[]"), headers=COUNT),
        given=FIVE,
        differs=differs,
    )
    for says, query, wanted, differs in (
        ("_start and _end cut out a part and the count stays that of all", "_start=1&_end=3", ("-b", "-c"), None),
        ("_start alone cuts off the beginning", "_start=3", ("-d", "-e"), None),
        ("_end alone cuts off the end", "_end=2", ("-a", "-b"), None),
        ("_end beyond the end is the end", "_start=3&_end=100", ("-d", "-e"), None),
        ("_start and _end that are equal cut out nothing", "_start=2&_end=2", (), None),
        ("a part is cut out of the sorted list", "_start=0&_end=2&_order=DESC", ("-e", "-d"), None),
        ("a _start that is no number is 0", "_start=abc&_end=2", ("-a", "-b"), None),
        ("an _end that is no number is 0", "_end=xyz", (), None),
        ("a _start beyond the end gives an empty list", "_start=9&_end=12", (), differences.SLICES),
        ("a _start after the _end gives an empty list", "_start=3&_end=1", (), differences.SLICES),
        ("a negative _start is 0", "_start=-2&_end=2", ("-a", "-b"), differences.SLICES),
        ("a negative _end gives an empty list", "_end=-1", (), differences.SLICES),
        ("a _start beyond the end without an _end gives an empty list", "_start=5", (), None),
    )
)
UI = (
    row(
        "the list that the UI asks for is the first page",
        "§1.4, §10.3",
        get("/v1/jobs?_end=10&_order=ASC&_sort=id&_start=0&q=$job", 200, named(*ALL), headers=COUNT),
        given=FIVE,
    ),
    row("pretty lists are lists", "§1.4", get("/v1/jobs?q=$job&_end=0&pretty", 200, Is([])), given=FIVE),
)

ROWS: tuple[Row, ...] = (*CONTENT, *ORDER, *FILTERS, *SLICES, *UI)
