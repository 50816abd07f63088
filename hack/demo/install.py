"""The objects that the demo puts into the cluster and takes out of a cluster that is not its own.

These are definitions, examples, and an account that may do everything in the demo's namespace, by the REST API.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.programs import AUDIENCE
from demo.target import Target
from localcluster import Cluster

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
EXAMPLES = ROOT / "examples"
RUNS = EXAMPLES / "runs"
REQUESTED = "manual"
ESTABLISH_SECONDS = 30
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


def definitions(target: Target) -> None:
    """Apply the custom resource definitions and wait until the API server serves them."""
    target.require_answer()
    target.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    target.kubectl("wait", "--for=condition=Established", f"--timeout={ESTABLISH_SECONDS}s", "-f", str(CRDS))


def examples(target: Target) -> None:
    """Apply all examples, and create the account for the REST API; in a cluster of the caller in a namespace of their
    own."""
    if target.guest and not target.cluster.kubectl("get", "namespace", target.namespace, "--ignore-not-found"):
        target.cluster.kubectl("create", "namespace", target.namespace)
        target.cluster.kubectl("label", "namespace", target.namespace, OURS)
    target.kubectl("apply", "-f", str(EXAMPLES))
    create_account(target.cluster, target.namespace)


def request_run(target: Target, *, now: datetime) -> None:
    """Ask for a run of the manual example, as a person would."""
    request = f"run.dkron.io/demo-{time.time_ns()}={now.astimezone(UTC).isoformat(timespec='seconds')} by demo"
    target.kubectl("annotate", "dkronjob", REQUESTED, request)


def begin_runs(target: Target) -> None:
    """Create the DkronRuns and the DkronBackfill of the examples, again if they are there: each object runs once."""
    target.kubectl("delete", "--ignore-not-found", "-f", str(RUNS))
    target.kubectl("create", "-f", str(RUNS))


def remove_examples(target: Target) -> None:
    """Delete the examples and the account, and their namespace if the demo has created it; the definitions stay."""
    target.require_answer()
    remove_account(target.cluster, target.namespace)
    target.kubectl("delete", "--ignore-not-found", "-f", str(RUNS), "-f", str(EXAMPLES))
    target.cluster.kubectl("delete", "namespace", "--selector", OURS)


def create_account(cluster: Cluster, namespace: str) -> None:
    """Create the account and its rights. Raises `ClusterError`."""
    cluster.kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(account(namespace)))


def token(cluster: Cluster, namespace: str) -> str:
    """Return a new token of the account. Raises `ClusterError`."""
    options = ("--audience", AUDIENCE, "--duration", LIFE)
    return cluster.kubectl("--namespace", namespace, "create", "token", ACCOUNT, *options).strip()


def remove_account(cluster: Cluster, namespace: str) -> None:
    """Delete the account, whose tokens end with it, and its rights. Raises `ClusterError`."""
    cluster.kubectl("--namespace", namespace, "delete", KINDS, "--selector", OURS)


def account(namespace: str) -> dict[str, Any]:
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
