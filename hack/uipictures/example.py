"""The example that the pictures show: a small company's jobs, and what became of them, at one moment of a Friday."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from uipictures.lists import lists

NOW = datetime(2026, 11, 27, 10, 24, 36, tzinfo=UTC)
NAMESPACE = "team-a"
BEGAN = NOW - timedelta(days=200)
KEPT = 20
DAYS = 30
LEADER = "dkron-operator-6d5f7c9b44-x2x9z"
PAUSED = f"paused by ann: the mail server moves (DkronPause {NAMESPACE}/mail-moves)"
NODES = ("node-a1", "node-a2", "node-b1")

Object = dict[str, Any]


PARAMETERS = [
    {"name": "index", "type": "enum", "values": ["products", "orders", "customers"], "required": True,
     "description": "Which index is built again"},
    {"name": "limit", "type": "integer", "default": "1000", "maximum": "100000", "description": "Documents at most"},
    {"name": "password", "secret": True, "description": "Of the search cluster, if it is not the usual one"},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One job: how long its runs take, in seconds, and which failed, counted from the newest."""

    name: str
    schedule: str = ""
    command: str = "true"
    takes: float = 8
    failed: frozenset[int] = frozenset()
    title: str = ""
    said: str = "done"
    runs_for: float = 0
    """Seconds that a run is active; 0 for none."""
    problem: str = ""
    """Why it cannot run; empty if it can."""
    paused: bool = False
    spec: Object = field(default_factory=dict)


EXAMPLES = (
    Example(
        "nightly-backup", "0 30 2 * * *", "pg_dump --format=custom shop | restic backup --stdin", 412, frozenset({6}),
        "Nightly backup of the shop", "snapshot 8c1f2a4e saved, 3.412 GiB added",
        spec={"timezone": "Europe/Madrid", "retries": 2, "concurrency": "forbid", "owner": "Data team",
              "ownerEmail": "data@example.com", "metadata": {"team": "data", "tier": "1"}},
    ),
    Example("verify-backup", command="restic check", takes=95, spec={"parentJob": "nightly-backup"}),
    Example("invoice-export", "0 */10 * * * *", "invoices export", 21, frozenset({4}), "Invoices to the ledger"),
    Example("ledger-import", command="ledger import /exchange", takes=12, spec={"parentJob": "invoice-export"}),
    Example("ledger-report", command="ledger report --mail", takes=4, spec={"parentJob": "ledger-import"}),
    Example(
        "month-end", command="ledger close --month", takes=75, title="Close of the month",
        spec={"dependsOn": [{"job": "ledger-import"}, {"job": "exchange-rates", "when": "always"}]},
    ),
    Example("search-reindex", "0 7 * * * *", "search reindex --changed", 164, title="Search index",
            spec={"parameters": PARAMETERS}),
    Example("cache-warmup", "15 */5 * * * *", "curl --fail https://shop.example.com/warmup", 3),
    Example("ldap-sync", "0 12,42 * * * *", "ldap-sync --apply", 17, frozenset({1, 9})),
    Example(
        "exchange-rates", "40 3-59/15 * * * *", "rates fetch --source ecb", 2, frozenset({0, 1, 2}),
        said="rates: 503 Service Unavailable",
    ),
    Example("mail-digest", "0 0 7 * * mon-fri", "digest send --list staff", 46, title="Morning digest", paused=True),
    Example("thumbnails", "20 */4 * * * *", "thumbs --queue new", 33, runs_for=12),
    Example("render-catalogue", "0 0 10 * * fri", "render --all", 3900, runs_for=1472, title="Printed catalogue"),
    Example("certificate-expiry", "0 0 */6 * * *", "check-certs --warn 21d", 5),
    Example("gdpr-erasure", "0 15 4 * * *", "erase --requests due", 58, title="Erasure of accounts"),
    Example("old-importer", "0 0 * * * *", "import --legacy", 30, spec={"disabled": True}),
    Example(
        "stock-alerts", "0 */20 * * * *", "stock alerts", 6,
        problem='executorConfig.timeout: "30" is not a duration; use numbers with units, such as 30s or 5m',
    ),
)  # fmt: skip


def objects() -> dict[str, list[Object]]:
    """All objects of the cluster, by the plural of their kind."""
    return {
        "dkronjobs": [_job(number, example) for number, example in enumerate(EXAMPLES)],
        "dkronclusters": [_cluster()],
        "leases": [_lease()],
        "nodes": [_node(name) for name in NODES],
        **lists(NOW),
    }


def _job(number: int, example: Example) -> Object:
    metadata = {"name": example.name, "namespace": NAMESPACE, "uid": f"uid-{number}", "generation": 1,
                "resourceVersion": str(number + 1), "creationTimestamp": rfc3339(BEGAN)}  # fmt: skip
    spec = {"schedule": example.schedule, "executor": "shell", "concurrency": "allow", "retries": 0,
            "executorConfig": {"command": example.command}, "displayName": example.title, **example.spec}  # fmt: skip
    return {
        "apiVersion": API_VERSION, "kind": "DkronJob", "metadata": metadata, "spec": spec,
        "status": _status(example, disabled=bool(spec.get("disabled"))),
    }  # fmt: skip


def _status(example: Example, *, disabled: bool) -> Object:
    ready = {"type": "Ready", "lastTransitionTime": rfc3339(BEGAN), "observedGeneration": 1}
    known: Object = {"observedGeneration": 1, "since": rfc3339(BEGAN)}
    if example.problem:
        why = {"status": "False", "reason": "Invalid", "message": example.problem}
        return known | {"conditions": [ready | why]}
    known["conditions"] = [ready | {"status": "True", "reason": "Scheduled"}]
    if disabled:
        held = {"type": "Suspended", "status": "True", "reason": "Disabled", "lastTransitionTime": rfc3339(BEGAN)}
        known["conditions"].append(held)
    if example.paused:
        held = {"type": "Suspended", "status": "True", "reason": "Paused", "message": PAUSED}
        known["conditions"].append(held | {"lastTransitionTime": rfc3339(NOW - timedelta(hours=2))})
    line = _line(example)
    ended = [_ended(example, slot, number in example.failed, number) for number, slot in enumerate(_slots(example))]
    good, bad = ([each["finishedAt"] for each in ended if each["state"] == state] for state in ("Succeeded", "Failed"))
    known |= {
        "executions": ended, "status": "success" if ended[0]["state"] == "Succeeded" else "failed",
        "successCount": 40 * len(good), "errorCount": 3 * len(bad), "lastScheduleTime": ended[0]["slot"],
        **({"lastSuccess": good[0]} if good else {}), **({"lastError": bad[0]} if bad else {}),
    }  # fmt: skip
    if example.runs_for:
        slot = line.latest(None, NOW) if line else NOW
        began = NOW - timedelta(seconds=example.runs_for)
        active = _attempt(example.name, slot or began, began)
        known |= {"active": [{**active, "state": "Running", "uid": "u"}], "lastScheduleTime": active["slot"]}
    upcoming = None if line is None or disabled else line.next(NOW)
    return known if upcoming is None else known | {"next": rfc3339(upcoming)}


def _line(example: Example) -> Timeline | None:
    if not example.schedule:
        return None
    zone = str(example.spec.get("timezone", ""))
    return Timeline(parse(example.schedule, timezone=zone, name=example.name), BEGAN, None, None)


def _slots(example: Example) -> Iterable[datetime]:
    """Yield the slots of the runs that have ended, the newest first. For a job that runs after another one, they are
    the seconds in which runs of that job have ended."""
    parents = example.spec.get("dependsOn") or [{"job": example.spec.get("parentJob")}]
    parent = parents[0]["job"]
    if parent:
        before = next(each for each in EXAMPLES if each.name == parent)
        ends = (_span(before, slot, number)[1] for number, slot in enumerate(_slots(before)))
        yield from (end.replace(microsecond=0) for end in ends if end < NOW - timedelta(seconds=example.takes * 1.4))
        return
    line, until = _line(example), NOW - timedelta(seconds=max(example.takes * 1.3, example.runs_for))
    for _ in range(KEPT):
        slot = None if line is None else line.latest(None, until)
        if slot is None:
            return
        yield slot
        until = slot - timedelta(microseconds=1)


def _ended(example: Example, slot: datetime, failed: bool, number: int) -> Object:
    began, finished = _span(example, slot, number)
    said = example.said if failed or example.said != "rates: 503 Service Unavailable" else "31 rates stored"
    return {
        **_attempt(example.name, slot, began), "finishedAt": rfc3339(finished),
        "state": "Failed" if failed else "Succeeded", "nodeName": NODES[number % len(NODES)],
        "output": f"connection refused\n{said}\n" if failed else f"{said}\n",
        **({"exitCode": 1, "reason": "Error"} if failed else {"exitCode": 0}),
    }  # fmt: skip


def _span(example: Example, slot: datetime, number: int) -> tuple[datetime, datetime]:
    """Return when the run began and when it ended."""
    began = slot + timedelta(seconds=0.2 + _chance(example.name, number) * 0.9)
    return began, began + timedelta(seconds=example.takes * (0.7 + 0.6 * _chance(number, example.name)))


def _attempt(name: str, slot: datetime, began: datetime) -> Object:
    job = f"{name}-{int(slot.timestamp())}-1"
    return {"id": f"{nanoseconds(began)}-{job}", "job": job, "slot": rfc3339(slot), "group": nanoseconds(slot),
            "trigger": "schedule", "attempt": 1, "startedAt": rfc3339(began), "nodeName": NODES[1]}  # fmt: skip


def _chance(*of: object) -> float:
    """Return a number from 0 to 1, the same each time."""
    return int.from_bytes(sha256(repr(of).encode()).digest()[:4]) / 2**32


def _cluster() -> Object:
    days = [
        {"date": (NOW.date() - timedelta(days=back)).isoformat(), "success": 900 + int(180 * _chance("good", back)),
         "failed": int(26 * _chance("bad", back) ** 3)}
        for back in reversed(range(1, DAYS))
    ]  # fmt: skip
    days.append({"date": NOW.date().isoformat(), "success": 412, "failed": 6})
    return {
        "metadata": {"name": "dkron", "uid": "uid-cluster", "resourceVersion": "1"}, "spec": {"paused": False},
        "status": {"days": days, "leader": LEADER, "replicas": 2},
    }  # fmt: skip


def _lease() -> Object:
    spec = {"holderIdentity": LEADER, "renewTime": f"{NOW:%Y-%m-%dT%H:%M:%S}.000000Z", "leaseDurationSeconds": 5}
    metadata = {"name": "dkron", "namespace": NAMESPACE, "uid": "uid-lease", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": spec}


def _node(name: str) -> Object:
    zone = "eu-west-1" + name[-2]
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "kubernetes.io/arch": "amd64"}
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": f"10.0.{ord(name[-2]) - 96}.1{name[-1]}"}],
    }
    return {"metadata": {"name": name, "uid": name, "resourceVersion": "1", "labels": labels}, "status": status}
