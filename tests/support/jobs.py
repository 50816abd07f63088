"""DkronJobs for tests, and arithmetic on their slots."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.attempt_state import AttemptState
from dkron_operator.plan.situation.cause import scheduled

Object = dict[str, Any]

KEEP_ALL: Object = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}
"""A history that forgets nothing in a test."""
KEEP_RECORDS: Object = {**KEEP_ALL, "outputBytes": 0}
"""The same without output: simulated nodes have none, and the operator logs each failure to read it."""
TIDY: Object = {"executions": 3, "successfulJobs": 1, "failedJobs": 1}
"""One that forgets soon."""


def dkron_job(
    name: str,
    /,
    command: str = "true",
    *,
    schedule: str = "@manually",
    config: Mapping[str, str] | None = None,
    run: Sequence[str] = (),
    **spec: Any,
) -> Object:
    """A DkronJob of the shell executor. `run` holds ids of runs that are asked for with its creation."""
    metadata: Object = {"name": name}
    if run:
        metadata["annotations"] = {f"run.dkron.io/{request}": "2026-01-01T00:00:00Z by a test" for request in run}
    return {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronJob",
        "metadata": metadata,
        "spec": {"schedule": schedule, "executorConfig": {"command": command, **(config or {})}, **spec},
    }


def dkron_pause(name: str, /, **spec: Any) -> Object:
    """A DkronPause."""
    metadata: Object = {"name": name}
    return {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronPause", "metadata": metadata, "spec": spec}


def dkron_pool(name: str, /, size: int, **spec: Any) -> Object:
    """A DkronPool."""
    metadata: Object = {"name": name}
    return {
        "apiVersion": "dkron.io/v1alpha1",
        "kind": "DkronPool",
        "metadata": metadata,
        "spec": {"size": size, **spec},
    }


def pod_template(*, metadata: Object | None = None, **spec: Any) -> Object:
    """A jobTemplate that says something about the pod."""
    return {"spec": {"template": {"metadata": metadata or {}, "spec": spec}}}


def simulated(*, run_for: str = "100ms", exit_code: int = 0) -> Object:
    """A jobTemplate that tells a simulated node how its pod goes."""
    notes = {"kwok.dkron.io/run-for": run_for, "kwok.dkron.io/exit-code": str(exit_code)}
    return pod_template(metadata={"annotations": notes})


def each_second(name: str, /, **spec: Any) -> Object:
    """A job that is due each second on simulated nodes, and forgets nothing, unless the spec says otherwise."""
    return dkron_job(name, **{"schedule": "@every 1s", "history": KEEP_RECORDS, "jobTemplate": simulated(), **spec})


def vanished(body: Object, slot: str) -> Object:
    """An entry of `status.active` of this DkronJob whose Job is not there."""
    metadata = body["metadata"]
    entry = scheduled(at(slot)).entry(uid=metadata["uid"], name=metadata["name"], at=at(slot))
    return entry.model_copy(update={"state": AttemptState.RUNNING, "uid": "no-such-uid"}).to_wire()


def at(text: str) -> datetime:
    """An instant of an object."""
    return datetime.fromisoformat(text)


def gaps(slots: Sequence[datetime], *, every: int) -> list[str]:
    """Slots that lie between the first and the last of these, `every` seconds apart, and are not among them."""
    present = set(slots)
    slot, end = min(present), max(present)
    missing = []
    while slot < end:
        slot += timedelta(seconds=every)
        if slot not in present:
            missing.append(slot.isoformat())
    return missing
