"""Asks the API server about the user, by reviews that it answers and does not store."""

import getpass
from typing import TYPE_CHECKING, Any

from dkron_cli.core.rights import Right
from dkron_cli.edge.errors import readable
from dkron_kube.paths import Resource

if TYPE_CHECKING:
    from dkron_kube.client import KubeClient

Object = dict[str, Any]
ACCESS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
SELF = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")


async def self_review(kube: "KubeClient") -> Object:
    """Return the review that says who the user is, with the time at which the API server made it."""
    with readable():
        return await kube.create(SELF, None, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})


def local_user() -> str:
    """Return the user of this machine."""
    try:
        return f"{getpass.getuser()} (dkronctl)"
    except (KeyError, OSError):
        return "dkronctl"


async def refusal(kube: "KubeClient", right: Right, namespace: str | None, name: str = "") -> str | None:
    """Return the reason of the server if the user lacks the right in a namespace, or with None in all; it may be empty.
    Return None if the user has it. `name` is the object's name, empty for any."""
    attributes = {"group": right.group, "resource": right.resource, "verb": right.verb}
    more = {"name": name, "subresource": right.subresource, "namespace": namespace}
    attributes |= {key: value for key, value in more.items() if value}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    with readable():
        status = (await kube.create(ACCESS, None, review)).get("status") or {}
    return None if status.get("allowed") else str(status.get("reason") or "")
