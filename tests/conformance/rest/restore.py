"""Dkron behaviour §1.8: POST /v1/restore takes a backup, which is what GET /v1/jobs answers."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import Has, Is, Length, Raw, Text
from tests.conformance.rest.row import (
    ClusterIs,
    Place,
    Posted,
    Row,
    Step,
    Stored,
    Upload,
    get,
    manual,
    post,
    row,
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
VENDOR = {"Accept": "application/vnd.dkron.v4+json"}


def restored(content: Any, status: int, body: Any = None, *, name: str = "file", **more: Any) -> Step:
    return post("/v1/restore", status, body, sent=Upload(content, name), **more)


def done(*suffixes: str) -> Is:
    return Is([f"success create ${{job}}{suffix}" for suffix in suffixes])


GOOD = (
    row(
        "a restored job is there",
        "§1.8, §1.2",
        restored([manual(owner="Ann")], 200, done("")),
        get("/v1/jobs/$job", 200, Has({"owner": "Ann"})),
    ),
    row(
        "the result of a restore is a list of texts",
        "§1.8, §1.12",
        restored([manual()], 200, Raw('["success create $job"]')),
        differs=differences.RESTORE_RESULT,
    ),
    row(
        "a client of Dkron gets the result as a text that holds JSON",
        "§1.8",
        restored(
            [PAR, KID], 200, Raw('"[\\"success create $job-par\\",\\"success create $job-kid\\"]"'), sent_headers=VENDOR
        ),
    ),
    row("an empty backup restores nothing", "§1.8", restored([], 200, Raw("[]"))),
    row(
        "an empty backup is an empty list in a text for a client of Dkron",
        "§1.8",
        restored([], 200, Raw('"[]"'), sent_headers=VENDOR),
    ),
    row(
        "parents come before their children, whatever the order of the file",
        "§1.8",
        restored([GRANDKID, KID, PAR], 200, done("-par", "-kid", "-grandkid")),
        get("/v1/jobs?q=$job", 200, Length(3)),
    ),
    row(
        "three levels are restored without a failure",
        "§1.8",
        restored([PAR, KID, GRANDKID], 200, done("-par", "-kid", "-grandkid")),
        get("/v1/jobs/$job-kid", 200, Has({"parent_job": "$job-par", "dependent_jobs": ["$job-grandkid"]})),
    ),
    row(
        "dependents are not doubled by a restore",
        "§1.8",
        restored([PAR, KID], 200),
        restored([PAR, KID], 200),
        get("/v1/jobs/$job-par", 200, Has({"dependent_jobs": ["$job-kid"]})),
        differs=differences.RESTORE_TWICE,
    ),
    row(
        "existing jobs are overwritten",
        "§1.8",
        restored([manual(owner="Bob")], 200, done("")),
        get("/v1/jobs/$job", 200, Has({"owner": "Bob", "retries": 0})),
        given=(Posted("$job", {"owner": "Ann", "retries": 5}),),
    ),
    row(
        "jobs that are not in the file are left alone",
        "§1.8",
        restored([manual("$job-new")], 200),
        get("/v1/jobs/$job-old", 200, Has({"owner": "Ann"})),
        given=(Posted("$job-old", {"owner": "Ann"}),),
    ),
    row(
        "a job that did not exist keeps its history from the file",
        "§1.8, §2.3",
        restored([manual(**RAN)], 200),
        get("/v1/jobs/$job", 200, Has(RAN)),
    ),
    row(
        "a job that exists keeps its own history",
        "§1.8, §2.3",
        restored([manual(**RAN)], 200),
        get("/v1/jobs/$job", 200, Has({"success_count": 2, "error_count": 0, "last_error": None, "status": "failed"})),
        given=(Stored("$job", status={"successCount": 2, "status": "failed"}),),
        differs=differences.FORGED,
    ),
    row(
        "next is computed anew by a restore",
        "§1.8, §2.5",
        restored([manual(schedule="@at 2099-01-01T00:00:00Z", next="2050-01-01T00:00:00Z")], 200),
        get("/v1/jobs/$job", 200, Has({"next": "2099-01-01T00:00:00Z"})),
    ),
    row(
        "a parent may be in the cluster instead of the file",
        "§1.8",
        restored([KID], 200, done("-kid")),
        get("/v1/jobs/$job-par", 200, Has({"dependent_jobs": ["$job-kid"]})),
        given=(Posted("$job-par"),),
        differs=differences.RESTORE_PARENT,
    ),
    row(
        "concurrency that the file leaves open reads back as allow",
        "§1.8",
        restored([manual()], 200),
        get("/v1/jobs/$job", 200, Has({"concurrency": "allow"})),
        differs=differences.CONCURRENCY,
    ),
    row(
        "jobs can be restored while paused",
        "§1.8",
        get("/v1/pause", 200, Raw('{"paused":true}'), eventually=True),
        restored([manual()], 200, done("")),
        given=(ClusterIs(paused=True),),
        where=Place.CLUSTER,
    ),
    row(
        "a restored disabled job stays disabled",
        "§1.8",
        restored([manual(disabled=True)], 200),
        get("/v1/jobs/$job", 200, Has({"disabled": True})),
    ),
    row(
        "names of other scripts are restored",
        "§1.8, §2.2",
        restored([manual("${job}_ñ")], 200, done("_ñ")),
        get("/v1/jobs?q=$job", 200, Length(1)),
    ),
    row(
        "the result can be pretty",
        "§1.8, §1.1",
        post("/v1/restore?pretty", 200, Raw('[\n    "success create $job"\n]'), sent=Upload([manual()])),
    ),
)

DONE_OTHER = "success create $job-other"
PARTLY = (
    row(
        "a job that Kubernetes refuses is told, as are its children, and the others are restored",
        "§1.8",
        restored(
            [manual("$job-par", displayname="a" * 600), KID, manual("$job-other")],
            200,
            Has([re.compile(r"^fail create $job-par: \S"), re.compile(r"^fail create $job-kid: \S"), DONE_OTHER]),
        ),
        get("/v1/jobs?q=$job", 200, Length(1)),
        differs=differences.RESTORE_FAILURE,
    ),
)

NOTHING = get("/v1/jobs?q=$job", 200, Length(0))
BAD = (
    row(
        "a restore without a file is not found",
        "§1.8, §1.11",
        restored([manual()], 404, name="backup"),
        NOTHING,
        differs=differences.REASONS,
    ),
    row(
        "a restore that is no form is not found",
        "§1.8, §1.11, §1.13",
        post("/v1/restore", 404, sent=[manual()], sent_headers={"Content-Type": "application/json"}),
        NOTHING,
        differs=differences.REASONS,
    ),
    row("a restore without a body is not found", "§1.8", post("/v1/restore", 404), differs=differences.REASONS),
    *(
        row(
            f"a file with {what} is refused",
            "§1.8, §1.11",
            restored(content, 400),
            NOTHING,
            differs=differences.REASONS,
        )
        for what, content in (
            ("no JSON", "nonsense"),
            ("nothing in it", ""),
            ("one job that is not in a list", manual()),
            ("a list of texts", ["$job"]),
            ("a truncated list", '[{"name":"$job","schedule":"@manually"}'),
            ("a job of wrong types", [manual(), manual("$job-b", disabled="true")]),
            ("a job without a name", [manual(), {"schedule": "@manually"}]),
            ("a job with an illegal name", [manual(), manual("$job!")]),
            ("a job with a bad schedule", [manual(), manual("$job-b", schedule="nonsense")]),
            ("a job with a bad time zone", [manual(), manual("$job-b", timezone="nowhere")]),
            ("a child whose parent is nowhere", [manual(), manual("$job-b", parent_job="$job-nowhere")]),
            ("a circle of parents", [manual("$job-a", parent_job="$job-b"), manual("$job-b", parent_job="$job-a")]),
        )
    ),
)

ODD: dict[str, dict[str, Any]] = {
    "counter below zero": {"error_count": -1},
    "counter that is full": {"success_count": 2**63 - 1},
    "time of the year 1": {"last_success": "0001-01-01T00:00:01Z"},
    "state that there is not": {"status": "running"},
}
IMPOSSIBLE = tuple(
    row(
        f"a restored {what} is refused, and nothing is stored",
        "§1.8",
        restored([manual(), manual("$job-odd", **fields)], 400, Text(next(iter(fields)))),
        get("/v1/jobs/$job", 404),
        differs=differences.RESTORE_HISTORY,
    )
    for what, fields in ODD.items()
)

ROWS: tuple[Row, ...] = (*GOOD, *PARTLY, *BAD, *IMPOSSIBLE)
