"""Dkron behaviour §1.1: what holds for every answer."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Raw, Text, Unzipped, both
from tests.conformance.rest.row import (
    JSON,
    Posted,
    Row,
    Stored,
    get,
    manual,
    post,
    row,
)

INDENTED = Raw('{\n    "paused": false\n}')
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

ROWS: tuple[Row, ...] = (*SHAPE, *WHOM, *GZIP, *REQUESTS)
