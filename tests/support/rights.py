"""Rights in a cluster: the least that an operator of one namespace needs, and access with nothing but given ones."""

from pathlib import Path
from typing import Any

import yaml

from dkron_kube.paths import Resource
from tests.support.kube import SERVICE_ACCOUNTS, Kube

Object = dict[str, Any]
Rules = dict[tuple[str, ...], tuple[str, ...]]
"""Verbs by API group, resource, and the name of the object if only one is meant."""

ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles")
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings")

LEAST: Rules = {
    ("dkron.io", "dkronjobs"): ("get", "list", "watch", "patch", "delete"),
    ("dkron.io", "dkronjobs/status"): ("patch",),
    ("dkron.io", "dkronruns"): ("create", "get", "list", "watch", "delete"),
    ("dkron.io", "dkronruns/status"): ("patch",),
    ("dkron.io", "dkronbackfills"): ("get", "list", "watch", "delete"),
    ("dkron.io", "dkronbackfills/status"): ("patch",),
    ("dkron.io", "dkronpauses"): ("list", "watch"),
    ("dkron.io", "dkronpauses/status"): ("patch",),
    ("dkron.io", "dkronpools"): ("list", "watch"),
    ("dkron.io", "dkronpools/status"): ("patch",),
    ("dkron.io", "dkronclusters"): ("get", "list", "watch", "create"),
    ("dkron.io", "dkronclusters/status"): ("patch",),
    ("batch", "jobs"): ("create", "get", "list", "watch", "delete"),
    ("", "pods"): ("list", "watch"),
    ("", "pods/log"): ("get",),
    ("events.k8s.io", "events"): ("create", "list"),
    ("coordination.k8s.io", "leases", "dkron"): ("get", "patch"),
}
"""By API group and resource: all that `dkron-operator --namespace` needs in that namespace, if it has the Lease of the
chart (`Kube.create_lease`)."""

FOR_KUEUE: Rules = {("kueue.x-k8s.io", "localqueues"): ("get",), ("kueue.x-k8s.io", "workloads"): ("list",)}
"""The rights that it needs besides to tell why Jobs wait in a queue of Kueue."""

FOR_TAGS: Rules = {("", "nodes"): ("list", "watch")}
"""What jobs with tags need besides, in a ClusterRole: nodes have no namespace."""

FOR_OTHER_NAMESPACES: Rules = {
    key: verbs for key, verbs in LEAST.items() if key[1].startswith(("dkronpauses", "dkronpools"))
}
"""The rights that it needs in its own namespace for pauses of all namespaces and pools of several, if no jobs run
there."""

FOR_REPLICAS: Rules = {("", "pods"): ("list",)}
"""The rights that it needs in its own namespace to count them, if no jobs run there."""


def for_rest_token(account: str) -> Rules:
    """The rights that it needs besides for the token of a REST API in its pod."""
    return {("", "serviceaccounts/token", account): ("create",)}


FOR_THE_INSTALLATION = ("dkronclusters", "dkronclusters/status", "dkronpolicies", "leases")
"""Resources without which jobs run all the same."""


def each_right(rules: Rules) -> list[tuple[str, str]]:
    """Each resource with each of its verbs."""
    return [(key[1], verb) for key, verbs in rules.items() for verb in verbs]


def without(rules: Rules, resource: str, verb: str) -> Rules:
    """The rules less one verb."""
    return {key: tuple(v for v in verbs if (key[1], v) != (resource, verb)) for key, verbs in rules.items()}


def account(kube: Kube, name: str, rules: Rules) -> None:
    """Create a service account that has these rights in the namespace, and none elsewhere."""
    kube.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}})
    kube.create(ROLES, {"metadata": {"name": name}, "rules": _wire(rules)})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": kube.namespace}
    role = {"apiGroup": ROLES.group, "kind": "Role", "name": name}
    kube.create(ROLE_BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role})


def bind(kube: Kube, account: str, cluster_role: str, *, namespace: str = "") -> None:
    """Give a service account, of the namespace unless it is of another one, the rights of a ClusterRole in it."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace or kube.namespace}
    role = {"apiGroup": CLUSTER_ROLES.group, "kind": "ClusterRole", "name": cluster_role}
    name = f"{subject['namespace']}-{account}-{cluster_role}"
    kube.create(ROLE_BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role})


def limited_access(kube: Kube, rules: Rules, *, folder: Path, name: str = "limited") -> Path:
    """A kubeconfig of a new service account that has these rights in the namespace, and none elsewhere."""
    account(kube, name, rules)
    return access_of(kube, name, folder=folder)


def access_of(kube: Kube, name: str, *, folder: Path) -> Path:
    """A kubeconfig of a service account of the namespace."""
    path = folder / f"{kube.namespace}-{name}.kubeconfig"
    path.write_text(yaml.safe_dump(_with_token(kube.kubeconfig, kube.token_of(name))), encoding="utf-8")
    return path


def change_rights(kube: Kube, rules: Rules) -> None:
    """Have the account of `limited_access` have these rights from now on."""
    kube.patch(ROLES, "limited", {"rules": _wire(rules)})


def permit_nodes(kube: Kube, rules: Rules = FOR_TAGS, *, account_name: str = "limited") -> None:
    """Give the account of `limited_access` rights on what has no namespace."""
    name = f"{account_name}-{kube.namespace}"
    subject = {"kind": "ServiceAccount", "name": account_name, "namespace": kube.namespace}
    role = {"apiGroup": CLUSTER_ROLES.group, "kind": "ClusterRole", "name": name}
    kube.create(CLUSTER_ROLES, {"metadata": {"name": name}, "rules": _wire(rules)})
    kube.create(CLUSTER_ROLE_BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role})


def permit_reviews(kube: Kube) -> None:
    """Let the account of `limited_access` ask whose a token is, and what its owner may do."""
    name = f"limited-reviews-{kube.namespace}"
    subject = {"kind": "ServiceAccount", "name": "limited", "namespace": kube.namespace}
    role = {"apiGroup": CLUSTER_ROLES.group, "kind": "ClusterRole", "name": "system:auth-delegator"}
    kube.create(CLUSTER_ROLE_BINDINGS, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role})


def _wire(rules: Rules) -> list[Object]:
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
        | ({"resourceNames": names} if names else {})
        for (group, resource, *names), verbs in rules.items()
        if verbs
    ]


def _with_token(kubeconfig: Path, token: str) -> Object:
    """The administrator's kubeconfig with another user."""
    document: Object = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{**document["clusters"][0], "name": "it"}],
        "users": [{"name": "limited", "user": {"token": token}}],
        "contexts": [{"name": "limited", "context": {"cluster": "it", "user": "limited"}}],
        "current-context": "limited",
    }
