"""Dkron behaviour §1.8, §1.9 and §1.2: stats, health, metrics, and the root."""

import re

from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Has, Raw, Text
from tests.conformance.rest.cluster import LEADS, NO_LEADER, WORD, of_cluster
from tests.conformance.rest.row import JSON, RUNS, ClusterIs, Place, Row, delete, get, posted, row, soon, stored

NOTHING = '"success_count":0,"failed_count":0}'
TWO_DAYS = f'{{"stats":[{{"date":"${{yesterday}}T00:00:00Z",{NOTHING},{{"date":"${{today}}T00:00:00Z",{NOTHING}]}}'
COUNTED = [{"date": "$today", "success": 2, "failed": 1}, {"date": "$yesterday", "success": 1, "failed": 1}]
SUMS = Has({"stats": [{"success_count": 40, "failed_count": 2}, {"success_count": 7, "failed_count": 2}]})
STATS = (
    row(
        "stats end with today, and days without executions are zeros",
        get("/v1/stats?days=2", Raw(TWO_DAYS)),
        where=Place.EMPTY,
    ),
    *(
        row(
            f"stats{query} have {count} entries",
            get(f"/v1/stats{query}", Text(rf'^\{{"stats":\[(\{{[^}}]*\}},?){{{count}}}\]\}}$')),
            where=Place.EMPTY,
        )
        for query, count in (("", 30), ("?days=7", 7), ("?days=366", 365), ("?days=-3", 30), ("?days=many", 30))
    ),
    row(
        "stats add existing jobs, deleted ones and earlier totals",
        soon("/v1/stats?days=2", SUMS),
        delete(RUNS),
        get("/v1/stats?days=2", SUMS),
        given=(ClusterIs(days=((1, 40, 2),), departed=((0, 5, 1),)), stored(status={"days": COUNTED})),
        where=Place.STATS,
    ),
)

METRICS = {"Content-Type": re.compile(r"^text/plain; version=0\.0\.4"), "Content-Encoding": ABSENT}
HEALTH = (
    row(
        "a healthy server says so, and never in pretty JSON",
        get("/health", {"status": "healthy", "leader": False}, headers={"Content-Type": JSON}),
        get("/health?pretty", Text(r'^\{"leader":(true|false),"status":"healthy"\}$')),
    ),
    of_cluster(
        "health tells the leader that it leads", soon("/health", Raw('{"leader":true,"status":"healthy"}')), given=LEADS
    ),
    of_cluster(
        "health is fine without a leader", soon("/health", Raw('{"leader":false,"status":"healthy"}')), given=NO_LEADER
    ),
    row(
        "metrics are Prometheus' text, and never compressed",
        get("/metrics", Text("(?m)^dkron_"), headers=METRICS),
        get("/metrics", Text("dkron_"), sent_headers={"Accept-Encoding": "gzip"}, headers=METRICS),
    ),
    row(
        "the variables have command line, memory and scheduled jobs",
        get("/debug/vars", {"cmdline": PRESENT, "memstats": PRESENT, "node": "replica-a"}),
        get("/debug/vars", {"cron_entries": {"$job": WORD}}),
        get("/debug/vars?pretty", Text(r"^\{[^\n]*\}$")),
        given=posted(schedule="@daily"),
    ),
    row(
        "the root redirects browsers and clients of any type",
        get("/", status=303, sent_headers={"Accept": "text/html"}, headers={"Location": WORD}),
        get("/", status=303, sent_headers={"Accept": "*/*"}),
        get("/", status=303),
    ),
    row(
        "the root is nothing for programs",
        get("/", EMPTY, status=404, sent_headers={"Accept": "application/json"}, headers={"Content-Type": ABSENT}),
    ),
)

ROWS: tuple[Row, ...] = (*STATS, *HEALTH)
