"""From a finished Job and its pod to the outcome of an attempt."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.job import AttemptState
from dkron_crds.packed import plain
from dkron_operator.plan.situation.permissions import explained, with_remedy
from dkron_operator.plan.situation.view import AttemptJob, Outcome, PodProblem

Object = Mapping[str, Any]
ORDINARY = frozenset({"", "Error", "Completed", "BackoffLimitExceeded", "ContainerStatusUnknown"})
HARMLESS_WAITS = frozenset({"ContainerCreating", "PodInitializing"})
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
NOT_CREATED = "FailedCreate"
"""The reason of the Job controller's Events about a pod that it could not create."""
SAID_BY_THE_PROGRAM = frozenset({"Error", "StartError", "ContainerCannotRun"})
"""Reasons of containers that began, or whose program could not be started."""
MESSAGE_ROOM = 1024
POD_LOST = "PodLost"
LONGEST_ERROR = 512
"""Bytes of what `without_runtime_error` takes off: an id of 64, and a sentence around it."""
SUCCEEDED, FAILED = "Succeeded", "Failed"
"""The phases of a finished pod."""
KILLED = frozenset({137, 143})
"""Exit codes of containers that SIGKILL or SIGTERM ended."""


def outcome(
    attempt: AttemptJob,
    pod: Object | None,
    *,
    container: str | None,
    stuck: PodProblem | None = None,
    output: bytes = b"",
    size: int = 0,
    by_itself: bool = False,
) -> Outcome:
    """How the attempt ended.

    `by_itself`: only the pod says so, see `decides`. `output` holds one byte more than `size` if there was more output.
    `stuck` is the known reason why the pod did not start; a kubelet forgets it when it gives the pod up.
    """
    ended = _terminated(pod, container)
    success = attempt.state is AttemptState.SUCCEEDED or (by_itself and _phase(pod) == SUCCEEDED)
    reason, message = ("", "") if success else _failure(attempt, pod, ended, stuck)
    if reason in SAID_BY_THE_PROGRAM:
        message = explained(message, pod, container, output)
    began, finished = _instant(ended.get("startedAt"), attempt), _instant(ended.get("finishedAt"), attempt)
    return Outcome(
        success=success,
        finished_at=finished or attempt.finished_at or attempt.created,
        started_at=began,
        exit_code=ended.get("exitCode"),
        reason=reason,
        message=message[:MESSAGE_ROOM],
        node_name=((pod or {}).get("spec") or {}).get("nodeName") or "",
        output=output[-size:].decode("utf-8", "replace") if size else "",
        output_truncated=len(output) > size,
        by_itself=by_itself,
    )


def decides(pod: Object, template: Object) -> bool:
    """Whether the pod was over before its deletion was requested, and its Job will end the same way. `template` is the
    spec in `jobTemplate`: a Job of several pods continues after one of them, and so does a Job with retries of its
    own."""
    phase = _phase(pod)
    if phase not in (SUCCEEDED, FAILED) or not is_of_one_pod(template, failed=phase == FAILED):
        return False
    return "deletionTimestamp" not in pod["metadata"] or _ended_before_its_deletion(pod)


def _phase(pod: Object | None) -> str:
    return str(((pod or {}).get("status") or {}).get("phase") or "")


def is_of_one_pod(template: Object, *, failed: bool) -> bool:
    """Whether a Job that has succeeded, or `failed`, had only one pod. `template` is the spec in `jobTemplate`."""
    template = plain(template)
    several = any(template.get(key) not in (None, 1) for key in ("completions", "parallelism"))
    return not (several or (failed and (template.get("backoffLimit") or template.get("podFailurePolicy"))))


def _ended_before_its_deletion(pod: Object) -> bool:
    """Whether every container ended by itself before the deletion. Node clocks differ, and a container told to stop may
    exit with any code. So a killed container, or one that ended within the second of the deletion, does not count.

    When its kubelet removes the pod, the API server sets the time again, with a grace period of 0 (`BeforeDelete` and
    `markAsDeleting` in k8s.io/apiserver). How long before that the deletion was requested is unknown then."""
    metadata = pod["metadata"]
    grace = metadata.get("deletionGracePeriodSeconds")
    if not grace:
        return False
    deleted = datetime.fromisoformat(metadata["deletionTimestamp"]) - timedelta(seconds=grace)
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [(status.get("state") or {}).get("terminated") or {} for status in statuses]
    return bool(ends) and all(
        end.get("finishedAt") and datetime.fromisoformat(end["finishedAt"]) < deleted
        and end.get("exitCode") not in KILLED
        for end in ends
    )  # fmt: skip


def trouble(pod: Object) -> PodProblem | None:
    """What keeps the pod from starting, if that does not pass by itself."""
    for status in _container_statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        if reason and reason not in HARMLESS_WAITS:
            return PodProblem(reason, with_remedy(str(waiting.get("message") or ""))[:MESSAGE_ROOM])
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return PodProblem(
                str(condition.get("reason") or "Unschedulable"),
                str(condition.get("message") or "")[:MESSAGE_ROOM],
            )
    return None


def is_being_created(pod: Object) -> bool:
    """Whether the pod is on a node and none of its containers has begun: its kubelet is preparing it, or cannot."""
    states = [status.get("state") or {} for status in _container_statuses(pod)]
    phase = _phase(pod)
    return (
        bool((pod.get("spec") or {}).get("nodeName"))
        and phase in ("", "Pending")
        and not any("running" in state or "terminated" in state for state in states)
    )


def refusal(events: Iterable[Object]) -> PodProblem | None:
    """Why a Job has no pod: the error that its controller got when it tried to create one (Pod Security, a quota, a
    webhook, a missing service account). The controller reports that only in Events."""
    notes = [event for event in events if event.get("reason") == NOT_CREATED]
    newest = max(notes, key=lambda event: str(event["metadata"].get("creationTimestamp")), default=None)
    return None if newest is None else PodProblem(NOT_CREATED, str(newest.get("note") or "")[:MESSAGE_ROOM])


def same_trouble(before: PodProblem | None, now: PodProblem) -> bool:
    """Whether nothing is new. A kubelet that cannot pull an image says so by turns with and without the cause."""
    return before is not None and (before == now or {before.reason, now.reason} <= PULLING)


def main_container(pod: Object) -> str | None:
    """The container whose log and exit code count: `job`, or the first one if the template has none of that name."""
    names = [container["name"] for container in (pod.get("spec") or {}).get("containers") or ()]
    return "job" if "job" in names else next(iter(names), None)


def has_ended(pod: Object, container: str) -> bool:
    """Whether the container has an exit code."""
    return bool(_terminated(pod, container))


def without_runtime_error(log: bytes, pod: Object, container: str) -> bytes:
    """A followed log without the sentence that a kubelet appends to it if the container is removed meanwhile: an error
    of gRPC that quotes the id of the container, in the answer's body, which has begun (`GetContainerLogs` in
    k8s.io/kubernetes/pkg/kubelet/server)."""
    statuses = [each for each in _container_statuses(pod) if each.get("name") == container]
    ids = [str(each.get("containerID") or "").partition("://")[2].encode() for each in statuses]
    text, error, rest = log.rpartition(b"rpc error: code = NotFound ")
    ours = error and b"\n" not in rest and any(each and each in rest for each in ids)
    return text if ours else log


def _instant(text: str | None, attempt: AttemptJob) -> datetime | None:
    """Parse a time from the kubelet. A container that never started reports a start in 1970, which becomes None."""
    at = datetime.fromisoformat(text) if text else None
    return None if at is None or at < attempt.created else at


def _failure(attempt: AttemptJob, pod: Object | None, ended: Object, stuck: PodProblem | None) -> tuple[str, str]:
    if pod is None:
        return (stuck.reason, stuck.message) if stuck and stuck.reason == NOT_CREATED else _without_pod(attempt)
    stuck = trouble(pod) or (None if ended.get("startedAt") else stuck)
    if stuck is not None:
        return stuck.reason, stuck.message
    status = pod.get("status") or {}
    for reason, message in (
        (ended.get("reason"), ended.get("message")),
        (status.get("reason"), status.get("message")),
        (attempt.reason, attempt.message),
    ):
        if (reason or "") not in ORDINARY:
            return str(reason), str(message or "")
    if _was_taken_away(pod) and ended.get("exitCode") in {None, *KILLED}:
        return POD_LOST, _disruption(status) or "the pod was deleted"
    return "Error", str(ended.get("message") or "")


def _was_taken_away(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"] or _disruption(pod.get("status") or {}) is not None


def _disruption(status: Object) -> str | None:
    """Why Kubernetes took the pod away, for example because its node is gone; None if it did not
    (https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions)."""
    conditions = status.get("conditions") or ()
    told = (each for each in conditions if each.get("type") == "DisruptionTarget" and each.get("status") == "True")
    return next((str(each.get("message") or "") for each in told), None)


def _without_pod(attempt: AttemptJob) -> tuple[str, str]:
    if attempt.reason in ORDINARY:
        return POD_LOST, "the pod was deleted before the operator saw it end"
    return attempt.reason, attempt.message


def _terminated(pod: Object | None, container: str | None) -> Object:
    for status in _container_statuses(pod or {}):
        if status.get("name") == container:
            return (status.get("state") or {}).get("terminated") or {}
    return {}


def _container_statuses(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
