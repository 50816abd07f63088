"""DkronRuns, DkronBackfills and DkronPauses as the REST API spells them, and as Kubernetes does."""

import re
from collections.abc import Mapping
from typing import Any

from dkron_crds.names import API_VERSION

Object = dict[str, Any]

KINDS = {"backfills": "DkronBackfill", "pauses": "DkronPause", "runs": "DkronRun"}
"""The kinds by the name of their route."""
_OURS = frozenset({"name", "namespace", "created_at", "state", "status"})
"""Fields that are not of the spec."""
_ENDED = {
    "succeeded": ("Complete", "Finished"), "planned": ("Complete", "Planned"), "failed": ("Failed", "RunsFailed"),
    "stopped": ("Failed", "Stopped"), "refused": ("Failed", "Refused"),
}  # fmt: skip
_REASONS = {
    "expired": "Expired", "not_allowed": "NotAllowed", "too_many": "TooMany", "invalid": "Invalid", "holds": "Paused",
}  # fmt: skip
_CAPITAL, _LOW = re.compile("[A-Z]"), re.compile("_([a-z])")


def to_rest(body: Mapping[str, Any]) -> Object:
    """Return an object as the body of a POST."""
    return {"name": body["metadata"]["name"], **fields_to_rest(body["spec"])}


def fields_to_rest(spec: Mapping[str, Any]) -> Object:
    """Return fields of a spec as they are in a body, without empty texts."""
    return {_CAPITAL.sub(lambda at: f"_{at[0].lower()}", key): value for key, value in spec.items() if value != ""}


def from_rest(route: str, shown: Mapping[str, Any]) -> Object:
    """Return the answer of a GET as the object in Kubernetes, with the meaning of its state: the phase of a run, or a
    condition."""
    metadata = {
        "name": shown["name"],
        "namespace": shown.get("namespace", ""),
        "creationTimestamp": shown["created_at"],
    }
    spec = {_wire(key): value for key, value in shown.items() if key not in _OURS and value is not None}
    status, state = {_wire(key): _entries(value) for key, value in shown["status"].items()}, str(shown["state"])
    if route == "runs":
        told: Object = {"phase": state.capitalize()}
    else:
        told = {"conditions": [condition for condition in (_condition(state),) if condition]}
    return {
        "apiVersion": API_VERSION, "kind": KINDS[route], "metadata": metadata, "spec": spec, "status": status | told,
    }  # fmt: skip


def _condition(state: str) -> Object:
    if state in _ENDED:
        kind, reason = _ENDED[state]
        return {"type": kind, "status": "True", "reason": reason}
    if state in _REASONS:
        return {"type": "Active", "status": "True" if state == "holds" else "False", "reason": _REASONS[state]}
    return {}


def _entries(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a field of a status; the entries of a list as Kubernetes spells them."""
    return [{_wire(key): each for key, each in entry.items()} for entry in value] if isinstance(value, list) else value


def _wire(key: str) -> str:
    return _LOW.sub(lambda at: at[1].upper(), key)
