"""Dkron behaviour §1.3 and §1.8: the installation: status, members, leader, pause."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Is, Keys, Length, Raw, Some, Text, both
from tests.conformance.rest.row import (
    JSON,
    ClusterIs,
    LeaseHeld,
    NoLease,
    Place,
    Row,
    Step,
    Stored,
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
        "§1.3",
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
OFF = Raw('{"paused":false}')
ON = Raw('{"paused":true}')
PAUSE = (
    of_cluster("the pause can be asked for", "§1.8, §1.2, §11.2", soon("/v1/pause", 200, OFF), given=RUNS_ON),
    row("without a DkronCluster nothing is paused", "§1.8", get("/v1/pause", 200, OFF), where=Place.EMPTY),
    of_cluster(
        "pause pauses and unpause ends it",
        "§1.8, §1.2, §11.2",
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
        "§1.8, §1.5, §1.11, §11.2",
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

ROWS: tuple[Row, ...] = (*STATUS, *MEMBERS, *LEADERSHIP, *PAUSE)
