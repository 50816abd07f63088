"""From a finished Job and its pod to the outcome of an attempt."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dkron_operator.plan.view import Outcome, Run, RunState, Trouble

Object = Mapping[str, Any]
ORDINARY = frozenset({"", "Error", "Completed", "BackoffLimitExceeded", "ContainerStatusUnknown"})
HARMLESS_WAITS = frozenset({"ContainerCreating", "PodInitializing"})
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
NOT_CREATED = "FailedCreate"
"""The reason of Events of the Job controller about a pod that it could not create."""
MESSAGE_ROOM = 1024


def outcome(
    run: Run,
    pod: Object | None,
    *,
    container: str | None,
    stuck: Trouble | None = None,
    output: bytes = b"",
    size: int = 0,
) -> Outcome:
    """How the attempt ended. `output` holds one byte more than `size` where there was more of it; `stuck` is what was
    known to keep the pod from starting, which a kubelet forgets when it gives the pod up."""
    ended = _terminated(pod, container)
    success = run.state is RunState.SUCCEEDED
    reason, message = ("", "") if success else _failure(run, pod, ended, stuck)
    began, finished = _instant(ended.get("startedAt"), run), _instant(ended.get("finishedAt"), run)
    return Outcome(
        success=success,
        finished_at=finished or run.finished_at or run.created,
        started_at=began,
        exit_code=ended.get("exitCode"),
        reason=reason,
        message=message[:MESSAGE_ROOM],
        node_name=((pod or {}).get("spec") or {}).get("nodeName") or "",
        output=output[-size:].decode("utf-8", "replace") if size else "",
        output_truncated=len(output) > size,
    )


def trouble(pod: Object) -> Trouble | None:
    """What keeps the pod from starting, if that will not pass by itself."""
    for status in _container_statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        if reason and reason not in HARMLESS_WAITS:
            return Trouble(reason, str(waiting.get("message") or "")[:MESSAGE_ROOM])
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Trouble(
                str(condition.get("reason") or "Unschedulable"),
                str(condition.get("message") or "")[:MESSAGE_ROOM],
            )
    return None


def refusal(events: Iterable[Object]) -> Trouble | None:
    """Why a Job has no pod: what its controller was told when it wanted to create one (by Pod Security, a quota, a
    webhook, for want of a service account), and tells in Events alone."""
    notes = [event for event in events if event.get("reason") == NOT_CREATED]
    newest = max(notes, key=lambda event: str(event["metadata"].get("creationTimestamp")), default=None)
    return None if newest is None else Trouble(NOT_CREATED, str(newest.get("note") or "")[:MESSAGE_ROOM])


def same_trouble(before: Trouble | None, now: Trouble) -> bool:
    """Whether nothing new is to be told. A kubelet that cannot pull says so in turns, with and without the cause."""
    return before is not None and (before == now or {before.reason, now.reason} <= PULLING)


def main_container(pod: Object) -> str | None:
    """The container whose log and exit code count: `job`, or the first one of a template without it."""
    names = [container["name"] for container in (pod.get("spec") or {}).get("containers") or ()]
    return "job" if "job" in names else next(iter(names), None)


def has_ended(pod: Object, container: str) -> bool:
    """Whether the container has an exit code."""
    return bool(_terminated(pod, container))


def _instant(text: str | None, run: Run) -> datetime | None:
    """A time that the kubelet tells; a container that never started has begun in 1970."""
    at = datetime.fromisoformat(text) if text else None
    return None if at is None or at < run.created else at


def _failure(run: Run, pod: Object | None, ended: Object, stuck: Trouble | None) -> tuple[str, str]:
    if pod is None:
        return (stuck.reason, stuck.message) if stuck and stuck.reason == NOT_CREATED else _without_pod(run)
    stuck = trouble(pod) or (None if ended.get("startedAt") else stuck)
    if stuck is not None:
        return stuck.reason, stuck.message
    status = pod.get("status") or {}
    for reason, message in (
        (ended.get("reason"), ended.get("message")),
        (status.get("reason"), status.get("message")),
        (run.reason, run.message),
    ):
        if (reason or "") not in ORDINARY:
            return str(reason), str(message or "")
    return "Error", str(ended.get("message") or "")


def _without_pod(run: Run) -> tuple[str, str]:
    if run.reason in ORDINARY:
        return "PodLost", "the pod was deleted before its end was seen"
    return run.reason, run.message


def _terminated(pod: Object | None, container: str | None) -> Object:
    for status in _container_statuses(pod or {}):
        if status.get("name") == container:
            return (status.get("state") or {}).get("terminated") or {}
    return {}


def _container_statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
