"""Dkron behaviour §1.3 and §1.8: the installation: status, members, leader, pause."""

import re
from typing import Any

from tests.conformance.rest import differences
from tests.conformance.rest.answers import ABSENT, Has, Is, Keys, Length, Raw, Some, Text, both
from tests.conformance.rest.row import (
    JOB,
    JSON,
    ClusterIs,
    LeaseHeld,
    NoLease,
    Place,
    Row,
    Step,
    get,
    manual,
    post,
    row,
    save,
    soon,
    stored,
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


def of_cluster(says: str, *steps: Step, **more: Any) -> Row:
    """A row about the whole installation."""
    return row(says, *steps, where=Place.CLUSTER, **more)


STATUS = (
    row(
        "the status has agent, serf and tags",
        get("/v1", both(Keys(("agent", "serf", "tags")), Has({"agent": {"name": "replica-a", "version": WORD}}))),
    ),
    row(
        "the tags of the status say that this is a server",
        get("/v1/", {"tags": {"role": "dkron", "server": "true", "version": WORD, "region": "global"}}),
    ),
    row("every value of the status is a text", get("/v1", Text(r'^\{("\w+":\{("[^"]+":"[^"]*",?)*\},?)+\}$'))),
    row("the status can be pretty", get("/v1?pretty", Text(r'^\{\n    "agent": \{\n        "name": "replica-a",'))),
)

MEMBERS = (
    of_cluster(
        "members are counted",
        soon(
            "/v1/members", both(Length(1, or_more=True), Keys(MEMBER)), headers={"X-Total-Count": re.compile("^[1-9]")}
        ),
        given=LEADS,
    ),
    of_cluster(
        "the replica that leads is a member",
        soon("/v1/members", Some({**LEADER, **PROTOCOL, "statusText": "alive", "id": WORD})),
        given=LEADS,
        differs=differences.MEMBERS,
    ),
    row(
        "a node of Kubernetes is a member with its labels as tags",
        get(
            "/v1/members",
            Some({"Name": WORD, "Status": 1, "statusText": "alive", "Tags": {"kubernetes.io/hostname": WORD}}),
        ),
        where=Place.OPERATOR,
        differs=differences.MEMBERS,
    ),
    of_cluster(
        "members are all shown, whatever page the UI asks for",
        soon("/v1/members?_end=0&_order=DESC&_sort=id&_start=0", Length(1, or_more=True)),
        given=LEADS,
    ),
    of_cluster("members have the numbers of Dkron's protocols", soon("/v1/members", Some(PROTOCOL)), given=LEADS),
)

LEADERSHIP = (
    of_cluster(
        "the leader is a member without id and words",
        soon("/v1/leader", both(Keys(MEMBER[:-2]), Has({**LEADER, **PROTOCOL}))),
        given=LEADS,
    ),
    of_cluster(
        "another replica can lead",
        soon("/v1/leader", {"Name": "replica-b", "id": ABSENT, "statusText": ABSENT}),
        given=OTHER_LEADS,
    ),
    of_cluster(
        "without a leader the answer is null",
        soon("/v1/leader", Raw("null"), status=500, headers={"Content-Type": re.compile("^text/plain")}),
        given=NO_LEADER,
    ),
    of_cluster(
        "a leader that has not renewed its Lease is none", soon("/v1/leader", Raw("null"), status=500), given=STALE
    ),
    of_cluster("the leader says that it is", soon("/v1/isleader", Raw('"I am a leader"')), given=LEADS),
    of_cluster(
        "a follower says so and is not found",
        soon("/v1/isleader", Raw('"I am a follower"'), status=404, headers={"Content-Type": JSON}),
        given=OTHER_LEADS,
    ),
    of_cluster(
        "without a leader everybody is a follower",
        soon("/v1/isleader", Raw('"I am a follower"'), status=404, headers={"Content-Type": JSON}),
        given=NO_LEADER,
    ),
    of_cluster(
        "a leader that has not renewed its Lease is a follower",
        soon("/v1/isleader", Raw('"I am a follower"'), status=404, headers={"Content-Type": JSON}),
        given=STALE,
    ),
    of_cluster("isleader can be pretty", soon("/v1/isleader?pretty", Raw('"I am a leader"')), given=LEADS),
    of_cluster(
        "leave answers with the members that are left",
        soon("/v1/isleader"),
        post("/v1/leave", 200, Is([])),
        given=LEADS,
        differs=differences.LEAVE,
    ),
    of_cluster(
        "the others stay when one leaves",
        soon("/v1/leader", {"Name": "replica-b"}),
        post("/v1/leave", 200, both(Length(1), Some({"Name": "replica-b"}))),
        given=OTHER_LEADS,
        differs=differences.LEAVE,
    ),
    of_cluster(
        "leave twice is leave", soon("/v1/isleader"), post("/v1/leave", 200), post("/v1/leave", 200), given=LEADS
    ),
    of_cluster(
        "leave where nobody leads changes nothing",
        soon("/v1/isleader", status=404, headers={"Content-Type": JSON}),
        post("/v1/leave", 200, Is([])),
        given=NO_LEADER,
    ),
    of_cluster(
        "the server stays up after leave",
        soon("/v1/isleader"),
        post("/v1/leave", 200),
        get("/health"),
        get("/v1/jobs"),
        given=LEADS,
    ),
    of_cluster(
        "jobs can be saved without a leader",
        soon("/v1/leader", Raw("null"), status=500),
        save(),
        get(JOB),
        given=NO_LEADER,
        differs=differences.NO_LEADER,
    ),
)

RUNS_ON = (ClusterIs(paused=False),)
OFF = Raw('{"paused":false}')
ON = Raw('{"paused":true}')
PAUSE = (
    of_cluster("the pause can be asked for", soon("/v1/pause", OFF), given=RUNS_ON),
    row("without a DkronCluster nothing is paused", get("/v1/pause", OFF), where=Place.EMPTY),
    of_cluster(
        "pause pauses and unpause ends it",
        soon("/v1/pause", OFF),
        post("/v1/pause", 200, ON),
        get("/v1/pause", ON),
        post("/v1/unpause", 200, OFF),
        get("/v1/pause", OFF),
        given=RUNS_ON,
    ),
    of_cluster(
        "pause and unpause can be repeated",
        soon("/v1/pause", OFF),
        post("/v1/pause", 200, ON),
        post("/v1/pause", 200, ON),
        post("/v1/unpause", 200, OFF),
        post("/v1/unpause", 200, OFF),
        given=RUNS_ON,
    ),
    of_cluster(
        "while paused a new job is refused and not stored",
        post("/v1/pause", 200),
        save(manual(), 503, Text("paused")),
        get(JOB, status=404),
        post("/v1/unpause", 200),
        save(),
        given=RUNS_ON,
    ),
    of_cluster(
        "while paused a changed job is refused and stays",
        post("/v1/pause", 200),
        save(manual(owner="Ann"), 503),
        get(JOB, {"owner": ""}),
        given=(*RUNS_ON, stored()),
    ),
    of_cluster(
        "a pause that was set in Kubernetes holds here, too",
        soon("/v1/pause", ON),
        given=ClusterIs(paused=True),
        differs=differences.PAUSE,
    ),
    of_cluster("pause reads no body", post("/v1/pause", 200, ON, sent="garbage"), given=RUNS_ON),
    of_cluster(
        "while paused jobs can be read",
        soon("/v1/pause", ON),
        get(JOB),
        get("/v1/jobs?q=$job", Length(1)),
        given=(stored(), ClusterIs(paused=True)),
    ),
)

ROWS: tuple[Row, ...] = (*STATUS, *MEMBERS, *LEADERSHIP, *PAUSE)
