"""Rights of the REST API: the least that it needs in its namespace, and an API that has only given ones."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.api_process import ApiProcess
from tests.support.api_sites import ApiSite
from tests.support.kube import Kube
from tests.support.rights import Rules, limited_access

FOLLOWED = ("list", "watch")

LEAST_API: Rules = {
    ("dkron.io", "dkronjobs"): (*FOLLOWED, "get", "create", "patch", "delete"),
    ("dkron.io", "dkronjobs/status"): ("patch",),
    ("dkron.io", "dkronruns"): ("get", "list", "create", "delete"),
    ("dkron.io", "dkronbackfills"): ("get", "list", "create", "patch", "delete"),
    ("dkron.io", "dkronpauses"): ("get", "list", "create", "patch", "delete"),
    ("dkron.io", "dkronpools"): ("list",),
    ("dkron.io", "dkronclusters", "dkron"): (*FOLLOWED, "patch"),
    ("dkron.io", "dkronpolicies"): (*FOLLOWED, "create", "patch", "delete"),
    ("coordination.k8s.io", "leases", "dkron"): (*FOLLOWED, "patch"),
    ("batch", "jobs"): FOLLOWED,
    ("", "pods"): ("list",),
    ("", "pods/log"): ("get",),
}
"""By API group, resource and name: all that `dkron-api` needs in the namespace that it serves. Nodes are no part of a
namespace; without the right to list them GET /v1/members shows only the operator."""

FOR_POLICIES: Rules = {("dkron.io", "dkronpolicies"): ("create", "patch", "delete")}
"""Of these, what it needs only where DkronPolicies say what callers may do."""

FOR_BEGINNINGS: Rules = {("batch", "jobs"): FOLLOWED}
"""Of these, what it needs only with `--watch-jobs`, the default."""

FOR_LEAVE: Rules = {("coordination.k8s.io", "leases", "dkron"): ("patch",)}
"""Of these, what it needs only beside an operator."""

FOR_SHARED: Rules = {("dkron.io", "dkronpauses"): ("list",), ("dkron.io", "dkronpools"): ("list",)}
"""The rights that it uses besides where the operator's Lease is, if that is another namespace."""

FOR_PLACES: Rules = {("visibility.kueue.x-k8s.io", "localqueues/pendingworkloads"): ("get",)}
"""The rights that it needs besides to tell places in queues of Kueue."""

FOR_HISTORY: Rules = {("", "namespaces"): ("get",)}
"""The rights that it needs besides with an archive."""

FOR_TOKENS: Rules = {("", "secrets"): FOLLOWED}
"""The rights that it needs besides with `--auth dkron`, where the operator's Lease is."""

FOR_CALLERS: Rules = {
    ("authentication.k8s.io", "tokenreviews"): ("create",),
    ("authorization.k8s.io", "subjectaccessreviews"): ("create",),
}
"""The rights that it needs besides with `--auth kubernetes`, in a ClusterRole: `system:auth-delegator`."""


@contextlib.contextmanager
def limited_api(kube: Kube, rules: Rules, folder: Path, *options: str, name: str = "limited") -> Iterator[ApiSite]:
    """An API that has only these rights. It listens, and may not be able to read anything; it has to stop in order."""
    access = limited_access(kube, rules, folder=folder, name=name)
    api = ApiProcess(folder / f"{name}.log", *options, kubeconfig=access, namespace=kube.namespace).start(wait=False)
    try:
        yield ApiSite(kube, api, api.rest)
        api.stop()
        api.assert_clean()
    finally:
        if api.running:
            api.kill()
