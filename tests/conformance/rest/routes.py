"""Dkron behaviour §1.1 and §1.2: what is no route, slashes too many, and pages of other origins."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Raw
from tests.conformance.rest.row import JOB, Place, Row, get, row, step

NOT_FOUND = Raw("404 page not found")
NOWHERE = {"X-Whom": ABSENT, "Allow": ABSENT}

METHODS = {
    "GET": "/nothing /v1/nothing /V1/jobs /v1/Jobs //v1/jobs /v1//jobs /v1/nothing/ /v1/jobs/some/run "
    "/v1/jobs/some/toggle /v1/unpause /v1/restore /v1/leave /ready /dashboard /v1/backup",
    "HEAD": "/v1/jobs /v1",
    "OPTIONS": "/v1/jobs /v1/jobs/some",
    "PUT": "/v1/jobs",
    "DELETE": "/v1/jobs /v1/pause",
    "PATCH": "/v1/jobs/some",
    "POST": "/v1/jobs/some/disable /v1/jobs/some/executions /v1/stats /v1/members /v1/isleader /v1 /health",
}
UNKNOWN = tuple(
    row(
        f"{method} {path} is no route",
        step(method, path, 404, NOT_FOUND if method != "HEAD" else EMPTY, headers=NOWHERE),
    )
    for method, paths in METHODS.items()
    for path in paths.split()
)

SLASHES = tuple(
    row(
        f"{method} {path} redirects without its slash",
        step(method, path, status, headers={"Location": path.replace("/?", "?").removesuffix("/")}),
    )
    for method, path, status in (
        ("GET", "/v1/jobs/", 301),
        ("GET", "/v1/jobs/some/executions/", 301),
        ("GET", "/v1/jobs/?q=a&_end=1", 301),
        ("POST", "/v1/jobs/", 307),
        ("PUT", "/v1/jobs/some/", 307),
        ("PATCH", "/v1/jobs/", 307),
        ("DELETE", "/v1/jobs/some/", 307),
    )
)

FOREIGN = {"Origin": "https://elsewhere.example.com"}
UI = {"Origin": "https://ui.example.com"}
NO_CORS = {"Access-Control-Allow-Origin": ABSENT, "Access-Control-Expose-Headers": ABSENT}
CORS = (
    row(
        "a foreign page is not let in unless its origin is configured",
        get("/v1/jobs?q=$job", headers=NO_CORS),
        get("/v1/jobs?q=$job", sent_headers=FOREIGN, headers=NO_CORS),
        differs=differences.CORS,
    ),
    row(
        "a preflight request gets 404 while no origin is configured",
        step(
            "OPTIONS",
            "/v1/jobs",
            404,
            NOT_FOUND,
            sent_headers={**FOREIGN, "Access-Control-Request-Method": "PUT"},
            headers=NOWHERE,
        ),
    ),
    row(
        "only a configured origin is allowed, with all its headers",
        get(
            "/v1/jobs?q=$job",
            sent_headers=UI,
            headers={
                "Access-Control-Allow-Origin": re.compile(r"^(https://ui\.example\.com|\*)$"),
                "Access-Control-Expose-Headers": re.compile(r"(?i)\*|x-total-count"),
            },
        ),
        get(JOB, status=404, sent_headers=UI, headers={"Access-Control-Allow-Origin": PRESENT}),
        get(JOB, status=404, sent_headers=FOREIGN, headers=NO_CORS),
        where=Place.CORS,
        differs=differences.CORS,
    ),
    row(
        "a configured origin gets an answer to its preflight request",
        step(
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
)

ROWS: tuple[Row, ...] = (*UNKNOWN, *SLASHES, *CORS)
