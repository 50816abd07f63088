"""Foreign Jobs carry our labels and name a DkronJob as their owner, but were not created for it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dkron_operator.plan.view import AttemptJob

Object = Mapping[str, Any]


class ForeignJob(NamedTuple):
    """A foreign Job, and by which of its properties it is known as one."""

    namespace: str
    name: str
    uid: str
    wrong: str


def misnamed(run: AttemptJob) -> ForeignJob:
    """A Job in another namespace or with another name than the operator gives."""
    return ForeignJob(run.namespace, run.name, run.uid, "namespace or name is")


def unannotated(body: Object) -> ForeignJob:
    """A Job without the annotations that the operator gives, or with others."""
    metadata = body["metadata"]
    return ForeignJob(metadata["namespace"], metadata["name"], metadata["uid"], "annotations are")


def controller_of(body: Object) -> str:
    """The uid of the object that controls this one; empty if none does."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), "")
