"""Dkron behaviour §1.4: what GET /v1/jobs lists, in which order, and which part. The unit tests of lists try more."""

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Column, Is, Keys, Length, Raw
from tests.conformance.rest.row import Place, Posted, Row, get, posted, row, stored

LIST = "/v1/jobs?q=$job"
NOTHING = Raw("[]")
KEYS = (
    "id name displayname timezone schedule owner owner_email success_count error_count last_success last_error "
    "disabled tags metadata retries dependent_jobs parent_job processors concurrency executor executor_config status "
    "next ephemeral starts_at expires_at"
)


def named(*suffixes: str) -> Column:
    """The jobs whose names end so, in this order."""
    return Column("name", [f"${{job}}{suffix}" for suffix in suffixes])


def several(key: str, values: Mapping[str, Any]) -> tuple[Posted, ...]:
    """A job for each suffix, in which the field has the value."""
    return tuple(posted(f"${{job}}{suffix}", **{key: value}) for suffix, value in values.items())


C_A_B = several("owner", {"-c": "", "-a": "", "-b": ""})
FIVE = several("owner", dict.fromkeys(("-a", "-b", "-c", "-d", "-e"), ""))
TITLED = posted(displayname="The Title of $job!", owner="owned-by-$job")
TAGGED = (
    posted("$job-a", metadata={"team": "x", "tier": "1"}),
    posted("$job-b", metadata={"team": "x", "tier": "2"}),
    posted("$job-c", metadata={"team": "X & y=z", "tier": "1"}),
    posted("$job-d", disabled=True),
)
MIXED = {"status": "partially_failed", "successCount": 9, "lastSuccess": "2026-01-02T03:04:05Z"}
RAN = (
    stored("$job-bad", status={"status": "failed", "errorCount": 1, "lastError": "2026-01-02T03:04:05Z"}),
    stored("$job-good", status={"status": "success", "successCount": 10, "lastSuccess": "2026-01-02T03:04:05.5Z"}),
    stored("$job-mixed", status=MIXED),
    stored("$job-new"),
)
SCHEDULED = (
    posted("$job-a", schedule="@at 2099-02-01T00:00:00Z"),
    posted("$job-b", schedule="@at 2099-01-01T00:00:00Z"),
    posted("$job-c", schedule="@manually"),
    posted("$job-d", schedule="", parent_job="$job-a"),
)

CONTENT = (
    row("no jobs are an empty list", get("/v1/jobs", NOTHING, headers={"X-Total-Count": "0"}), where=Place.EMPTY),
    row("a filter that nothing passes gives an empty list", get(LIST, NOTHING, headers={"X-Total-Count": "0"})),
    row(
        "without a query all jobs are listed and counted",
        get("/v1/jobs", Length(1, or_more=True), headers={"X-Total-Count": re.compile(r"^\d+$")}),
        get("/v1/jobs?q=", Length(1, or_more=True)),
        given=posted(),
    ),
    row(
        "an item of the list is the job as GET shows it",
        get(LIST, Keys(tuple(KEYS.split()))),
        get(LIST, [{"id": "$job", "processors": {}, "concurrency": "allow", "dependent_jobs": None}]),
        given=posted(),
    ),
    row("pretty lists are lists", get(f"{LIST}&_end=0&pretty", Is([])), given=FIVE),
)


def orders(query: str, *wanted: str, given: Any = C_A_B, **more: Any) -> Row:
    """In which order a query lists jobs."""
    return row(f"{query} sorts {' '.join(wanted)}", get(f"{LIST}&{query}", named(*wanted)), given=given, **more)


ORDER = (
    row("jobs come by name", get(LIST, named("-a", "-b", "-c")), given=C_A_B),
    row(
        "names are compared byte by byte",
        get(f"{LIST}&_sort=name", named("-1", "_a", "a", "é")),
        given=several("owner", {"é": "", "a": "", "_a": "", "-1": ""}),
    ),
    orders("_order=DESC", "-c", "-b", "-a"),
    orders("_order=desc", "-c", "-b", "-a", differs=differences.ORDER),
    orders("_order=down", "-a", "-b", "-c"),
    orders("_sort=success_count", "-bad", "-new", "-mixed", "-good", given=RAN),
    orders("_sort=error_count&_order=DESC", "-bad", "-new", "-mixed", "-good", given=RAN),
    orders("_sort=last_success", "-mixed", "-good", "-bad", "-new", given=RAN),
    orders("_sort=last_error", "-bad", "-good", "-mixed", "-new", given=RAN),
    orders("_sort=next", "-c", "-d", "-b", "-a", given=SCHEDULED, differs=differences.NEXT_NEVER),
    *(
        orders(f"_sort={field}", "-a", "-b", "-c", differs=differences.UNKNOWN_SORT)
        for field in ("", "started_at", "nonsense")
    ),
)


def finds(query: str, *wanted: str, given: Any = TAGGED) -> Row:
    """The jobs that a query finds, and their count."""
    count = {"X-Total-Count": str(len(wanted))}
    body = named(*wanted) if wanted else NOTHING
    return row(f"{query}: {' '.join(wanted) or 'nothing'}", get(f"{LIST}&{query}", body, headers=count), given=given)


FILTERS = (
    row(
        "q finds only parts of the name and the exact displayname",
        get(LIST, named("")),
        get("/v1/jobs?q=Title+of+$job", named("")),
        get("/v1/jobs?q=title+of+$job", NOTHING),
        get("/v1/jobs?q=owned-by-$job", NOTHING),
        given=TITLED,
    ),
    finds("metadata[team]=x", "-a", "-b"),
    finds("metadata%5Bteam%5D=x&metadata[tier]=2", "-b"),
    finds("metadata[team]=X%20%26%20y%3Dz", "-c"),
    finds("metadata[team]=X"),
    finds("metadata=team", "-a", "-b", "-c", "-d"),
    finds("disabled=true", "-d"),
    finds("disabled=false&status=untriggered&metadata[tier]=1", "-a", "-c"),
    finds("disabled=True"),
    finds("id=$job-a&id=$job-b", "-a", "-b", "-c", given=C_A_B),
    finds("status=success", "-good", given=RAN),
    finds("status=failed", "-bad", given=RAN),
    finds("status=partially_failed", "-mixed", given=RAN),
    finds("status=untriggered", "-new", given=RAN),
    finds("status=running", given=RAN),
    finds("status=", "-bad", "-good", "-mixed", "-new", given=RAN),
)

SLICES = tuple(
    row(
        f"{query}: {' '.join(wanted) or 'nothing'} of all",
        get(f"{LIST}&{query}", named(*wanted) if wanted else NOTHING, headers={"X-Total-Count": "5"}),
        given=FIVE,
        differs=differs,
    )
    for query, wanted, differs in (
        ("_end=10&_order=ASC&_sort=id&_start=0", ("-a", "-b", "-c", "-d", "-e"), None),
        ("_start=1&_end=3", ("-b", "-c"), None),
        ("_start=0&_end=2&_order=DESC", ("-e", "-d"), None),
        ("_start=abc&_end=2", ("-a", "-b"), None),
        ("_start=9&_end=12", (), differences.SLICES),
        ("_start=3&_end=1", (), differences.SLICES),
        ("_start=-2&_end=2", ("-a", "-b"), differences.SLICES),
        ("_end=-1", (), differences.SLICES),
    )
)

ROWS: tuple[Row, ...] = (*CONTENT, *ORDER, *FILTERS, *SLICES)
