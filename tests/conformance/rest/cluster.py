"""Dkron behaviour §1.2, §1.3, §1.8 and §1.9: the installation: status, members, leader, pause, stats, health."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, EMPTY, PRESENT, Has, Is, Keys, Length, Raw, Some, Text, both
from tests.conformance.rest.row import (
    JSON,
    ClusterIs,
    LeaseHeld,
    NoLease,
    Place,
    Posted,
    Row,
    Step,
    Stored,
    delete,
    get,
    manual,
    post,
    row,
)

WORD = re.compile(".")
ADDRESS = "10.0.0.5"
MEMBER = (
    "Name", "Addr", "Port", "Tags", "Status",
    "ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur", "id", "statusText",
)  # fmt: skip
PROTOCOL = {"ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}
LEADER = {"Name": "replica-a", "Addr": ADDRESS, "Status": 1, "Tags": {"role": "dkron", "server": "true"}}
LEADS = (LeaseHeld("replica-a", address=ADDRESS),)
OTHER_LEADS = (LeaseHeld("replica-b"),)
NO_LEADER = (NoLease(),)
STALE = (LeaseHeld("replica-a", stale=True),)


def of_cluster(says: str, source: str, *steps: Step, **more: Any) -> Row:
    """A row about the whole installation."""
    return row(says, source, *steps, where=Place.CLUSTER, **more)


def soon(path: str, status: int = 200, body: Any = None, **more: Any) -> Step:
    """GET until what was changed at the API server has come through."""
    return get(path, status, body, eventually=True, **more)


STATUS = (
    row(
        "the status has agent, serf and tags",
        "§1.3, §1.2, §11.2",
        get("/v1", 200, both(Keys(("agent", "serf", "tags")), Has({"agent": {"name": "replica-a", "version": WORD}}))),
    ),
    row(
        "the tags of the status say that this is a server",
        "§1.3",
        get("/v1/", 200, Has({"tags": {"role": "dkron", "server": "true", "version": WORD, "region": "global"}})),
    ),
    row(
        "every value of the status is a text",
        "§1.3",
        get("/v1", 200, Text(r'^\{("\w+":\{("[^"]+":"[^"]*",?)*\},?)+\}$')),
    ),
    row(
        "the status can be pretty",
        "§1.3, §1.1",
        get("/v1?pretty", 200, Text(r'^\{\n    "agent": \{\n        "name": "replica-a",')),
    ),
)

MEMBERS = (
    of_cluster(
        "members are counted",
        "§1.3, §1.2, §11.2",
        soon(
            "/v1/members",
            200,
            both(Length(1, or_more=True), Keys(MEMBER)),
            headers={"X-Total-Count": re.compile("^[1-9]")},
        ),
        given=LEADS,
    ),
    of_cluster(
        "the replica that leads is a member",
        "§1.3, §11.2",
        soon("/v1/members", 200, Some({**LEADER, **PROTOCOL, "statusText": "alive", "id": WORD})),
        given=LEADS,
        differs=differences.MEMBERS,
    ),
    row(
        "a node of Kubernetes is a member with its labels as tags",
        "§1.3",
        get(
            "/v1/members",
            200,
            Some({"Name": WORD, "Status": 1, "statusText": "alive", "Tags": {"kubernetes.io/hostname": WORD}}),
        ),
        where=Place.OPERATOR,
        differs=differences.MEMBERS,
    ),
    of_cluster(
        "members are all shown, whatever page the UI asks for",
        "§1.3, §10.3",
        soon("/v1/members?_end=0&_order=DESC&_sort=id&_start=0", 200, Length(1, or_more=True)),
        given=LEADS,
    ),
    of_cluster(
        "members have the numbers of Dkron's protocols",
        "§1.3, §1.12",
        soon("/v1/members", 200, Some(PROTOCOL)),
        given=LEADS,
    ),
)

LEADERSHIP = (
    of_cluster(
        "the leader is a member without id and words",
        "§1.3, §1.2, §11.2",
        soon("/v1/leader", 200, both(Keys(MEMBER[:-2]), Has({**LEADER, **PROTOCOL}))),
        given=LEADS,
    ),
    of_cluster(
        "another replica can lead",
        "§1.3",
        soon("/v1/leader", 200, Has({"Name": "replica-b", "id": ABSENT, "statusText": ABSENT})),
        given=OTHER_LEADS,
    ),
    of_cluster(
        "without a leader the answer is null",
        "§1.3, §1.11",
        soon("/v1/leader", 500, Raw("null"), headers={"Content-Type": re.compile("^text/plain")}),
        given=NO_LEADER,
    ),
    of_cluster(
        "a leader that has not renewed its Lease is none",
        "§1.3, §1.11",
        soon("/v1/leader", 500, Raw("null")),
        given=STALE,
    ),
    of_cluster(
        "the leader says that it is",
        "§1.3, §1.2, §1.12, §11.2",
        soon("/v1/isleader", 200, Raw('"I am a leader"')),
        given=LEADS,
    ),
    of_cluster(
        "a follower says so and is not found",
        "§1.3, §1.11, §1.12",
        soon("/v1/isleader", 404, Raw('"I am a follower"'), headers={"Content-Type": JSON}),
        given=OTHER_LEADS,
    ),
    of_cluster(
        "without a leader everybody is a follower",
        "§1.3, §11.1",
        soon("/v1/isleader", 404, Raw('"I am a follower"'), headers={"Content-Type": JSON}),
        given=NO_LEADER,
    ),
    of_cluster(
        "a leader that has not renewed its Lease is a follower",
        "§1.3",
        soon("/v1/isleader", 404, Raw('"I am a follower"'), headers={"Content-Type": JSON}),
        given=STALE,
    ),
    of_cluster(
        "isleader can be pretty", "§1.3, §1.1", soon("/v1/isleader?pretty", 200, Raw('"I am a leader"')), given=LEADS
    ),
    of_cluster(
        "leave answers with the members that are left",
        "§1.3, §1.2, §1.12",
        soon("/v1/isleader", 200),
        post("/v1/leave", 200, Is([])),
        given=LEADS,
        differs=differences.LEAVE,
    ),
    of_cluster(
        "the others stay when one leaves",
        "§1.3",
        soon("/v1/leader", 200, Has({"Name": "replica-b"})),
        post("/v1/leave", 200, both(Length(1), Some({"Name": "replica-b"}))),
        given=OTHER_LEADS,
        differs=differences.LEAVE,
    ),
    of_cluster(
        "leave twice is leave",
        "§1.3",
        soon("/v1/isleader", 200),
        post("/v1/leave", 200),
        post("/v1/leave", 200),
        given=LEADS,
    ),
    of_cluster(
        "leave where nobody leads changes nothing",
        "§1.3",
        soon("/v1/isleader", 404, headers={"Content-Type": JSON}),
        post("/v1/leave", 200, Is([])),
        given=NO_LEADER,
    ),
    of_cluster(
        "the server stays up after leave",
        "§1.3",
        soon("/v1/isleader", 200),
        post("/v1/leave", 200),
        get("/health", 200),
        get("/v1/jobs", 200),
        given=LEADS,
    ),
    of_cluster(
        "jobs can be saved without a leader",
        "§1.3, §1.5, §1.11",
        soon("/v1/leader", 500, Raw("null")),
        post("/v1/jobs", 201, sent=manual()),
        get("/v1/jobs/$job", 200),
        given=NO_LEADER,
        differs=differences.NO_LEADER,
    ),
)

RUNS_ON = (ClusterIs(paused=False),)
OFF, ON = Raw('{"paused":false}'), Raw('{"paused":true}')
PAUSE = (
    of_cluster("the pause can be asked for", "§1.8, §1.2, §11.1, §11.2", soon("/v1/pause", 200, OFF), given=RUNS_ON),
    row("without a DkronCluster nothing is paused", "§1.8", get("/v1/pause", 200, OFF), where=Place.EMPTY),
    of_cluster(
        "pause pauses and unpause ends it",
        "§1.8, §1.2, §11.1, §11.2",
        soon("/v1/pause", 200, OFF),
        post("/v1/pause", 200, ON),
        get("/v1/pause", 200, ON),
        post("/v1/unpause", 200, OFF),
        get("/v1/pause", 200, OFF),
        given=RUNS_ON,
    ),
    of_cluster(
        "pause and unpause can be repeated",
        "§1.8, §11.2",
        soon("/v1/pause", 200, OFF),
        post("/v1/pause", 200, ON),
        post("/v1/pause", 200, ON),
        post("/v1/unpause", 200, OFF),
        post("/v1/unpause", 200, OFF),
        given=RUNS_ON,
    ),
    of_cluster(
        "while paused a new job is refused and not stored",
        "§1.8, §1.5, §1.11, §11.1, §11.2",
        post("/v1/pause", 200),
        post("/v1/jobs", 503, Text("paused"), sent=manual()),
        get("/v1/jobs/$job", 404),
        post("/v1/unpause", 200),
        post("/v1/jobs", 201, sent=manual()),
        given=RUNS_ON,
    ),
    of_cluster(
        "while paused a changed job is refused and stays",
        "§1.8, §1.5",
        post("/v1/pause", 200),
        post("/v1/jobs", 503, sent=manual(owner="Ann")),
        get("/v1/jobs/$job", 200, Has({"owner": ""})),
        given=(*RUNS_ON, Stored("$job")),
    ),
    of_cluster(
        "a pause that was set in Kubernetes holds here, too",
        "§1.8",
        soon("/v1/pause", 200, ON),
        given=(ClusterIs(paused=True),),
        differs=differences.PAUSE,
    ),
    of_cluster("pause reads no body", "§1.8", post("/v1/pause", 200, ON, sent="garbage"), given=RUNS_ON),
    of_cluster(
        "while paused jobs can be read",
        "§1.8",
        soon("/v1/pause", 200, ON),
        get("/v1/jobs/$job", 200),
        get("/v1/jobs?q=$job", 200, Length(1)),
        given=(Stored("$job"), ClusterIs(paused=True)),
    ),
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
        "§1.8, §1.2, §11.3",
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
        "§1.8, §1.7, §11.3",
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
        "§1.9, §1.2, §11.1, §11.2",
        get("/health", 200, Has({"status": "healthy", "leader": False}), headers={"Content-Type": JSON}),
    ),
    of_cluster(
        "health tells the leader that it leads",
        "§1.9, §11.1",
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
    row(
        "metrics are Prometheus' text", "§1.9, §1.2, §11.1", get("/metrics", 200, Text("(?m)^dkron_"), headers=METRICS)
    ),
    row(
        "metrics are never compressed",
        "§1.9, §1.14, §11.1",
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

ROWS: tuple[Row, ...] = (*STATUS, *MEMBERS, *LEADERSHIP, *PAUSE, *STATS, *HEALTH)
