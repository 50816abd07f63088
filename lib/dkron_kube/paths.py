"""URL paths of the API server."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from dkron_kube.errors import NotFound


class Resource(NamedTuple):
    """A kind of object as the API server addresses it."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the path of one object, or of the list of a namespace or of all namespaces (`namespace` None).

        Raises `NotFound` for a name that would change the path: no object can have it.
        """
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace is not None:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_segment(name))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


@lru_cache(maxsize=1024)
def _segment(name: str) -> str:
    if name in ("", ".", ".."):
        raise NotFound(f'no object can have the name "{name}"')
    return quote(name, safe="")


DKRON_JOBS = Resource("dkron.io", "v1alpha1", "dkronjobs")
DKRON_CLUSTERS = Resource("dkron.io", "v1alpha1", "dkronclusters")
DKRON_POLICIES = Resource("dkron.io", "v1alpha1", "dkronpolicies")
DKRON_RUNS = Resource("dkron.io", "v1alpha1", "dkronruns")
DKRON_BACKFILLS = Resource("dkron.io", "v1alpha1", "dkronbackfills")
DKRON_PAUSES = Resource("dkron.io", "v1alpha1", "dkronpauses")
DKRON_POOLS = Resource("dkron.io", "v1alpha1", "dkronpools")
JOBS = Resource("batch", "v1", "jobs")
PODS = Resource("", "v1", "pods")
NODES = Resource("", "v1", "nodes")
NAMESPACES = Resource("", "v1", "namespaces")
"""A namespace is addressed by its name, as something outside of namespaces; a Role in it may give the right to it."""
LEASES = Resource("coordination.k8s.io", "v1", "leases")
SECRETS = Resource("", "v1", "secrets")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
TOKEN_REQUESTS = Resource("", "v1", "serviceaccounts/token")
"""As requests for tokens are counted; their path is the account's."""
LOCAL_QUEUES = Resource("kueue.x-k8s.io", "v1beta2", "localqueues")
VISIBLE_QUEUES = Resource("visibility.kueue.x-k8s.io", "v1beta2", "localqueues")
"""LocalQueues as Kueue's visibility API shows them: it is no part of the objects."""
WORKLOADS = Resource("kueue.x-k8s.io", "v1beta2", "workloads")
EVENTS = Resource("events.k8s.io", "v1", "events")
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews")
SUBJECT_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")
