"""Reads from an execution's pod which container's log to show, and whether that container has started."""

from dkron_api.translate.record import Object
from dkron_crds.traceparent import VARIABLE, read_traceparent

OURS = "job"
"""Name of the container that the executors build."""


def container_of(pod: Object) -> str:
    """Return the container whose log is shown: ours, or the first one of a template without it."""
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    return OURS if OURS in names else names[0]


def has_begun(pod: Object, container: str) -> bool:
    """Whether the container runs or has ended, so that it may have a log."""
    states = [_state(status) for status in _statuses(pod, "containerStatuses") if status.get("name") == container]
    return any("running" in state or "terminated" in state for state in states)


def trace_of(pod: Object) -> str:
    """Return the id of the trace that the container continues; empty if it has none, or one that is not recorded."""
    named = (each for each in pod["spec"]["containers"] if each["name"] == container_of(pod))
    variables = next(named).get("env") or ()
    text = next((each.get("value") for each in variables if each.get("name") == VARIABLE), None)
    context = read_traceparent(text or "")
    return context.trace_id if context is not None and context.sampled else ""


def ends_by(pod: Object) -> str:
    """Return until when a pod that is being deleted may take to end, as RFC 3339; empty for any other."""
    return str(pod["metadata"].get("deletionTimestamp") or "")


def obstacle(pod: Object | None) -> str:
    """Return why the container has not started, in Kubernetes' words: `ErrImagePull: no such image`."""
    if pod is None:
        return "its pod does not exist yet"
    waiting = [_state(status).get("waiting") or {} for status in _statuses(pod, "initContainerStatuses")]
    waiting += [_state(status).get("waiting") or {} for status in _statuses(pod, "containerStatuses")]
    unplaced = [
        condition
        for condition in (pod.get("status") or {}).get("conditions") or ()
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    ]
    for found in (*waiting, *unplaced):
        if found.get("reason"):
            return ": ".join(filter(None, (str(found["reason"]), str(found.get("message") or ""))))
    return "its pod is starting"


def _statuses(pod: Object, kind: str) -> list[Object]:
    return (pod.get("status") or {}).get(kind) or []


def _state(status: Object) -> Object:
    return status.get("state") or {}
