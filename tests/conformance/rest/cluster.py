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
LEADER = {"Name": "replica-a", "Addr": ADDRESS, "Status": 1, "Tags": {"role": "dkron", "server": "true"}, **PROTOCOL}
LEADS, OTHER_LEADS = LeaseHeld("replica-a", address=ADDRESS), LeaseHeld("replica-b")
NO_LEADER, STALE = NoLease(), LeaseHeld("replica-a", stale=True)
LEADING = soon("/v1/isleader", Raw('"I am a leader"'))
FOLLOWING = soon("/v1/isleader", Raw('"I am a follower"'), 404, headers={"Content-Type": JSON})
LEADERLESS = soon("/v1/leader", Raw("null"), 500, headers={"Content-Type": re.compile("^text/plain")})
THREE_MAPS = Keys(("agent", "serf", "tags"))
TAGS = {"role": "dkron", "server": "true", "version": WORD, "region": "global"}


def of_cluster(says: str, *steps: Step, **more: Any) -> Row:
    """A row about the whole installation."""
    return row(says, *steps, where=Place.CLUSTER, **more)


STATUS = (
    row(
        "the status has agent, serf and tags, with or without a slash",
        get("/v1", both(THREE_MAPS, Has({"agent": {"name": "replica-a", "version": WORD}, "tags": TAGS}))),
        get("/v1/", THREE_MAPS),
    ),
    row("every value of the status is a text", get("/v1", Text(r'^\{("\w+":\{("[^"]+":"[^"]*",?)*\},?)+\}$'))),
    row("the status can be pretty", get("/v1?pretty", Text(r'^\{\n    "agent": \{\n        "name": "replica-a",'))),
)

MEMBERS = (
    of_cluster(
        "members are counted and never paged",
        soon("/v1/members", Keys(MEMBER), headers={"X-Total-Count": re.compile("^[1-9]")}),
        soon("/v1/members?_end=0&_order=DESC&_sort=id&_start=0", Length(1, or_more=True)),
        given=LEADS,
    ),
    of_cluster(
        "the replica that leads is a member",
        soon("/v1/members", Some({**LEADER, "statusText": "alive", "id": WORD})),
        given=LEADS,
        differs=differences.MEMBERS,
    ),
    row(
        "a node of Kubernetes is a member with its labels as tags",
        get("/v1/members", Some({"Status": 1, "statusText": "alive", "Tags": {"kubernetes.io/hostname": WORD}})),
        where=Place.OPERATOR,
        differs=differences.MEMBERS,
    ),
)

LEADERSHIP = (
    of_cluster(
        "the leader is a member without id and status text",
        soon("/v1/leader", both(Keys(MEMBER[:-2]), Has(LEADER))),
        LEADING,
        soon("/v1/isleader?pretty", Raw('"I am a leader"')),
        given=LEADS,
    ),
    of_cluster(
        "a follower is not found at isleader",
        soon("/v1/leader", {"Name": "replica-b", "id": ABSENT, "statusText": ABSENT}),
        FOLLOWING,
        given=OTHER_LEADS,
    ),
    of_cluster("without a leader the answer is null, and all replicas follow", LEADERLESS, FOLLOWING, given=NO_LEADER),
    of_cluster("a leader that has not renewed its Lease is none", LEADERLESS, FOLLOWING, given=STALE),
    of_cluster(
        "leave answers with the remaining members, and is repeatable",
        LEADING,
        post("/v1/leave?force", 200, Is([])),
        post("/v1/leave?force", 200),
        get("/health"),
        get("/v1/jobs"),
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
        "the only replica leaves only by force",
        LEADING,
        post("/v1/leave", 409, Text("no other replica")),
        LEADING,
        given=LEADS,
        differs=differences.LEAVE,
    ),
    of_cluster(
        "leave without a leader changes nothing",
        FOLLOWING,
        post("/v1/leave?force=true", 200, Is([])),
        given=NO_LEADER,
    ),
    of_cluster(
        "jobs can be saved without a leader",
        LEADERLESS,
        save(),
        get(JOB),
        given=NO_LEADER,
        differs=differences.NO_LEADER,
    ),
)

OFF, ON = Raw('{"paused":false}'), Raw('{"paused":true}')
PAUSED = ClusterIs(paused=True)
PAUSE = (
    row("without a DkronCluster nothing is paused", get("/v1/pause", OFF), where=Place.EMPTY),
    of_cluster(
        "pause and unpause are idempotent and read no body",
        soon("/v1/pause", OFF),
        *(step for _ in range(2) for step in (post("/v1/pause", 200, ON, sent="garbage"), get("/v1/pause", ON))),
        *(step for _ in range(2) for step in (post("/v1/unpause", 200, OFF), get("/v1/pause", OFF))),
        given=ClusterIs(),
    ),
    of_cluster(
        "while paused a new job is refused and not stored",
        post("/v1/pause", 200),
        save(manual(), 503, Text("paused")),
        get(JOB, status=404),
        post("/v1/unpause", 200),
        save(),
        given=ClusterIs(),
    ),
    of_cluster(
        "a pause refuses changes and allows reads",
        post("/v1/pause", 200),
        save(manual(owner="Ann"), 503),
        get(JOB, {"owner": ""}),
        get("/v1/jobs?q=$job", Length(1)),
        given=(stored(), ClusterIs()),
    ),
    of_cluster(
        "a pause that was set in Kubernetes holds here, too",
        soon("/v1/pause", ON),
        given=PAUSED,
        differs=differences.PAUSE,
    ),
)

ROWS: tuple[Row, ...] = (*STATUS, *MEMBERS, *LEADERSHIP, *PAUSE)
