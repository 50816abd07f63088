"""DkronPauses as JSON: what clients send, what GET shows, and which jobs one holds. Pure."""

from collections.abc import Mapping, Sequence

from dkron_api.translate.record import Job, Object, lenient
from dkron_api.translate.spec_fields import Field, a_name, read_fields, read_spec, texts_by_name
from dkron_crds.conditions import ConditionStatus
from dkron_crds.pause import PauseReason, PauseSpec, PauseStatus
from dkron_from_dkron.body import flag, names, text
from dkron_reports.pause_times import selects

FIELDS: Mapping[str, Field] = {
    "name": Field("name", a_name),
    "jobs": Field("jobs", lambda name, value: list(names(name, value))),
    "selector": Field("selector", texts_by_name),
    "all_namespaces": Field("allNamespaces", flag),
    "enforce": Field("enforce", flag),
    "when_resumed": Field("whenResumed", text),
    "until": Field("until", text),
    "reason": Field("reason", text),
    "paused_by": Field("pausedBy", text),
}
EXAMPLE = '{"jobs": ["report"], "reason": "the database moves"}'
_STATES = {
    PauseReason.PAUSED: "holds",
    PauseReason.EXPIRED: "expired",
    PauseReason.NOT_ALLOWED: "not_allowed",
    PauseReason.TOO_MANY: "too_many",
    PauseReason.INVALID: "invalid",
}
UNSEEN = "unseen"


def read_pause(data: bytes) -> Object:
    """Return the fields of a body by their names in the spec, with `name`; None for null. Raises Unreadable."""
    return read_fields(data, FIELDS, EXAMPLE)


def show_pause(stored: Object) -> Object:
    """Return a DkronPause as the REST API shows it. Raises Unreadable if its spec does not match the definition."""
    metadata, status = stored["metadata"], lenient(PauseStatus, stored.get("status") or {})
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "created_at": metadata.get("creationTimestamp"),
        **read_spec(PauseSpec, stored).model_dump(mode="json"),
        "state": _state(status),
        "status": {"jobs": status.jobs, "message": status.message},
    }


def visible_from(stored: Object, jobs: Sequence[Job]) -> Object | None:
    """Return a pause of all namespaces as those see it who may see one namespace, which has these jobs; None if it
    holds none of them. It shows no name and no label that only jobs of other namespaces have."""
    spec = stored.get("spec") or {}
    held = [job for job in jobs if selects(spec, job.name, job.raw)]
    if not held and (spec.get("jobs") or spec.get("selector")):
        return None
    named = [name for name in spec.get("jobs") or () if any(job.name == name for job in held)]
    status = {**(stored.get("status") or {}), "jobs": len(held), "message": ""}
    return {**stored, "spec": {**spec, **({"jobs": named} if named else {})}, "status": status}


def _state(status: PauseStatus) -> str:
    active = next((each for each in status.conditions if each.type == "Active"), None)
    if active is None:
        return UNSEEN
    if active.status is ConditionStatus.TRUE:
        return _STATES[PauseReason.PAUSED]
    return _STATES[PauseReason(active.reason)] if active.reason in tuple(_STATES) else _STATES[PauseReason.INVALID]
