"""Dkron behaviour §1.1 and §1.2: what is no route, slashes too many, and pages of other origins."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Keys, Raw
from tests.conformance.rest.row import (
    Place,
    Row,
    Step,
    delete,
    get,
    manual,
    patch,
    post,
    put,
    row,
)

NOT_FOUND = Raw("404 page not found")
NOWHERE = {"X-Whom": ABSENT, "Allow": ABSENT}

UNKNOWN = tuple(
    row(
        f"{method} {path} is no route",
        source,
        Step(method, path, 404, NOT_FOUND if method != "HEAD" else EMPTY, headers=NOWHERE),
    )
    for method, path, source in (
        ("GET", "/nothing", "§1.1"),
        ("GET", "/v1/nothing", "§1.1"),
        ("GET", "/V1/jobs", "§1.1"),
        ("GET", "/v1/Jobs", "§1.1"),
        ("GET", "//v1/jobs", "§1.1"),
        ("GET", "/v1//jobs", "§1.1"),
        ("GET", "/v1/nothing/", "§1.1"),
        ("HEAD", "/v1/jobs", "§1.1"),
        ("HEAD", "/v1", "§1.1"),
        ("OPTIONS", "/v1/jobs", "§1.1"),
        ("OPTIONS", "/v1/jobs/some", "§1.1"),
        ("PUT", "/v1/jobs", "§1.2"),
        ("DELETE", "/v1/jobs", "§1.2"),
        ("PATCH", "/v1/jobs/some", "§1.2"),
        ("GET", "/v1/jobs/some/run", "§1.2"),
        ("GET", "/v1/jobs/some/toggle", "§1.2"),
        ("POST", "/v1/jobs/some/disable", "§1.2"),
        ("POST", "/v1/jobs/some/executions", "§1.2"),
        ("GET", "/v1/unpause", "§1.2"),
        ("DELETE", "/v1/pause", "§1.2"),
        ("POST", "/v1/stats", "§1.2"),
        ("POST", "/v1/members", "§1.2"),
        ("GET", "/v1/restore", "§1.2"),
        ("GET", "/v1/leave", "§1.2"),
        ("POST", "/v1/isleader", "§1.2"),
        ("POST", "/v1", "§1.2"),
        ("GET", "/ready", "§1.2"),
        ("GET", "/dashboard", "§1.2"),
        ("GET", "/v1/backup", "§1.2, §1.13"),
        ("POST", "/health", "§1.2"),
    )
)

SLASHES = (
    row(
        "GET with a slash too many is sent on for good", "§1.1", get("/v1/jobs/", 301, headers={"Location": "/v1/jobs"})
    ),
    row(
        "POST with a slash too many is sent on with its body",
        "§1.1",
        post("/v1/jobs/", 307, sent=manual(), headers={"Location": "/v1/jobs"}),
    ),
    row(
        "PUT with a slash too many is sent on with its body",
        "§1.1",
        put("/v1/jobs/some/", 307, sent=manual(), headers={"Location": "/v1/jobs/some"}),
    ),
    row(
        "PATCH with a slash too many is sent on with its body",
        "§1.1",
        patch("/v1/jobs/", 307, sent=manual(), headers={"Location": "/v1/jobs"}),
    ),
    row(
        "DELETE with a slash too many is sent on",
        "§1.1",
        delete("/v1/jobs/some/", 307, headers={"Location": "/v1/jobs/some"}),
    ),
    row(
        "a slash too many below a job is sent on",
        "§1.1",
        get("/v1/jobs/some/executions/", 301, headers={"Location": "/v1/jobs/some/executions"}),
    ),
    row(
        "the query stays when a slash too many is sent on",
        "§1.1",
        get("/v1/jobs/?q=a&_end=1", 301, headers={"Location": "/v1/jobs?q=a&_end=1"}),
    ),
    row("/v1 answers without a slash", "§1.1, §1.3", get("/v1", 200, Keys(("agent", "serf", "tags")))),
    row("/v1/ answers with a slash", "§1.1, §1.3", get("/v1/", 200, Keys(("agent", "serf", "tags")))),
)

FOREIGN = {"Origin": "https://elsewhere.example.com"}
UI = {"Origin": "https://ui.example.com"}
NO_CORS = {"Access-Control-Allow-Origin": ABSENT, "Access-Control-Expose-Headers": ABSENT}
CORS = (
    row("a request without an Origin gets no CORS header", "§1.1", get("/v1/jobs?q=$job", headers=NO_CORS)),
    row(
        "a foreign page is not let in unless its origin is configured",
        "§1.1",
        get("/v1/jobs?q=$job", sent_headers=FOREIGN, headers=NO_CORS),
        differs=differences.CORS,
    ),
    row(
        "a preflight request gets 404 while no origin is configured",
        "§1.1",
        Step(
            "OPTIONS",
            "/v1/jobs",
            404,
            NOT_FOUND,
            sent_headers={**FOREIGN, "Access-Control-Request-Method": "PUT"},
            headers=NOWHERE,
        ),
    ),
    row(
        "a configured origin is let in and sees the headers it needs",
        "§1.1",
        get(
            "/v1/jobs?q=$job",
            sent_headers=UI,
            headers={
                "Access-Control-Allow-Origin": re.compile(r"^(https://ui\.example\.com|\*)$"),
                "Access-Control-Expose-Headers": re.compile(r"(?i)\*|x-total-count"),
            },
        ),
        where=Place.CORS,
        differs=differences.CORS,
    ),
    row(
        "a configured origin gets an answer to its preflight request",
        "§1.1",
        Step(
            "OPTIONS",
            "/v1/jobs/some",
            204,
            sent_headers={
                **UI,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type",
            },
            headers={
                "Access-Control-Allow-Methods": re.compile("PUT"),
                "Access-Control-Allow-Headers": re.compile(r"(?i)content-type|\*"),
                "Content-Type": ABSENT,
            },
        ),
        where=Place.CORS,
        differs=differences.CORS,
    ),
    row(
        "an origin that is not among the configured ones gets no header",
        "§1.1",
        get("/v1/jobs?q=$job", sent_headers=FOREIGN, headers={"Access-Control-Allow-Origin": ABSENT}),
        where=Place.CORS,
        differs=differences.CORS,
    ),
    row(
        "a configured origin sees errors, too",
        "§1.1",
        get("/v1/jobs/$job", 404, sent_headers=UI, headers={"Access-Control-Allow-Origin": PRESENT}),
        where=Place.CORS,
    ),
)

ROWS: tuple[Row, ...] = (*UNKNOWN, *SLASHES, *CORS)
