"""DkronBackfills as JSON: what clients send, what GET shows, and what became of each slot. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from dkron_api.translate.readiness import pause_of
from dkron_api.translate.record import Job, Object, lenient
from dkron_api.translate.spec_fields import Field, a_name, a_number, read_fields, read_spec, texts_by_name
from dkron_crds.backfill import BackfillCondition, BackfillOrder, BackfillReason, BackfillSpec, BackfillStatus
from dkron_crds.base import rfc3339
from dkron_crds.conditions import ConditionStatus
from dkron_crds.run import RunPhase, RunStatus
from dkron_from_dkron.body import flag, text

FIELDS: Mapping[str, Field] = {
    "name": Field("name", a_name),
    "job": Field("job", text),
    "selector": Field("selector", texts_by_name),
    "from": Field("from", text),
    "to": Field("to", text),
    "runs": Field("runs", text),
    "order": Field("order", text),
    "parallelism": Field("parallelism", a_number),
    "max_runs": Field("maxRuns", a_number),
    "on_failure": Field("onFailure", text),
    "concurrency": Field("concurrency", text),
    "parameters": Field("parameters", texts_by_name),
    "dry_run": Field("dryRun", flag),
    "suspend": Field("suspend", flag),
    "reason": Field("reason", text),
    "ttl_seconds_after_finished": Field("ttlSecondsAfterFinished", a_number),
}
EXAMPLE = '{"job": "report", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}'
_NOT_SHOWN = {"targets", "conditions", "active_runs", "failed_runs", "observed_generation"}
_STATES = {
    BackfillReason.FINISHED: "succeeded",
    BackfillReason.PLANNED: "planned",
    BackfillReason.RUNS_FAILED: "failed",
    BackfillReason.STOPPED: "stopped",
    BackfillReason.REFUSED: "refused",
}
WAITS, GONE = "waiting", "gone"
"""The states of a slot that has not begun, and of one whose DkronRun is gone. The others are phases of DkronRuns."""


def read_backfill(data: bytes) -> Object:
    """Return the fields of a body by their names in the spec, with `name`; None for null. Raises Unreadable."""
    return read_fields(data, FIELDS, EXAMPLE)


def show_backfill(stored: Object) -> Object:
    """Return a DkronBackfill as the REST API shows it. Raises Unreadable if its spec does not match the definition."""
    metadata, raw_status = stored["metadata"], dict(stored.get("status") or {})
    # They may be ten thousand; the route for the slots shows them.
    raw_status.pop("targets", None)
    spec, status = read_spec(BackfillSpec, stored), lenient(BackfillStatus, raw_status)
    shown = spec.model_dump(mode="json")
    counts = status.model_dump(mode="json", exclude=_NOT_SHOWN)
    return {
        "name": metadata["name"],
        "created_at": metadata.get("creationTimestamp"),
        **{"from" if key == "from_" else key: value for key, value in shown.items()},
        "state": _state(spec, status),
        "status": counts,
    }


def jobs_of(spec: Object, jobs: Iterable[Job]) -> dict[str, bool]:
    """Return the Dkron names of the jobs that a DkronBackfill runs, of all jobs of its namespace, and which of them run
    only by force: they are disabled or paused. A job that it names may not exist yet."""
    name, selector = spec.get("job"), spec.get("selector") or {}
    found = {} if name is None else {name: False}
    for job in jobs:
        labels = job.raw["metadata"].get("labels") or {}
        if job.name == name or (name is None and selector.items() <= labels.items()):
            found[job.name] = bool(job.raw["spec"].get("disabled")) or bool(pause_of(job))
    return found


class Slot(NamedTuple):
    """A slot, the Dkron name of its job, how it stands, and its DkronRun if there is one. Slots are whole seconds, so
    their texts sort by time."""

    slot: str
    job: str
    state: str
    run: Object | None = None


def slots_of(stored: Object, runs: Iterable[Object], *, name_of: Callable[[str, str], str]) -> list[Slot]:
    """Return all slots, in the order in which they run. After the end of a backfill, those that did not begin are not
    known.

    `runs` are the DkronRuns with the label of the backfill. There may be ten thousand slots, so little is read of each.
    `name_of` returns the Dkron name of the DkronJob with a uid and an object name.
    """
    newest_first = (stored.get("spec") or {}).get("order") == BackfillOrder.NEWEST_FIRST
    status, uid = stored.get("status") or {}, str(stored["metadata"]["uid"])
    owners = ((run, run["metadata"].get("ownerReferences") or ()) for run in runs)
    slots = [_ran(run) for run, its in owners if any(owner.get("uid") == uid for owner in its)]
    known = {(each.slot, each.job) for each in slots}
    order = sorted(
        (
            (str(slot), str(target["job"]), str(target["uid"]))
            for target in status.get("targets") or ()
            for slot in target["slots"]
        ),
        reverse=newest_first,
    )
    begun = int(status.get("begun") or 0)
    for place, (slot, job, job_uid) in enumerate(order):
        key = slot, name_of(job_uid, job)
        if key not in known:
            slots.append(Slot(*key, GONE if place < begun else WAITS))
    return sorted(slots, key=lambda each: each[:2], reverse=newest_first)


def show_slot(slot: Slot, execution_of: Callable[[str, int], str]) -> Object:
    """Return a slot as the REST API shows it. `execution_of` returns the id of the newest execution of a run of a job
    that the job still shows; empty without one."""
    status = lenient(RunStatus, (slot.run or {}).get("status") or {})
    return {
        "job": slot.job,
        "slot": slot.slot,
        "state": slot.state,
        "run": "" if slot.run is None else slot.run["metadata"]["name"],
        "execution": execution_of(slot.job, status.group) if status.group else "",
        "started_at": None if status.started_at is None else rfc3339(status.started_at),
        "finished_at": None if status.finished_at is None else rfc3339(status.finished_at),
        "attempts": status.attempt_count,
        "message": status.message,
    }


def _state(spec: BackfillSpec, status: BackfillStatus) -> str:
    final = (BackfillCondition.COMPLETE, BackfillCondition.FAILED)
    for condition in status.conditions:
        if condition.type in final and condition.status is ConditionStatus.TRUE and condition.reason in _STATES:
            return _STATES[BackfillReason(condition.reason)]
    if spec.suspend:
        return "suspended"
    return "planning" if status.plan is None else "running"


def _ran(run: Object) -> Slot:
    spec, phase = run.get("spec") or {}, str((run.get("status") or {}).get("phase") or RunPhase.PENDING)
    return Slot(str(spec.get("scheduledTime") or ""), str(spec.get("job") or ""), phase.lower(), run)
