"""Dkron behaviour §1.8: POST /v1/restore takes a backup, which is what GET /v1/jobs answers."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Is, Length, Raw, Text
from tests.conformance.rest.row import (
    JOB,
    ClusterIs,
    Place,
    Row,
    Step,
    Upload,
    get,
    manual,
    post,
    posted,
    row,
    soon,
    stored,
)

RAN = {
    "success_count": 7,
    "error_count": 3,
    "last_success": "2026-01-02T03:04:05Z",
    "last_error": "2026-01-01T03:04:05Z",
    "status": "success",
}
PAR, KID = manual("$job-par", dependent_jobs=["$job-kid"]), manual("$job-kid", parent_job="$job-par")
GRANDKID = manual("$job-grandkid", parent_job="$job-kid")
FOR_DKRON = '"[\\"success create ${job}_ñ\\",\\"success create $job\\"]"'
VENDOR = {"Accept": "application/vnd.dkron.v4+json"}


def restored(content: Any, status: int, body: Any = None, *, name: str = "file", **more: Any) -> Step:
    return post("/v1/restore", status, body, sent=Upload(content, name), **more)


def done(*suffixes: str) -> Is:
    return Is([f"success create ${{job}}{suffix}" for suffix in suffixes])


GOOD = (
    row(
        "a restore answers with a list, to Dkron clients in a text",
        restored([manual()], 200, Raw('["success create $job"]')),
        restored([], 200, Raw("[]")),
        post("/v1/restore?pretty", 200, Raw('[\n    "success create $job"\n]'), sent=Upload([manual()])),
        restored([manual("${job}_ñ"), manual()], 200, Raw(FOR_DKRON), sent_headers=VENDOR),
        restored([], 200, Raw('"[]"'), sent_headers=VENDOR),
        get("/v1/jobs?q=$job", Length(2)),
        differs=differences.RESTORE_RESULT,
    ),
    row(
        "parents are restored before their children",
        restored([GRANDKID, KID, PAR], 200, done("-par", "-kid", "-grandkid")),
        get("/v1/jobs/$job-kid", {"parent_job": "$job-par", "dependent_jobs": ["$job-grandkid"]}),
        get("/v1/jobs?q=$job", Length(3)),
    ),
    row(
        "dependents are not doubled by a restore",
        restored([PAR, KID], 200),
        restored([PAR, KID], 200),
        get("/v1/jobs/$job-par", {"dependent_jobs": ["$job-kid"]}),
        differs=differences.RESTORE_TWICE,
    ),
    row(
        "existing jobs are overwritten, with concurrency allow",
        restored([manual(owner="Bob", disabled=True)], 200, done("")),
        get(JOB, {"owner": "Bob", "retries": 0, "disabled": True, "concurrency": "allow"}),
        given=posted(owner="Ann", retries=5, concurrency="forbid"),
        differs=differences.CONCURRENCY,
    ),
    row(
        "jobs that are not in the file stay as they are",
        restored([manual("$job-new")], 200),
        get("/v1/jobs/$job-old", {"owner": "Ann"}),
        given=posted("$job-old", owner="Ann"),
    ),
    row("a job that did not exist keeps its history from the file", restored([manual(**RAN)], 200), get(JOB, Has(RAN))),
    row(
        "a job that exists keeps its own history",
        restored([manual(**RAN)], 200),
        get(JOB, {"success_count": 2, "error_count": 0, "last_error": None, "status": "failed"}),
        given=stored(status={"successCount": 2, "status": "failed"}),
        differs=differences.FORGED,
    ),
    row(
        "a restore computes next again",
        restored([manual(schedule="@at 2099-01-01T00:00:00Z", next="2050-01-01T00:00:00Z")], 200),
        get(JOB, {"next": "2099-01-01T00:00:00Z"}),
    ),
    row(
        "a parent may be in the cluster instead of the file",
        restored([KID], 200, done("-kid")),
        get("/v1/jobs/$job-par", {"dependent_jobs": ["$job-kid"]}),
        given=posted("$job-par"),
        differs=differences.RESTORE_PARENT,
    ),
    row(
        "jobs can be restored while paused",
        soon("/v1/pause", Raw('{"paused":true}')),
        restored([manual()], 200, done("")),
        given=ClusterIs(paused=True),
        where=Place.CLUSTER,
    ),
)

FAILS = [
    re.compile(r"^fail create $job-par: \S"),
    re.compile(r"^fail create $job-kid: \S"),
    "success create $job-other",
]
PARTLY = (
    row(
        "a refused job and its children are reported, others restored",
        restored([manual("$job-par", displayname="a" * 600), KID, manual("$job-other")], 200, FAILS),
        get("/v1/jobs?q=$job", Length(1)),
        differs=differences.RESTORE_FAILURE,
    ),
)

NOTHING = get("/v1/jobs?q=$job", Length(0))
BAD = (
    row(
        "a restore without a body, a form or a file is not found",
        post("/v1/restore", 404),
        post("/v1/restore", 404, sent=[manual()], sent_headers={"Content-Type": "application/json"}),
        restored([manual()], 404, name="backup"),
        NOTHING,
        differs=differences.REASONS,
    ),
    *(
        row(f"a file with {what} is refused", restored(content, 400), NOTHING, differs=differences.REASONS)
        for what, content in (
            ("no JSON", "nonsense"),
            ("a job of wrong types", [manual(), manual("$job-b", disabled="true")]),
            ("a job without a name", [manual(), {"schedule": "@manually"}]),
            ("a job with a bad schedule", [manual(), manual("$job-b", schedule="nonsense")]),
            ("a child whose parent is nowhere", [manual(), manual("$job-b", parent_job="$job-nowhere")]),
            ("a circle of parents", [manual("$job-a", parent_job="$job-b"), manual("$job-b", parent_job="$job-a")]),
        )
    ),
)

ODD: dict[str, dict[str, Any]] = {
    "counter below zero": {"error_count": -1},
    "counter that is full": {"success_count": 2**63 - 1},
    "time of the year 1": {"last_success": "0001-01-01T00:00:01Z"},
    "unknown state": {"status": "running"},
}
IMPOSSIBLE = tuple(
    row(
        f"a restored {what} is refused unstored",
        restored([manual(), manual("$job-odd", **fields)], 400, Text(next(iter(fields)))),
        get(JOB, status=404),
        differs=differences.RESTORE_HISTORY,
    )
    for what, fields in ODD.items()
)

ROWS: tuple[Row, ...] = (*GOOD, *PARTLY, *BAD, *IMPOSSIBLE)
