"""Dkron behaviour §1.8, §1.9 and §1.2: stats, health, metrics, and the root."""

import re
from typing import Any

from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Has, Is, Raw, Text
from tests.conformance.rest.cluster import LEADS, NO_LEADER, WORD, of_cluster, soon
from tests.conformance.rest.row import (
    JSON,
    ClusterIs,
    Place,
    Posted,
    Row,
    Stored,
    delete,
    get,
    row,
)


def zero(day: str) -> dict[str, Any]:
    return {"date": f"${{{day}}}T00:00:00Z", "success_count": 0, "failed_count": 0}


COUNTED = (
    ClusterIs(days=((1, 40, 2),), departed=((0, 5, 1),)),
    Stored(
        "$job",
        status={
            "days": [{"date": "$today", "success": 2, "failed": 1}, {"date": "$yesterday", "success": 1, "failed": 1}]
        },
    ),
)

SUMS = Has({"stats": [{"success_count": 40, "failed_count": 2}, {"success_count": 7, "failed_count": 2}]})
STATS = (
    row(
        "stats have thirty days unless asked otherwise",
        "§1.8, §1.2",
        get(
            "/v1/stats",
            200,
            Text(
                r'^\{"stats":\[(\{"date":"\d{4}-\d\d-\d\dT00:00:00Z","success_count":\d+,"failed_count":\d+\},?){30}\]\}$'
            ),
        ),
        where=Place.EMPTY,
    ),
    row(
        "stats end with today, and days without executions are zeros",
        "§1.8",
        get("/v1/stats?days=2", 200, Is({"stats": [zero("yesterday"), zero("today")]})),
        where=Place.EMPTY,
    ),
    row(
        "stats of one day are today",
        "§1.8",
        get(
            "/v1/stats?days=1", 200, Raw('{"stats":[{"date":"${today}T00:00:00Z","success_count":0,"failed_count":0}]}')
        ),
        where=Place.EMPTY,
    ),
    *(
        row(
            f"stats with days={text or 'nothing'} have {count} entries",
            "§1.8",
            get(f"/v1/stats?days={text}", 200, Text(rf'^\{{"stats":\[(\{{[^}}]*\}},?){{{count}}}\]\}}$')),
            where=Place.EMPTY,
        )
        for text, count in (
            ("7", 7),
            ("365", 365),
            ("366", 365),
            ("100000", 365),
            ("0", 30),
            ("-3", 30),
            ("2.5", 30),
            ("many", 30),
            ("", 30),
        )
    ),
    row(
        "stats sum what jobs show, what deleted ones had and what was summed before",
        "§1.8, §1.7",
        get("/v1/stats?days=2", 200, SUMS, eventually=True),
        delete("/v1/jobs/$job/executions"),
        get("/v1/stats?days=2", 200, SUMS),
        given=COUNTED,
        where=Place.STATS,
    ),
)

METRICS = {"Content-Type": re.compile(r"^text/plain; version=0\.0\.4"), "Content-Encoding": ABSENT}
HEALTH = (
    row(
        "a healthy server says so",
        "§1.9, §1.2, §11.2",
        get("/health", 200, Has({"status": "healthy", "leader": False}), headers={"Content-Type": JSON}),
    ),
    of_cluster(
        "health tells the leader that it leads",
        "§1.9",
        soon("/health", 200, Raw('{"leader":true,"status":"healthy"}')),
        given=LEADS,
    ),
    of_cluster(
        "health is fine without a leader",
        "§1.9",
        soon("/health", 200, Raw('{"leader":false,"status":"healthy"}')),
        given=NO_LEADER,
    ),
    row(
        "health is not pretty",
        "§1.9, §1.1",
        get("/health?pretty", 200, Text(r'^\{"leader":(true|false),"status":"healthy"\}$')),
    ),
    row("metrics are Prometheus' text", "§1.9, §1.2", get("/metrics", 200, Text("(?m)^dkron_"), headers=METRICS)),
    row(
        "metrics are never compressed",
        "§1.9, §1.14",
        get("/metrics", 200, Text("dkron_"), sent_headers={"Accept-Encoding": "gzip"}, headers=METRICS),
    ),
    row(
        "the variables have command line and memory",
        "§1.9, §1.2, §11.2",
        get(
            "/debug/vars",
            200,
            Has({"cmdline": PRESENT, "memstats": PRESENT, "cron_entries": PRESENT, "node": "replica-a"}),
        ),
    ),
    row("the variables are not pretty", "§1.9, §1.1", get("/debug/vars?pretty", 200, Text(r"^\{[^\n]*\}$"))),
    row(
        "the variables name the jobs that a schedule runs",
        "§1.9",
        get("/debug/vars", 200, Has({"cron_entries": {"$job": WORD}})),
        given=(Posted("$job", {"schedule": "@daily"}),),
    ),
    row(
        "the root leads people to their pages",
        "§1.2",
        get("/", 303, sent_headers={"Accept": "text/html"}, headers={"Location": WORD}),
    ),
    row(
        "the root leads whoever takes anything to the pages",
        "§1.2",
        get("/", 303, sent_headers={"Accept": "*/*"}),
        get("/", 303),
    ),
    row(
        "the root is nothing for programs",
        "§1.2",
        get("/", 404, EMPTY, sent_headers={"Accept": "application/json"}, headers={"Content-Type": ABSENT}),
    ),
    row(
        "without a build of the UI there is no /ui",
        "§1.2, §10.1",
        get("/ui", 404, Raw("404 page not found")),
        get("/ui/", 404, Raw("404 page not found")),
    ),
)

ROWS: tuple[Row, ...] = (*STATS, *HEALTH)
