"""Hindrances of the start or deletion of a Job of which neither its pod nor its controller's Events tell."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.base import rfc3339
from dkron_operator.plan.situation.outcome import MESSAGE_ROOM
from dkron_operator.plan.situation.view import AttemptJob, PodProblem
from dkron_pods.template import CONTROLLER

Object = Mapping[str, Any]

SUSPENDED = "Suspended"
KEPT_BY_FINALIZERS = "KeptByFinalizers"
"""The reason of a Job that was deleted and still exists."""
SLOW = timedelta(seconds=15)
"""How long a Job may take to start before more than its pod is looked at: of a thousand at once, most are slow."""
SILENCE = timedelta(seconds=60)
"""How long the controller and the scheduler may take before the lack of any Event counts as a problem."""
OF_KUBERNETES = frozenset({"foregroundDeletion", "orphan", "batch.kubernetes.io/job-tracking"})
"""Finalizers that Kubernetes removes by itself."""


def is_slow(attempt: AttemptJob, now: datetime) -> bool:
    """Whether to look at more than its pod to find out why it does not start."""
    return now - attempt.released_at >= SLOW


def without_pod(job: Object, attempt: AttemptJob, now: datetime) -> PodProblem | None:
    """Why a Job has no pod, from its own spec. A webhook or a user may have changed it."""
    spec = job.get("spec") or {}
    manager = spec.get("managedBy")
    if manager not in (None, CONTROLLER):
        return PodProblem("ManagedElsewhere", f"spec.managedBy of the Job is {manager}, which has not made a pod")
    if spec.get("suspend"):
        return PodProblem(SUSPENDED, "spec.suspend of the Job is true; set it to false to start the Job")
    if spec.get("parallelism") == 0:
        return PodProblem("NoParallelism", "spec.parallelism of the Job is 0; set it to 1 to start the Job")
    if now - attempt.released_at < SILENCE:
        return None
    since = f"{'created' if attempt.admitted_at is None else 'admitted'} at {rfc3339(attempt.released_at)}"
    text = (
        f"it was {since}, has no pod, and no Event says why; check whether the Job controller of Kubernetes is running"
    )
    return PodProblem("NoPod", text)


def unscheduled(pod: Object, attempt: AttemptJob, now: datetime) -> PodProblem | None:
    """Why a pod has no node when no scheduler has reported on it."""
    spec, conditions = pod.get("spec") or {}, (pod.get("status") or {}).get("conditions") or ()
    told = any(condition.get("type") == "PodScheduled" for condition in conditions)
    if spec.get("nodeName") or told or now - attempt.released_at < SILENCE:
        return None
    name = spec.get("schedulerName") or "default-scheduler"
    return PodProblem("NotScheduled", f"no scheduler has processed its pod; check whether {name} is running")


def newest_warning(events: Iterable[Object]) -> PodProblem | None:
    """The latest warning of a kubelet, as of a volume that cannot be mounted; None if the newest Event is none."""
    newest = max(events, key=_reported_at, default=None)
    if newest is None or newest.get("type") != "Warning":
        return None
    return PodProblem(str(newest.get("reason") or "Warning"), str(newest.get("note") or "")[:MESSAGE_ROOM])


def kept(job: Object, pod: Object | None) -> PodProblem | None:
    """Which finalizers keep a deleted Job or its pod."""
    for what, body in (("it", job), ("its pod", pod or {})):
        finalizers = (body.get("metadata") or {}).get("finalizers") or ()
        foreign = [str(each) for each in finalizers if each not in OF_KUBERNETES]
        if foreign:
            text = f"{what} has the finalizer {foreign[0]}; the controller that set it must remove it"
            return PodProblem(KEPT_BY_FINALIZERS, text[:MESSAGE_ROOM])
    return None


def _reported_at(event: Object) -> str:
    """When the Event was last reported. All times are in UTC and of one form, so their texts sort by time."""
    series = (event.get("series") or {}).get("lastObservedTime")
    times = (series, event.get("deprecatedLastTimestamp"), event.get("eventTime"))
    return max((_plain(str(at)) for at in times if at), default="")


def _plain(at: str) -> str:
    whole, _, fraction = at.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"
