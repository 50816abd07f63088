"""Dkron behaviour §1.1: what holds for every route."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Has, Keys, Raw, Text, Unzipped, both
from tests.conformance.rest.row import (
    JSON,
    Place,
    Posted,
    Row,
    Step,
    Stored,
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
INDENTED = Raw('{\n    "paused": false\n}')
LONG = {"displayname": "a" * 2000}

SHAPE = (
    row("JSON answers say that they are UTF-8", "§1.1", get("/v1/jobs?q=$job", headers={"Content-Type": JSON})),
    row("JSON is compact and ends without a newline", "§1.1", get("/v1/pause", 200, Raw('{"paused":false}'))),
    *(
        row(
            f"{query} indents JSON with four spaces whatever its value",
            "§1.1",
            get(f"/v1/pause?{query}", 200, INDENTED),
        )
        for query in ("pretty", "pretty=", "pretty=true", "pretty=false")
    ),
    row(
        "pretty goes deep and leaves empty objects and lists on one line",
        "§1.1",
        get(
            "/v1/jobs/$job?pretty",
            200,
            both(
                Text(r'^\{\n    "id": "$job",\n    "name": "$job",\n'),
                Text(r'\n    "executor_config": \{\n        "command": "true"\n    \},\n'),
                Text(r'\n    "processors": \{\},\n'),
            ),
        ),
        given=(Posted("$job"),),
    ),
    row(
        "an empty list stays two brackets when pretty",
        "§1.1",
        get("/v1/jobs?q=nothing-has-this&pretty", 200, Raw("[]")),
    ),
    row(
        "pretty indents the answer of an upsert, too",
        "§1.1",
        post("/v1/jobs?pretty", 201, Text(r'^\{\n    "id"'), sent=manual()),
    ),
    row(
        "angle brackets and ampersands are escaped, other letters are sent as they are",
        "§1.1",
        post("/v1/jobs", 201, sent=manual(displayname="<a> & ñ 日 😀")),
        get("/v1/jobs/$job", 200, Text(r'"displayname":"\\u003ca\\u003e \\u0026 ñ 日 😀"')),
    ),
    row(
        "control characters and line separators are escaped as Go does",
        "§1.1",
        post("/v1/jobs", 201, sent=manual(displayname='\n\r\t"\\/\u0001\u001f\u2028\u2029\u007f')),
        get(
            "/v1/jobs/$job",
            200,
            Text('"displayname":"\\\\n\\\\r\\\\t\\\\"\\\\\\\\/\\\\u0001\\\\u001f\\\\u2028\\\\u2029\u007f"'),
        ),
    ),
    row(
        "free maps are sorted by their keys, byte by byte",
        "§1.1",
        post("/v1/jobs", 201, sent=manual(metadata={"b": "1", "é": "2", "a": "3", "B": "4", "_": "5", "a1": "6"})),
        get("/v1/jobs/$job", 200, Text('"metadata":{"B":"4","_":"5","a":"3","a1":"6","b":"1","é":"2"}')),
    ),
    row(
        "times have no more digits than they need and end in Z",
        "§1.1",
        get(
            "/v1/jobs/$job", 200, Has({"last_success": "2026-01-02T03:04:05.12Z", "last_error": "2026-01-02T03:04:05Z"})
        ),
        given=(
            Stored(
                "$job",
                status={"lastSuccess": "2026-01-02T03:04:05.120000Z", "lastError": "2026-01-02T03:04:05.000000Z"},
            ),
        ),
    ),
    row(
        "a time without a value is the zero time",
        "§1.1",
        get("/v1/jobs/$job", 200, Has({"next": "0001-01-01T00:00:00Z"})),
        given=(Posted("$job"),),
    ),
)

WHOM = (
    row("X-Whom names the node", "§1.1", get("/v1/jobs?q=$job", headers={"X-Whom": "replica-a"})),
    row(
        "X-Whom is there on errors of a route, too", "§1.1", get("/v1/jobs/$job", 404, headers={"X-Whom": "replica-a"})
    ),
    row("X-Whom is not on health", "§1.1, §1.9", get("/health", 200, headers={"X-Whom": ABSENT})),
)

GZIP = (
    row(
        "long JSON is compressed for a client that accepts it",
        "§1.1",
        get(
            "/v1/jobs/$job",
            200,
            Unzipped(Has({"id": "$job"})),
            headers={"Content-Encoding": "gzip", "Vary": re.compile("(?i)accept-encoding")},
            sent_headers={"Accept-Encoding": "gzip"},
        ),
        given=(Posted("$job", {"metadata": {f"key{number}": "value" * 20 for number in range(20)}}),),
        differs=differences.GZIP,
    ),
    row(
        "short JSON is never compressed",
        "§1.1",
        get(
            "/v1/pause",
            200,
            Raw('{"paused":false}'),
            headers={"Content-Encoding": ABSENT},
            sent_headers={"Accept-Encoding": "gzip"},
        ),
    ),
    row(
        "long JSON is not compressed for a client that does not say that it accepts it",
        "§1.1",
        get("/v1/jobs/$job", 200, Has({"id": "$job"}), headers={"Content-Encoding": ABSENT}),
        given=(Posted("$job", {"metadata": {f"key{number}": "value" * 20 for number in range(20)}}),),
    ),
)

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
        ("GET", "/v1/executions/some", "§1.2, §1.13"),
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

REQUESTS = (
    *(
        row(
            f"the body of a job is read as JSON when its type is {kind or 'not said'}",
            "§1.1",
            post(
                "/v1/jobs",
                201,
                Has({"name": "$job"}),
                sent=manual(),
                sent_headers={"Content-Type": kind} if kind else {},
            ),
        )
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/xml", "nonsense")
    ),
    row(
        "tokens are ignored while nobody asks for them",
        "§1.1",
        get("/v1/jobs?q=$job", 200, sent_headers={"X-Dkron-Token": "nonsense", "Authorization": "Bearer nonsense"}),
    ),
    row(
        "a policy can be asked for",
        "§1.1, §1.12",
        get("/v1/acl/policies/missing-$job", 404, headers={"X-Whom": PRESENT}),
        differs=differences.POLICIES,
    ),
    row(
        "every refusal has its reason",
        "§1.1, §1.11",
        get("/v1/jobs/$job", 404, headers={"Content-Type": "text/plain; charset=utf-8"}),
        differs=differences.REASONS,
    ),
    row(
        "a client that asks for problem+json gets the reason so",
        "§1.1",
        get(
            "/v1/jobs/$job",
            404,
            Has({"status": 404, "detail": re.compile(".")}),
            sent_headers={"Accept": "application/problem+json"},
            headers={"Content-Type": re.compile("^application/problem[+]json")},
        ),
        differs=differences.REASONS,
    ),
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

ROWS: tuple[Row, ...] = (*SHAPE, *WHOM, *GZIP, *UNKNOWN, *SLASHES, *REQUESTS, *CORS)
