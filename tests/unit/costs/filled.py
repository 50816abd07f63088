"""Objects whose lists are filled: for each list of the contract, the fields that give it so many entries."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from dkron_crds.base import rfc3339
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
    SkipReason,
    Unarchived,
    UnarchivedSlots,
    When,
    Window,
)
from tests.support.builders import NAMESPACE, NOON, Object, after, claim, execution, job_view, seen, slot_name

Fields = dict[str, Any]
Fill = Callable[[int], Fields]


def slots(count: int) -> list[Any]:
    """So many minutes before noon, the newest first."""
    return [after(minutes=-number) for number in range(1, count + 1)]


def attempts(count: int) -> tuple[Any, ...]:
    """Attempts whose Jobs are there."""
    return tuple(seen(claim(slot)) for slot in slots(count))


def names(count: int) -> tuple[str, ...]:
    """Names of the Jobs of slots."""
    return tuple(map(slot_name, slots(count)))


def _condition(number: int) -> Condition:
    return Condition(
        type=f"Type{number}", status=ConditionStatus.TRUE, reason="Reason", message="m", last_transition_time=NOON
    )


def conditions(count: int) -> Fields:
    """Conditions of any kind."""
    return {"conditions": tuple(map(_condition, range(count)))}


STATUS: Mapping[str, Fill] = {
    "active": lambda n: {"active": attempts(n)},
    "counted": lambda n: {"counted": names(n)},
    "executions": lambda n: {"executions": tuple(map(execution, attempts(n)))},
    "undelivered": lambda n: {"executions": tuple(map(execution, attempts(n))), "undelivered": names(n)},
    "unarchived.executions": lambda n: {
        "executions": tuple(map(execution, attempts(n))), "unarchived": Unarchived(executions=names(n))
    },
    "unarchived.skipped": lambda n: {
        "unarchived": Unarchived(
            skipped=tuple(UnarchivedSlots(first=s, last=s, count=1, reason=SkipReason.MISSED) for s in slots(n)[::-1])
        )
    },
    "refused": lambda n: {"refused": names(n)},
    "ranAhead": lambda n: {"ran_ahead": tuple(after(minutes=number) for number in range(1, n + 1))},
    "window.slots": lambda n: {
        "window": Window(caller="me", slots=tuple(after(minutes=number) for number in range(1, n + 1)))
    },
    "deferred": lambda n: {
        "deferred": tuple(DeferredSlots(after=s - timedelta(seconds=30), until=s) for s in slots(n)[::-1])
    },
    "dependentJobs": lambda n: {"dependent_jobs": tuple(f"child-{number}" for number in range(n))},
    "ended": lambda n: {
        "ended": tuple(
            Ended(group=n - number, at=slot, status=GroupStatus.SUCCESS) for number, slot in enumerate(slots(n))
        )
    },
    "heard": lambda n: {
        "heard": tuple(
            Heard(job=f"parent-{number % 32}", uid=f"uid-of-parent-{number % 32}", group=number + 1, at=slot)
            for number, slot in enumerate(slots(n))
        )
    },
    "consumed": lambda n: {
        "consumed": tuple(
            Consumed(job=f"parent-{number}", uid=f"uid-of-parent-{number}", when=When.SUCCESS, count=1)
            for number in range(n)
        )
    },
    "days": lambda n: {
        "days": tuple(Day(date=date(2026, 3, 1) - timedelta(days=number), success=1, failed=0) for number in range(n))
    },
    "conditions": conditions,
}  # fmt: skip
"""Of the status of a DkronJob, by the names on the wire."""

SPEC: Mapping[str, Fill] = {
    "dependsOn": lambda n: {"dependsOn": [{"job": f"parent-{number}"} for number in range(n)], "schedule": ""},
    "parameters": lambda n: {"parameters": [{"name": f"p{number}", "default": "a"} for number in range(n)]},
    "parameters.values": lambda n: {
        "parameters": [{"name": "p", "default": "0", "values": [str(number) for number in range(n)]}]
    },
    "pools": lambda n: {"pools": [f"pool-{number}" for number in range(n)]},
    "processors": lambda n: {"processors": {f"kind{number}": {} for number in range(n)}},
    "tags": lambda n: {"tags": {f"example.com/tag{number}": "a" for number in range(n)}},
}
"""Of the spec of a DkronJob, in wire names."""


def status_with(**fields: Any) -> JobStatus:
    """The status of a job in force, with these fields."""
    job = job_view()
    accepted = AcceptedSchedule(schedule="0 * * * * *")
    known = {"since": after(days=-30), "fingerprint": job.fingerprint, "accepted": accepted}
    return JobStatus(**{"last_schedule_time": NOON, "observed_generation": 1, **known, **fields})


def wire(kind: str, name: str, *, version: int = 1, spec: Object, status: Object | None = None) -> Object:
    """An object of this kind as the API server sends it."""
    metadata = {
        "name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "generation": version,
        "resourceVersion": str(version), "creationTimestamp": rfc3339(NOON),
    }  # fmt: skip
    return {
        "apiVersion": "dkron.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status or {}
    }  # fmt: skip
