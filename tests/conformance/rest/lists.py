"""Dkron behaviour §1.4: what GET /v1/jobs lists, and in which order."""

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Column, Keys, Length, Raw
from tests.conformance.rest.row import Place, Posted, Row, Stored, get, posted, row, stored

LONG_AGO = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:04:05.5Z"


def named(*suffixes: str) -> Column:
    return Column("name", [f"${{job}}{suffix}" for suffix in suffixes])


def three(key: str, values: Mapping[str, Any]) -> tuple[Posted, ...]:
    """A job for each suffix, in which the field has the value."""
    return tuple(posted(f"$job{suffix}", **{key: value}) for suffix, value in values.items())


def with_status(values: Mapping[str, Mapping[str, Any]]) -> tuple[Stored, ...]:
    return tuple(stored(f"$job{suffix}", status=status) for suffix, status in values.items())


C_A_B = three("owner", {"-c": "", "-a": "", "-b": ""})
COUNTED = with_status({"-a": {"successCount": 10, "errorCount": 1}, "-b": {"successCount": 9}, "-c": {}, "-d": {}})
DATED = with_status(
    {"-a": {"lastSuccess": LATER, "lastError": LONG_AGO}, "-b": {"lastSuccess": LONG_AGO, "lastError": LATER}, "-c": {}}
)

SCHEDULED = (
    posted("$job-a", schedule="@at 2099-02-01T00:00:00Z"),
    posted("$job-b", schedule="@at 2099-01-01T00:00:00Z"),
    posted("$job-c", schedule="@manually"),
    posted("$job-d", schedule="", parent_job="$job-a"),
)

CONTENT = (
    row("no jobs are an empty list", get("/v1/jobs", Raw("[]"), headers={"X-Total-Count": "0"}), where=Place.EMPTY),
    row(
        "a filter that nothing passes gives an empty list",
        get("/v1/jobs?q=nothing-has-this", Raw("[]"), headers={"X-Total-Count": "0"}),
    ),
    row(
        "without a query all jobs are listed and counted",
        get("/v1/jobs", Length(1, or_more=True), headers={"X-Total-Count": re.compile(r"^\d+$")}),
        given=posted(),
    ),
    row(
        "an item of the list is the job as GET shows it",
        get(
            "/v1/jobs?q=$job",
            [{"id": "$job", "name": "$job", "processors": {}, "concurrency": "allow", "dependent_jobs": None}],
        ),
        given=posted(),
    ),
    row(
        "the keys of an item have a fixed order",
        get(
            "/v1/jobs?q=$job",
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
        given=posted(),
    ),
)

ORDER = (
    row("jobs come by name", get("/v1/jobs?q=$job", named("-a", "-b", "-c")), given=C_A_B),
    row("_sort=id is by name", get("/v1/jobs?q=$job&_sort=id", named("-a", "-b", "-c")), given=C_A_B),
    row("_order=DESC turns the list round", get("/v1/jobs?q=$job&_order=DESC", named("-c", "-b", "-a")), given=C_A_B),
    row(
        "_order=desc turns the list round",
        get("/v1/jobs?q=$job&_order=desc", named("-c", "-b", "-a")),
        given=C_A_B,
        differs=differences.ORDER,
    ),
    row("any other _order ascends", get("/v1/jobs?q=$job&_order=down", named("-a", "-b", "-c")), given=C_A_B),
    row(
        "names are compared byte by byte",
        get("/v1/jobs?q=$job&_sort=name", named("-1", "_a", "a", "é")),
        given=tuple(posted("${job}" + s) for s in ("é", "a", "_a", "-1")),
    ),
    row(
        "_sort=displayname compares byte by byte",
        get("/v1/jobs?q=$job&_sort=displayname", Column("displayname", ["", "B", "a", "é"])),
        given=three("displayname", {"-a": "é", "-b": "a", "-c": "B", "-d": ""}),
    ),
    row(
        "_sort=schedule compares the texts",
        get("/v1/jobs?q=$job&_sort=schedule", Column("schedule", ["0 0 1 * * *", "@daily", "@every 1h"])),
        given=three("schedule", {"-a": "@every 1h", "-b": "0 0 1 * * *", "-c": "@daily"}),
    ),
    row(
        "_sort=success_count has zeros first and numbers as numbers",
        get("/v1/jobs?q=$job&_sort=success_count", Column("success_count", [0, 0, 9, 10])),
        given=COUNTED,
    ),
    row(
        "_sort=error_count descends as well",
        get("/v1/jobs?q=$job&_sort=error_count&_order=DESC", Column("error_count", [1, 0, 0, 0])),
        given=COUNTED,
    ),
    row(
        "jobs that are equal come by name",
        get("/v1/jobs?q=$job&_sort=error_count", named("-b", "-c", "-d", "-a")),
        given=COUNTED,
    ),
    row(
        "_sort=last_success has the never-run last",
        get("/v1/jobs?q=$job&_sort=last_success", named("-b", "-a", "-c")),
        given=DATED,
    ),
    row(
        "_sort=last_error has the never-run last",
        get("/v1/jobs?q=$job&_sort=last_error", named("-a", "-b", "-c")),
        given=DATED,
    ),
    row(
        "_sort=next has those that never run first, children among them",
        get("/v1/jobs?q=$job&_sort=next", named("-c", "-d", "-b", "-a")),
        given=SCHEDULED,
        differs=differences.NEXT_NEVER,
    ),
    *(
        row(
            f"_sort={field} is by name",
            get(f"/v1/jobs?q=$job&_sort={field}", named("-a", "-b", "-c")),
            given=C_A_B,
            differs=differences.UNKNOWN_SORT,
        )
        for field in ("", "status", "timezone", "owner", "retries", "started_at", "nonsense")
    ),
)

ROWS: tuple[Row, ...] = (*CONTENT, *ORDER)
