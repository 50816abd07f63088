"""DkronBackfills as JSON: what clients send, what GET shows, and what became of each slot. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from dkron_api.translate.record import lenient
from dkron_api.translate.spec_fields import Field, a_flag, a_number, a_text, read_fields, texts_by_name
from dkron_crds.backfill import BackfillCondition, BackfillOrder, BackfillReason, BackfillSpec, BackfillStatus
from dkron_crds.base import rfc3339
from dkron_crds.conditions import ConditionStatus
from dkron_crds.run import RunPhase, RunSpec, RunStatus
from dkron_from_dkron.values import Unreadable

Object = dict[str, Any]

FIELDS: Mapping[str, Field] = {
    "name": Field("name", a_text),
    "job": Field("job", a_text),
    "selector": Field("selector", texts_by_name),
    "from": Field("from", a_text),
    "to": Field("to", a_text),
    "runs": Field("runs", a_text),
    "order": Field("order", a_text),
    "parallelism": Field("parallelism", a_number),
    "max_runs": Field("maxRuns", a_number),
    "on_failure": Field("onFailure", a_text),
    "concurrency": Field("concurrency", a_text),
    "parameters": Field("parameters", texts_by_name),
    "dry_run": Field("dryRun", a_flag),
    "suspend": Field("suspend", a_flag),
    "reason": Field("reason", a_text),
    "ttl_seconds_after_finished": Field("ttlSecondsAfterFinished", a_number),
}
EXAMPLE = '{"job": "report", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}'
_STATES = {
    BackfillReason.FINISHED: "succeeded",
    BackfillReason.PLANNED: "planned",
    BackfillReason.RUNS_FAILED: "failed",
    BackfillReason.STOPPED: "stopped",
    BackfillReason.REFUSED: "refused",
}
STATES = ("planning", "running", "suspended", *_STATES.values())
WAITS, GONE = "waiting", "gone"
"""The states of a slot that has not begun, and of one whose DkronRun is gone. The others are phases of DkronRuns."""
SLOT_STATES = (WAITS, *(str(phase).lower() for phase in RunPhase), GONE)


def read_backfill(data: bytes) -> Object:
    """Return the fields of a body by their names in the spec, with `name`; None for null. Raises Unreadable."""
    return read_fields(data, FIELDS, EXAMPLE)


def show_backfill(stored: Object) -> Object:
    """Return a DkronBackfill as the REST API shows it. Raises Unreadable if its spec does not match the definition."""
    metadata, raw_status = stored["metadata"], dict(stored.get("status") or {})
    # They may be ten thousand; the route for the slots shows them.
    raw_status.pop("targets", None)
    spec, status = _spec(stored), lenient(BackfillStatus, raw_status)
    shown = spec.model_dump(mode="json")
    counts = status.model_dump(mode="json", exclude={"targets", "conditions", "active_runs", "failed_runs"})
    return {
        "name": metadata["name"],
        "created_at": metadata.get("creationTimestamp"),
        **{"from" if key == "from_" else key: value for key, value in shown.items()},
        "state": _state(spec, status),
        "status": counts,
    }


def slots_of(
    stored: Object,
    runs: Iterable[Object],
    *,
    name_of: Callable[[str, str], str],
    execution_of: Callable[[str, int], str],
) -> list[Object]:
    """Return what became of each slot, in the order in which they run. After the end of a backfill, slots that did not
    begin are not known.

    `runs` are the DkronRuns with the label of the backfill. `name_of` returns the Dkron name of the DkronJob with a uid
    and an object name. `execution_of` returns the id of the newest execution of a run of a job that the job still
    shows; empty without one.
    """
    metadata, spec = stored["metadata"], _spec(stored)
    status = lenient(BackfillStatus, stored.get("status") or {})
    newest_first = spec.order is BackfillOrder.NEWEST_FIRST
    rows = [_ran(run, execution_of) for run in runs if _is_of(run, str(metadata["uid"]))]
    known = {(row["job"], row["slot"]) for row in rows}
    order = sorted(
        ((slot, target.job, target.uid) for target in status.targets for slot in target.slots), reverse=newest_first
    )
    for place, (slot, job, uid) in enumerate(order):
        key = name_of(uid, job), rfc3339(slot)
        if key not in known:
            rows.append(_row(*key, state=GONE if place < status.begun else WAITS))
    # Slots are whole seconds, so their texts sort by time.
    return sorted(rows, key=lambda row: (row["slot"], row["job"]), reverse=newest_first)


def _state(spec: BackfillSpec, status: BackfillStatus) -> str:
    final = (BackfillCondition.COMPLETE, BackfillCondition.FAILED)
    for condition in status.conditions:
        if condition.type in final and condition.status is ConditionStatus.TRUE and condition.reason in _STATES:
            return _STATES[BackfillReason(condition.reason)]
    if spec.suspend:
        return "suspended"
    return "planning" if status.plan is None else "running"


def _spec(stored: Object) -> BackfillSpec:
    try:
        return BackfillSpec.from_wire(stored.get("spec") or {})
    except ValidationError as exc:
        raise Unreadable("the DkronBackfill does not match the current definition; kubectl shows it") from exc


def _is_of(run: Object, uid: str) -> bool:
    owners = run["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)


def _ran(run: Object, execution_of: Callable[[str, int], str]) -> Object:
    spec, status = lenient(RunSpec, run.get("spec") or {}), lenient(RunStatus, run.get("status") or {})
    slot = "" if spec.scheduled_time is None else rfc3339(spec.scheduled_time)
    return _row(
        spec.job, slot, state=str(status.phase).lower(), run=run["metadata"]["name"],
        execution=execution_of(spec.job, status.group) if status.group else "",
        started_at=None if status.started_at is None else rfc3339(status.started_at),
        finished_at=None if status.finished_at is None else rfc3339(status.finished_at),
        attempts=status.attempt_count, message=status.message,
    )  # fmt: skip


def _row(job: str, slot: str, *, state: str, **known: Any) -> Object:  # noqa: ANN401 - values of JSON
    blank = {"run": "", "execution": "", "started_at": None, "finished_at": None, "attempts": 0, "message": ""}
    return {"job": job, "slot": slot, "state": state, **blank, **known}
