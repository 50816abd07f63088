"""Foreign Jobs carry our labels and name a DkronJob as their owner, but were not created for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dkron_operator.plan.situation.view import AttemptJob

Object = Mapping[str, Any]


class ForeignJob(NamedTuple):
    """A Job that the operator ignores, the reason of the Event that says so, and why, as the rest of a sentence."""

    namespace: str
    name: str
    uid: str
    wrong: str
    reason: str = "ForeignJob"


def misnamed(attempt: AttemptJob) -> ForeignJob:
    """A Job in another namespace or with another name than the operator gives."""
    return ForeignJob(attempt.namespace, attempt.name, attempt.uid, _is_wrong("namespace or name is"))


def surplus(attempt: AttemptJob, most: int) -> ForeignJob:
    """One more Job than the operator follows of one DkronJob."""
    why = f"but so do {most} others already, and the status can show no more"
    return ForeignJob(attempt.namespace, attempt.name, attempt.uid, why, "JobsSetAside")


def unannotated(body: Object) -> ForeignJob:
    """A Job without the annotations that the operator gives, or with others."""
    metadata = body["metadata"]
    return ForeignJob(metadata["namespace"], metadata["name"], metadata["uid"], _is_wrong("annotations are"))


def _is_wrong(what: str) -> str:
    return f"but its {what} not what the operator gives to the Jobs of this job"


def controller_of(body: Object) -> str:
    """The uid of the object that controls this one; empty if none does."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), "")
