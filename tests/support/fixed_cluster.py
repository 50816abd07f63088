"""A cluster for `dkronctl` that is always the same, at a moment that is always noon: what the golden texts show."""

from datetime import datetime, timedelta
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.conditions import Condition, ConditionStatus
from dkron_crds.job import AttemptState, JobStatus, Skipped, SkipReason, Trigger
from dkron_crds.kinds import KINDS
from dkron_crds.names import API_VERSION, GROUP, VERSION
from dkron_crds.revision import title
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_CLUSTERS, DKRON_JOBS, DKRON_POOLS, DKRON_RUNS, LEASES, Resource
from tests.support.builders import NOON, after, claim, execution, seen, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.world import Object

NIGHT = NOON.replace(hour=1, minute=30)
SECRETS = {"command": "backup --all", "env": "PASSWORD=secretRef:backup/password", "image": "registry.example/backup:4"}


class Noon(datetime):
    """A clock that has stopped."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:  # noqa: ARG003 - always UTC
        """Return noon."""
        return NOON


def condition(kind: str, status: str, reason: str, message: str = "") -> Condition:
    return Condition(
        type=kind, status=ConditionStatus(status), reason=reason, message=message, last_transition_time=NIGHT
    )


def status(*others: Condition, **fields: Any) -> JobStatus:
    scheduled = condition("Ready", "True", "Scheduled")
    known = {"since": after(days=-3), "observed_generation": 1, "last_schedule_time": NOON, **fields}
    return JobStatus(conditions=others or (scheduled,), **known)


def backup() -> Object:
    """Fails each night, once with a retry, and is pinned to a zone with a change of the clocks."""
    nights = [NIGHT - timedelta(days=day) for day in range(3)]
    first, last = claim(nights[0], at=nights[0]), claim(nights[0], at=nights[0] + timedelta(seconds=8), attempt=2)
    executions = (
        execution(last, success=False, seconds=61, exit_code=3, reason="Error", node_name="node-1",
                  output="connecting to store.example\nno space left on /backup\n"),
        execution(first, success=False, exit_code=3, reason="Error", node_name="node-1"),
        execution(claim(nights[1], at=nights[1]), success=False, reason="OOMKilled", exit_code=137, node_name="node-2"),
        execution(claim(nights[2], at=nights[2]), exit_code=0, node_name="node-1"),
    )  # fmt: skip
    known = status(
        executions=executions, status="failed", success_count=41, error_count=7, last_schedule_time=NIGHT,
        next=NIGHT + timedelta(days=1), last_error=NIGHT,
    )  # fmt: skip
    return wire_job(
        name="backup", created=after(days=-3), status=known, schedule="0 30 2 * * *", timezone="Europe/Madrid",
        executorConfig=SECRETS, retries=1, owner="ops", history={"executions": 4},
    )  # fmt: skip


def busy() -> Object:
    """Runs since a minute, and skips a slot meanwhile."""
    entry = claim(after(-60), at=after(-59), name="reconcile-accounts-of-all-subsidiaries")
    ended = execution(claim(after(-120), at=after(-120)), exit_code=0, trigger=Trigger.SCHEDULE)
    skipped = Skipped(count=3, last_time=NOON, last_reason=SkipReason.CONCURRENCY_FORBIDDEN)
    known = status(
        active=(entry,), executions=(ended,), skipped=skipped, status="success", success_count=900, next=after(60)
    )
    return wire_job(
        name="reconcile-accounts-of-all-subsidiaries", created=after(days=-3), status=known, concurrency="forbid",
        displayName="Reconciles the accounts", executorConfig={"command": "reconcile"},
    )  # fmt: skip


def in_line() -> Object:
    """Runs, has two runs in line, and one of an hour ago that waited."""
    running, waited = seen(claim(after(-300), at=after(-300), name="load")), claim(after(-3600), at=after(-3480))
    line = (claim(after(-60), name="load"), claim(after(-180), name="load"))
    ended = execution(waited.model_copy(update={"queued_at": after(-3600)}), seconds=70, exit_code=0)
    before = execution(claim(after(-3700), at=after(-3700)), seconds=215, exit_code=0)
    waiting = (entry.model_copy(update={"state": AttemptState.WAITING, "queued_at": entry.slot}) for entry in line)
    full = Skipped(count=1, last_time=NOON, last_reason=SkipReason.QUEUE_FULL)
    known = status(active=(running, *waiting), executions=(ended, before), skipped=full, success_count=2)
    return wire_job(
        name="load", created=after(days=-3), status=known, schedule="@every 1m", concurrency="queue",
        queue={"max": 2, "order": "oldest"},
    )  # fmt: skip


def in_pools() -> Object:
    """Runs, and has two runs that wait for places: one in the line of its pool, one beyond the first ten."""
    running = seen(claim(after(-300), at=after(-300), name="import"))
    line = (claim(after(-60), name="import"), claim(after(-120), name="import"))
    waiting = (entry.model_copy(update={"state": AttemptState.WAITING, "queued_at": entry.slot}) for entry in line)
    return wire_job(
        name="import", created=after(days=-3), status=status(active=(running, *waiting), last_schedule_time=NOON),
        schedule="@every 1m", pools=["database"], priority=10,
    )  # fmt: skip


def pool() -> Object:
    """The pool of that job, which has twelve runs in line."""
    ids = [*(f"9-other-{number}" for number in range(2)), claim(after(-120), name="import").id]
    ids += [f"9-other-{number}" for number in range(3, 10)]
    shown = [{"namespace": "default", "job": "import", "id": each, "queuedAt": rfc3339(after(-120))} for each in ids]
    return _made("DkronPool", "database", -7200, {"size": 1}, {"size": 1, "running": 1, "waiting": 12, "line": shown})


def jobs() -> list[Object]:
    """Return one job for each state that a list can show."""
    sentence = 'minute: "61" is not allowed; use 0-59, *, ?, lists (1,2), ranges (1-5) or steps (*/2)'
    wrong = status(condition("Ready", "False", "InvalidSchedule", sentence))
    mail: Object = {"executor": "http", "executorConfig": {"method": "GET", "url": "secretRef:mail/url"}}
    found = [
        backup(),
        wire_job(name="mail", schedule="", parentJob="backup", status=status(last_schedule_time=None), **mail),
        wire_job(name="new"),
        wire_job(name="off", disabled=True, status=status(condition("Suspended", "True", "Disabled"))),
        busy(),
        in_line(),
        in_pools(),
        wire_job(name="wrong", schedule="0 61 * * * *", status=wrong),
    ]
    return [{"apiVersion": API_VERSION, "kind": "DkronJob", **each} for each in found]


def runs() -> list[Object]:
    """Return a DkronRun for each phase that a list can show."""
    attempt = {"job": "backup-1", "attempt": 1, "nodeName": "node-1", "startedAt": rfc3339(after(-600)),
               "finishedAt": rfc3339(after(-540)), "state": "Failed", "exitCode": 3, "reason": "Error"}  # fmt: skip
    again = {**attempt, "job": "backup-1-2", "attempt": 2, "startedAt": rfc3339(after(-530)),
             "finishedAt": rfc3339(after(-500))}  # fmt: skip
    why = "attempt 2 failed (Error, exit code 3): no space left"
    failed = {"phase": "Failed", "attempts": [again, attempt], "attemptCount": 2, "startedAt": rfc3339(after(-600)),
              "finishedAt": rfc3339(after(-500)), "message": why}  # fmt: skip
    missing = 'the namespace has no DkronJob with the name "none"; it is refused at 2026-03-01T12:09:00Z'
    known = (
        ("backup-5d21c07e9a44b3f1", -605, {"job": "backup", "scheduledTime": rfc3339(NIGHT), "requestedBy": "ann",
         "reason": "the store was full", "parameters": {"full": "true"}}, failed),
        ("mail-0c11", -30, {"job": "mail"}, {"phase": "Running", "attemptCount": 1, "startedAt": rfc3339(after(-29)),
         "message": "attempt 1 is active"}),
        ("none-9e20", -60, {"job": "none"}, {"message": missing}),
        ("off-77aa", -90, {"job": "off", "force": True},
         {"phase": "Refused", "finishedAt": rfc3339(after(-89)), "message": "the job is paused"}),
    )  # fmt: skip
    return [_made("DkronRun", *each) for each in known]


def backfills() -> list[Object]:
    """Return a DkronBackfill that is under way, and one that a failed run has stopped."""
    period = {"from": rfc3339(after(days=-7)), "to": rfc3339(NOON)}
    failed = {"run": "again-backup-1", "uid": "u", "job": "backup", "slot": rfc3339(NIGHT - timedelta(days=2))}
    active = {**failed, "run": "again-backup-2", "slot": rfc3339(NIGHT - timedelta(days=1))}
    plan = {"count": 7, "jobs": 1, "first": period["from"], "last": period["to"]}
    under_way = {
        "plan": plan, "begun": 4, "active": 1, "succeeded": 2, "failed": 1, "remaining": 3, "activeRuns": [active],
        "failedRuns": [failed], "startedAt": rfc3339(after(-100)), "message": "3 of 7 runs ended, 1 failed",
    }  # fmt: skip
    ended = [{"type": "Failed", "status": "True", "reason": "Stopped", "message": ""}]
    stopped = {"plan": plan, "succeeded": 1, "failed": 1, "remaining": 5, "conditions": ended,
               "message": "a run failed: 5 slots did not run"}  # fmt: skip
    of_job = {"job": "backup", **period, "parallelism": 1, "onFailure": "continue", "reason": "empty"}
    known: tuple[tuple[str, int, Object, Object], ...] = (
        ("again", -120, of_job, under_way),
        ("of-a-team", -7200, {"selector": {"team": "data"}, **period}, stopped),
        ("planning", -1, {"selector": {}, **period}, {}),
    )
    return [_made("DkronBackfill", *each) for each in known]


def _made(kind: str, name: str, seconds: int, *parts: Object) -> Object:
    """Return an object. `parts` are its spec and its status."""
    metadata = {"name": name, "namespace": "default", "creationTimestamp": rfc3339(after(seconds))}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": parts[0], "status": parts[1]}


LEADS = {
    "metadata": {"name": "dkron", "namespace": "default"},
    "spec": {},
    "status": {"leader": "operator-7", "replicas": 2, "version": "0.0.1", "jobs": 6,
               "conditions": [{"type": "Ready", "status": "True", "reason": "Leading", "message": ""}]},
}  # fmt: skip
LEASE = {"metadata": {"name": "dkron"}, "spec": {"holderIdentity": "operator-7", "renewTime": rfc3339(after(-1))}}


class FixedCluster(FakeKube):
    """The API server with these objects. It allows each request that a review names, and its clock agrees."""

    def __init__(self) -> None:
        super().__init__()
        objects = {DKRON_JOBS: jobs(), DKRON_RUNS: runs(), DKRON_BACKFILLS: backfills(), DKRON_CLUSTERS: [LEADS]}
        for resource, bodies in {**objects, DKRON_POOLS: [pool()], LEASES: [LEASE]}.items():
            for body in bodies:
                self.put(resource, body)

    async def openapi(self, _group: str, _version: str) -> Object:
        """Return the definitions, as this version has them."""
        identity = {"group": GROUP, "version": VERSION}
        schemas = {
            kind.name: {"title": title(kind.name), "x-kubernetes-group-version-kind": [{**identity, "kind": kind.name}]}
            for kind in KINDS
        }
        return {"components": {"schemas": schemas}}

    async def create(
        self,
        _resource: Resource,
        _namespace: str | None,
        _body: Object,
        *,
        dry_run: bool = False,  # noqa: ARG002 - nothing is created
    ) -> Object:
        return {"metadata": {"creationTimestamp": rfc3339(NOON)}, "status": {"allowed": True}}
