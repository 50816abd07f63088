"""Dkron behaviour §1.1: what holds for every answer."""

import re

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Raw, Text, Unzipped, both
from tests.conformance.rest.row import JOB, JSON, Row, get, manual, post, posted, row, save

INDENTED = Raw('{\n    "paused": false\n}')
SHAPE = (
    row(
        "JSON is compact UTF-8 without a final newline",
        get("/v1/pause", Raw('{"paused":false}'), headers={"Content-Type": JSON}),
    ),
    *(
        row(f"{query} indents JSON by four spaces with any value", get(f"/v1/pause?{query}", INDENTED))
        for query in ("pretty", "pretty=false")
    ),
    row(
        "pretty is nested, and empty objects and lists stay compact",
        get(
            "/v1/jobs/$job?pretty",
            both(
                Text(r'^\{\n    "id": "$job",\n    "name": "$job",\n'),
                Text(r'\n    "executor_config": \{\n        "command": "true"\n    \},\n'),
                Text(r'\n    "processors": \{\},\n'),
            ),
        ),
        given=posted(),
    ),
    row(
        "pretty indents the answer of an upsert, too",
        post("/v1/jobs?pretty", 201, Text(r'^\{\n    "id"'), sent=manual()),
    ),
    row(
        "only angle brackets and ampersands are escaped",
        save(manual(displayname="<a> & ñ 日 😀")),
        get(JOB, Text(r'"displayname":"\\u003ca\\u003e \\u0026 ñ 日 😀"')),
    ),
    row(
        "control characters and line separators are escaped as in Go",
        save(manual(displayname='\n\r\t"\\/\u0001\u001f\u2028\u2029\u007f')),
        get(JOB, Text('"displayname":"\\\\n\\\\r\\\\t\\\\"\\\\\\\\/\\\\u0001\\\\u001f\\\\u2028\\\\u2029\u007f"')),
    ),
    row(
        "free maps are sorted by their keys, byte by byte",
        save(manual(metadata={"b": "1", "é": "2", "a": "3", "B": "4", "_": "5", "a1": "6"})),
        get(JOB, Text('"metadata":{"B":"4","_":"5","a":"3","a1":"6","b":"1","é":"2"}')),
    ),
)

WHOM = (
    row(
        "X-Whom names the node except on health",
        get("/v1/jobs?q=$job", headers={"X-Whom": "replica-a"}),
        get(JOB, status=404, headers={"X-Whom": "replica-a"}),
        get("/health", headers={"X-Whom": ABSENT}),
    ),
)

LONG = posted(metadata={f"key{number}": "value" * 20 for number in range(20)})
ASKED, VARY = {"Accept-Encoding": "gzip"}, re.compile("(?i)accept-encoding")
GZIP = (
    row(
        "long JSON is compressed for a client that accepts it",
        get(JOB, Unzipped(Has({"id": "$job"})), headers={"Content-Encoding": "gzip", "Vary": VARY}, sent_headers=ASKED),
        get(JOB, {"id": "$job"}, headers={"Content-Encoding": ABSENT}),
        get("/v1/pause", Raw('{"paused":false}'), headers={"Content-Encoding": ABSENT}, sent_headers=ASKED),
        given=LONG,
        differs=differences.GZIP,
    ),
)

REQUESTS = (
    *(
        row(
            f"JSON is read with the type {kind or 'not said'}",
            save(body={"name": "$job"}, sent_headers={"Content-Type": kind} if kind else {}),
        )
        for kind in ("", "application/x-www-form-urlencoded", "nonsense")
    ),
    row(
        "tokens are ignored without --auth",
        get("/v1/jobs?q=$job", sent_headers={"X-Dkron-Token": "nonsense", "Authorization": "Bearer nonsense"}),
    ),
    row(
        "every refusal has its reason, on demand as problem+json",
        get(JOB, status=404, headers={"Content-Type": "text/plain; charset=utf-8"}),
        get(
            JOB,
            {"status": 404, "detail": re.compile(".")},
            status=404,
            sent_headers={"Accept": "application/problem+json"},
            headers={"Content-Type": re.compile("^application/problem[+]json")},
        ),
        differs=differences.REASONS,
    ),
)

ROWS: tuple[Row, ...] = (*SHAPE, *WHOM, *GZIP, *REQUESTS)
