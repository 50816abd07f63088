"""Each list of the contract, full: how much it holds, and an object that has so many entries in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dkron_crds import backfill, cluster, notifications, receivers, status
from dkron_crds.backfill import BackfillPlan, BackfillRun, BackfillStatus, BackfillTarget
from dkron_crds.base import StatusModel, rfc3339
from dkron_crds.cluster import ClusterStatus
from dkron_crds.conditions import MAX_CONDITIONS
from dkron_crds.depends import MAX_PARENTS
from dkron_crds.job import (
    AcceptedSchedule,
    Condition,
    ConditionStatus,
    Consumed,
    Day,
    DeferredSlots,
    Ended,
    GroupStatus,
    Heard,
    JobStatus,
    Receiver,
    SkipReason,
    Unarchived,
    UnarchivedSlots,
    When,
    Window,
)
from dkron_crds.parameters import MAX_PARAMETERS
from dkron_crds.pause import MAX_PAUSED_NAMES, PauseStatus
from dkron_crds.pool import MAX_POOL_NAMESPACES, SHOWN_IN_LINE, PoolStatus, WaitingRun
from dkron_crds.run import MAX_SHOWN_ATTEMPTS, RunStatus
from tests.support.builders import (
    NAME,
    NAMESPACE,
    NOON,
    Object,
    after,
    claim,
    execution,
    job_view,
    seen,
    slot_name,
    wire_job,
)
from tests.support.outbox import outbox

Fields = dict[str, Any]
SPECS: dict[str, Object] = {
    "DkronJob": {},
    "DkronRun": {"job": NAME},
    "DkronBackfill": {"job": NAME, "from": rfc3339(after(hours=-9)), "to": rfc3339(NOON), "parallelism": 1},
    "DkronPause": {},
    "DkronPool": {"size": 1},
    "DkronCluster": {},
    "DkronPolicy": {"path": {}},
}
STATUSES: dict[str, tuple[type[StatusModel], Fields]] = {
    "DkronRun": (RunStatus, {"group": 1}),
    "DkronBackfill": (BackfillStatus, {"started_at": NOON, "observed_generation": 1}),
    "DkronPause": (PauseStatus, {}),
    "DkronPool": (PoolStatus, {}),
    "DkronCluster": (ClusterStatus, {}),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A list of the contract."""

    path: str
    """As `contract.lists` names it."""
    half: int
    """Half of the most that it holds; what no schema bounds has a number that a tenant may reach."""
    fields: Callable[[int], Fields]
    """The fields of the spec, as on the wire, or of the status, as the model has them."""

    @property
    def kind(self) -> str:
        """The kind that has it."""
        return self.path.partition(".")[0]

    def body(self, count: int, version: int = 1) -> Object:
        """An object as the API server sends it, with so many entries."""
        in_spec = self.path.split(".")[1] == "spec"
        spec, fields = SPECS[self.kind] | (self.fields(count) if in_spec else {}), {} if in_spec else self.fields(count)
        if self.kind == "DkronJob":
            linked = _parents(MAX_PARENTS) if self.path.endswith((".heard", ".consumed")) else {}
            return wire_job(status=status_with(**fields), version=version, generation=version, **spec, **linked)
        if self.kind not in STATUSES:
            return wire(self.kind, "it", version=version, spec=spec)
        model, known = STATUSES[self.kind]
        return wire(self.kind, "it", version=version, spec=spec, status=model(**known | fields).to_wire())


def wire(kind: str, name: str, *, version: int = 1, spec: Object, status: Object | None = None) -> Object:
    """An object of this kind as the API server sends it."""
    metadata = {
        "name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "generation": version,
        "resourceVersion": str(version), "creationTimestamp": rfc3339(NOON),
    }  # fmt: skip
    return {
        "apiVersion": "dkron.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status or {}
    }  # fmt: skip


def status_with(**fields: Any) -> JobStatus:
    """The status of a job in force, with these fields."""
    job = job_view()
    accepted = AcceptedSchedule(schedule="0 * * * * *")
    known = {"since": after(days=-30), "fingerprint": job.fingerprint, "accepted": accepted}
    return JobStatus(**{"last_schedule_time": NOON, "observed_generation": 1, **known, **fields})


def slots(count: int, each: int = -1) -> tuple[Any, ...]:
    """So many minutes, before noon from the newest, or after it."""
    return tuple(after(minutes=each * number) for number in range(1, count + 1))


def attempts(count: int) -> tuple[Any, ...]:
    """Attempts whose Jobs are there."""
    return tuple(seen(claim(slot)) for slot in slots(count))


def executions(count: int) -> tuple[Any, ...]:
    """Executions that have ended."""
    return tuple(map(execution, attempts(count)))


def _names(count: int) -> tuple[str, ...]:
    return tuple(map(slot_name, slots(count)))


def _parents(count: int) -> Fields:
    return {"schedule": "", "dependsOn": [{"job": f"parent-{number}"} for number in range(count)]}


def _conditions(count: int) -> Fields:
    known = {"status": ConditionStatus.TRUE, "reason": "Reason", "message": "m", "last_transition_time": NOON}
    return {"conditions": tuple(Condition(type=f"Type{number}", **known) for number in range(count))}


def _days(name: str) -> Callable[[int], Fields]:
    newest = date(2026, 3, 1)
    return lambda n: {name: tuple(Day(date=newest - timedelta(days=i), success=1, failed=0) for i in range(n)[::-1])}


def _skipped(count: int) -> Unarchived:
    return Unarchived(
        skipped=tuple(UnarchivedSlots(first=s, last=s, count=1, reason=SkipReason.MISSED) for s in slots(count)[::-1])
    )


def _heard(count: int) -> Fields:
    """Runs of 32 parents."""
    parents = tuple((f"parent-{number}", f"uid-of-parent-{number}") for number in range(MAX_PARENTS))
    each = (
        Heard(job=parents[n % MAX_PARENTS][0], uid=parents[n % MAX_PARENTS][1], group=n + 1, at=slot)
        for n, slot in enumerate(slots(count))
    )
    return {"heard": tuple(each)}


def _targets(jobs: int, each: int) -> Fields:
    found = (BackfillTarget(job=f"job-{n}", uid=f"uid-of-job-{n}", slots=slots(each)[::-1]) for n in range(jobs))
    return {"plan": BackfillPlan(count=jobs * each, jobs=jobs), "targets": tuple(found)}


def _backfill_runs(name: str) -> Callable[[int], Fields]:
    def fields(count: int) -> Fields:
        runs = (BackfillRun(run=f"run-{n}", uid=f"uid-of-run-{n}", job="job-0", slot=after(-n)) for n in range(count))
        return _targets(1, 10) | {name: tuple(runs)}

    return fields


def _labels(count: int) -> Fields:
    return {f"example.com/l{number}": "a" for number in range(count)}


def _named(count: int, **fields: Any) -> list[Object]:
    return [{"name": f"n{number}", **fields} for number in range(count)]


def _values(count: int) -> Fields:
    return {"parameters": {f"p{number}": "a" for number in range(count)}}


def _hook(**fields: Any) -> Fields:
    return {"notifications": _named(1, url="https://h.example/", **fields)}


def _receiver(kind: str, count: int = 1, **fields: Any) -> Fields:
    return {"receivers": {kind: _named(count, **fields)}}


MAIL: Fields = {"host": "mail.example", "sender": "a@mail.example"}
HTTP: Fields = {"url": "https://h.example/"}

FILLED = (
    # Of DkronJobs.
    Filled("DkronJob.spec.dependsOn", MAX_PARENTS // 2, _parents),
    Filled("DkronJob.spec.parameters", MAX_PARAMETERS // 2, lambda n: {"parameters": _named(n, default="a")}),
    Filled("DkronJob.spec.parameters.values", 32, lambda n: {
        "parameters": [{"name": "p", "type": "enum", "default": "0", "values": [str(each) for each in range(n)]}]
    }),
    Filled("DkronJob.spec.pools", 2, lambda n: {"pools": [f"pool-{each}" for each in range(n)]}),
    Filled("DkronJob.spec.processors", 8, lambda n: {"processors": {f"kind{each}": {} for each in range(n)}}),
    Filled("DkronJob.spec.tags", 16, lambda n: {"tags": _labels(n)}),
    Filled("DkronJob.status.active", status.MAX_ACTIVE // 2, lambda n: {"active": attempts(n)}),
    Filled("DkronJob.status.conditions", MAX_CONDITIONS // 2, _conditions),
    Filled("DkronJob.status.consumed", MAX_PARENTS // 2, lambda n: {"consumed": tuple(
        Consumed(job=f"parent-{i}", uid=f"uid-of-parent-{i}", when=When.SUCCESS, count=1) for i in range(n)
    )}),
    Filled("DkronJob.status.counted", status.MAX_COUNTED // 2, lambda n: {"counted": _names(n)}),
    Filled("DkronJob.status.days", 3, _days("days")),
    Filled("DkronJob.status.deferred", status.MAX_DEFERRED // 2, lambda n: {"deferred": tuple(
        DeferredSlots(after=slot - timedelta(seconds=30), until=slot) for slot in slots(n)[::-1]
    )}),
    Filled("DkronJob.status.dependentJobs", status.MAX_DEPENDENTS // 2,
           lambda n: {"dependent_jobs": tuple(f"child-{each}" for each in range(n))}),
    Filled("DkronJob.status.ended", status.MAX_ENDED // 2, lambda n: {"ended": tuple(
        Ended(group=n - number, at=slot, status=GroupStatus.SUCCESS) for number, slot in enumerate(slots(n))
    )}),
    Filled("DkronJob.status.executions", status.MAX_EXECUTIONS // 2, lambda n: {"executions": executions(n)}),
    Filled("DkronJob.status.heard", status.MAX_HEARD // 2, _heard),
    Filled("DkronJob.status.outbox", status.MAX_EXECUTIONS // 2,
           lambda n: {"executions": executions(n), "outbox": outbox(_names(n), *Receiver)}),
    Filled("DkronJob.status.outbox.to", len(Receiver) // 2,
           lambda n: {"executions": executions(1), "outbox": outbox(_names(1), *tuple(Receiver)[:n])}),
    Filled("DkronJob.status.ranAhead", status.MAX_RAN_AHEAD // 2, lambda n: {"ran_ahead": slots(n, 1)}),
    Filled("DkronJob.status.refused", status.MAX_REFUSED // 2, lambda n: {"refused": _names(n)}),
    Filled("DkronJob.status.unarchived.skipped", status.MAX_SKIPPED_RANGES // 2, lambda n: {"unarchived": _skipped(n)}),
    Filled("DkronJob.status.window.slots", status.MAX_AHEAD // 2,
           lambda n: {"window": Window(caller="me", slots=slots(n, 1))}),
    # Of the other kinds.
    Filled("DkronRun.spec.parameters", MAX_PARAMETERS // 2, _values),
    Filled("DkronRun.status.attempts", MAX_SHOWN_ATTEMPTS // 2, lambda n: {"attempts": tuple(
        execution(claim(attempt=each + 1)) for each in range(n)
    )}),
    Filled("DkronRun.status.conditions", 2, _conditions),
    Filled("DkronBackfill.spec.parameters", MAX_PARAMETERS // 2, _values),
    Filled("DkronBackfill.spec.selector", 8, lambda n: {"job": None, "selector": _labels(n)}),
    Filled("DkronBackfill.status.targets", backfill.MAX_TARGETS // 2, lambda n: _targets(n, 1)),
    Filled("DkronBackfill.status.targets.slots", backfill.MAX_RUNS // 2, lambda n: _targets(1, n)),
    Filled("DkronBackfill.status.activeRuns", backfill.MAX_ACTIVE_RUNS // 2, _backfill_runs("active_runs")),
    Filled("DkronBackfill.status.failedRuns", backfill.MAX_FAILED_RUNS // 2, _backfill_runs("failed_runs")),
    Filled("DkronBackfill.status.conditions", 2, _conditions),
    Filled("DkronPause.spec.jobs", MAX_PAUSED_NAMES // 2, lambda n: {"jobs": [f"job-{each}" for each in range(n)]}),
    Filled("DkronPause.spec.selector", 8, lambda n: {"selector": _labels(n)}),
    Filled("DkronPause.status.conditions", 2, _conditions),
    Filled("DkronPool.spec.namespaces", MAX_POOL_NAMESPACES // 2,
           lambda n: {"namespaces": [f"ns-{each}" for each in range(n)]}),
    Filled("DkronPool.status.conditions", 2, _conditions),
    Filled("DkronPool.status.line", SHOWN_IN_LINE // 2, lambda n: {"line": tuple(
        WaitingRun(namespace="default", job=NAME, id=f"{each}", queued_at=NOON) for each in range(n)
    )}),
    # Of an installation, which has one DkronCluster.
    Filled("DkronCluster.spec.notifications", notifications.MAX_NOTIFICATIONS // 2,
           lambda n: {"notifications": _named(n, **HTTP)}),
    Filled("DkronCluster.spec.notifications.headers", 8, lambda n: _hook(headers=_named(n, value="a"))),
    Filled("DkronCluster.spec.notifications.when", 2,
           lambda n: _hook(when=["failure", "recovery", "success", "always"][:n])),
    Filled("DkronCluster.spec.receivers.elasticsearch", receivers.MAX_RECEIVERS // 2,
           lambda n: _receiver("elasticsearch", n, **HTTP)),
    Filled("DkronCluster.spec.receivers.elasticsearch.headers", 8,
           lambda n: _receiver("elasticsearch", headers=_named(n, value="a"), **HTTP)),
    Filled("DkronCluster.spec.receivers.mail", receivers.MAX_RECEIVERS // 2, lambda n: _receiver("mail", n, **MAIL)),
    Filled("DkronCluster.spec.receivers.mail.recipients", 32,
           lambda n: _receiver("mail", recipients=[f"a{each}@mail.example" for each in range(n)], **MAIL)),
    Filled("DkronCluster.spec.receivers.slack", receivers.MAX_RECEIVERS // 2, lambda n: _receiver("slack", n, **HTTP)),
    Filled("DkronCluster.spec.receivers.slack.channels", 32,
           lambda n: _receiver("slack", channels=[f"#c{each}" for each in range(n)], **HTTP)),
    Filled("DkronCluster.status.conditions", MAX_CONDITIONS // 2, _conditions),
    Filled("DkronCluster.status.days", cluster.MAX_DAYS // 2, _days("days")),
    Filled("DkronCluster.status.departed", cluster.MAX_DEPARTED // 2, _days("departed")),
    Filled("DkronPolicy.spec.path", 128,
           lambda n: {"path": {f"/v1/jobs/job-{each}": {"capabilities": ["read"]} for each in range(n)}}),
    Filled("DkronPolicy.spec.path.capabilities", 2,
           lambda n: {"path": {"/v1/jobs/**": {"capabilities": ["create", "read", "update", "delete"][:n]}}}),
)  # fmt: skip
