"""Dkron behaviour §1.1 and §1.2: what is no route, slashes too many, and pages of other origins."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Keys, Raw
from tests.conformance.rest.row import JOB, Place, Row, Step, delete, get, manual, patch, post, put, row

NOT_FOUND = Raw("404 page not found")
NOWHERE = {"X-Whom": ABSENT, "Allow": ABSENT}

UNKNOWN = tuple(
    row(
        f"{method} {path} is no route",
        Step(method, path, 404, NOT_FOUND if method != "HEAD" else EMPTY, headers=NOWHERE),
    )
    for method, path in (
        ("GET", "/nothing"),
        ("GET", "/v1/nothing"),
        ("GET", "/V1/jobs"),
        ("GET", "/v1/Jobs"),
        ("GET", "//v1/jobs"),
        ("GET", "/v1//jobs"),
        ("GET", "/v1/nothing/"),
        ("HEAD", "/v1/jobs"),
        ("HEAD", "/v1"),
        ("OPTIONS", "/v1/jobs"),
        ("OPTIONS", "/v1/jobs/some"),
        ("PUT", "/v1/jobs"),
        ("DELETE", "/v1/jobs"),
        ("PATCH", "/v1/jobs/some"),
        ("GET", "/v1/jobs/some/run"),
        ("GET", "/v1/jobs/some/toggle"),
        ("POST", "/v1/jobs/some/disable"),
        ("POST", "/v1/jobs/some/executions"),
        ("GET", "/v1/unpause"),
        ("DELETE", "/v1/pause"),
        ("POST", "/v1/stats"),
        ("POST", "/v1/members"),
        ("GET", "/v1/restore"),
        ("GET", "/v1/leave"),
        ("POST", "/v1/isleader"),
        ("POST", "/v1"),
        ("GET", "/ready"),
        ("GET", "/dashboard"),
        ("GET", "/v1/backup"),
        ("POST", "/health"),
    )
)

SLASHES = (
    row(
        "GET with a slash too many is sent on for good", get("/v1/jobs/", status=301, headers={"Location": "/v1/jobs"})
    ),
    row(
        "POST with a slash too many is sent on with its body",
        post("/v1/jobs/", 307, sent=manual(), headers={"Location": "/v1/jobs"}),
    ),
    row(
        "PUT with a slash too many is sent on with its body",
        put("/v1/jobs/some/", 307, sent=manual(), headers={"Location": "/v1/jobs/some"}),
    ),
    row(
        "PATCH with a slash too many is sent on with its body",
        patch("/v1/jobs/", 307, sent=manual(), headers={"Location": "/v1/jobs"}),
    ),
    row(
        "DELETE with a slash too many is sent on",
        delete("/v1/jobs/some/", status=307, headers={"Location": "/v1/jobs/some"}),
    ),
    row(
        "a slash too many below a job is sent on",
        get("/v1/jobs/some/executions/", status=301, headers={"Location": "/v1/jobs/some/executions"}),
    ),
    row(
        "the query stays when a slash too many is sent on",
        get("/v1/jobs/?q=a&_end=1", status=301, headers={"Location": "/v1/jobs?q=a&_end=1"}),
    ),
    row("/v1 answers without a slash", get("/v1", Keys(("agent", "serf", "tags")))),
    row("/v1/ answers with a slash", get("/v1/", Keys(("agent", "serf", "tags")))),
)

FOREIGN = {"Origin": "https://elsewhere.example.com"}
UI = {"Origin": "https://ui.example.com"}
NO_CORS = {"Access-Control-Allow-Origin": ABSENT, "Access-Control-Expose-Headers": ABSENT}
CORS = (
    row("a request without an Origin gets no CORS header", get("/v1/jobs?q=$job", headers=NO_CORS)),
    row(
        "a foreign page is not let in unless its origin is configured",
        get("/v1/jobs?q=$job", sent_headers=FOREIGN, headers=NO_CORS),
        differs=differences.CORS,
    ),
    row(
        "a preflight request gets 404 while no origin is configured",
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
        get("/v1/jobs?q=$job", sent_headers=FOREIGN, headers={"Access-Control-Allow-Origin": ABSENT}),
        where=Place.CORS,
        differs=differences.CORS,
    ),
    row(
        "a configured origin sees errors, too",
        get(JOB, status=404, sent_headers=UI, headers={"Access-Control-Allow-Origin": PRESENT}),
        where=Place.CORS,
    ),
)

ROWS: tuple[Row, ...] = (*UNKNOWN, *SLASHES, *CORS)
