"""Who may use the demo's REST API: an account that may do everything there, in the demo's namespace alone."""

import json
from typing import Any

from localcluster import Cluster

AUDIENCE = "dkron"
"""The demo's API takes tokens that were made for it. The API server does not take these."""
ACCOUNT = "dkron-demo-admin"
OURS = "app.kubernetes.io/managed-by=dkron-demo"
"""The label of what the demo creates in a cluster that is not its own."""
LIFE = "24h"
KINDS = "serviceaccounts,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io"
RULES = (
    {"apiGroups": ["dkron.io"], "resources": ["*"], "verbs": ["*"]},
    # For jobs that name a Secret, and for jobs that define a whole pod.
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
)


def create(cluster: Cluster, namespace: str) -> None:
    """Create the account and its rights. Raises `ClusterError`."""
    cluster.kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(manifest(namespace)))


def token(cluster: Cluster, namespace: str) -> str:
    """Return a new token of the account. Raises `ClusterError`."""
    options = ("--audience", AUDIENCE, "--duration", LIFE)
    return cluster.kubectl("--namespace", namespace, "create", "token", ACCOUNT, *options).strip()


def remove(cluster: Cluster, namespace: str) -> None:
    """Delete the account, whose tokens end with it, and its rights. Raises `ClusterError`."""
    cluster.kubectl("--namespace", namespace, "delete", KINDS, "--selector", OURS)


def manifest(namespace: str) -> dict[str, Any]:
    """Return the account, its Role and their binding, as a list for kubectl."""
    label, _, value = OURS.partition("=")
    metadata = {"name": ACCOUNT, "labels": {label: value}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    items = (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False},
        {"apiVersion": rbac, "kind": "Role", "metadata": metadata, "rules": list(RULES)},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]},
    )
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}
