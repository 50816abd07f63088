"""Which pods a Job has, and which Jobs a DkronJob. Labels do not say so: everyone who may create pods or Jobs in a
namespace can give theirs any label.

An owner reference can be forged, too, but only for a Job that exists under that uid, since the garbage collector
deletes a pod whose owner does not exist. Kubernetes itself takes that pod for the Job's.
"""

from collections.abc import Mapping
from typing import Any

from dkron_crds.names import GROUP

POD_OF_JOB = "batch.kubernetes.io/job-name"
"""Label of the pods of a Job: its name. It makes lists short; `is_pod_of` decides."""


def is_pod_of(pod: Mapping[str, Any], *, job: str, uid: str = "") -> bool:
    """Whether the Job of this name controls the pod. Give its `uid` where it is known."""
    owner = controller_of(pod)
    if (owner.get("kind"), owner.get("name")) != ("Job", job):
        return False
    return str(owner.get("apiVersion", "")).startswith("batch/") and (not uid or owner.get("uid") == uid)


def is_dkron_job(owner: Mapping[str, Any]) -> bool:
    """Whether the reference names a DkronJob, of any version."""
    return owner.get("kind") == "DkronJob" and str(owner.get("apiVersion", "")).startswith(f"{GROUP}/")


def controller_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The reference to the object's controller; empty if it has none."""
    owners = (body.get("metadata") or {}).get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), {})
