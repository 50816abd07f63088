"""Writes the spec of the DkronCluster as Helm's own part of it, by server-side apply.

It is there or not, the operator or another writer may have made it, and its status has to stay: nothing that a chart
can hold as an object of its own.
"""

import contextlib
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PLACE = "/apis/dkron.io/v1alpha1/namespaces/{}/dkronclusters/dkron?fieldManager=helm-values&force=true"
PATIENCE = 60.0
"""Seconds for new custom resources to be served, and for the network of a new pod."""
PASSING = {404, 409, 429, 500, 502, 503, 504}
"""Answers of the API server after which it is asked again. New custom resources are not found for a moment."""


def apply(spec: dict[str, object], *, server: str, namespace: str, account: Path) -> None:
    """Apply it once. Raises what urllib raises."""
    cluster = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": "dkron"}, "spec": spec}
    token = (account / "token").read_text(encoding="utf-8").strip()
    request = urllib.request.Request(
        f"{server}{PLACE.format(namespace)}&fieldValidation=Strict",
        method="PATCH",
        data=json.dumps(cluster).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/apply-patch+yaml"},
    )
    trusted = ssl.create_default_context(cafile=account / "ca.crt")
    with urllib.request.urlopen(request, timeout=10, context=trusted):
        pass


def attempt(spec: dict[str, object], *, server: str, namespace: str, account: Path) -> tuple[str, bool]:
    """Apply it once: what is wrong, empty if nothing is, and whether that may pass."""
    try:
        apply(spec, server=server, namespace=namespace, account=account)
    except urllib.error.HTTPError as exc:
        text = exc.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = json.loads(text)["message"]
        return text, exc.code in PASSING
    except OSError as exc:
        return f"the API server does not answer: {exc}", True
    return "", False


def main(account: Path = ACCOUNT) -> int:
    """Apply it, with patience; the exit status."""
    spec, namespace = json.loads(os.environ["CLUSTER"]), os.environ["NAMESPACE"]
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    until = time.monotonic() + PATIENCE
    trouble, passing = attempt(spec, server=server, namespace=namespace, account=account)
    while passing and time.monotonic() < until:
        time.sleep(1)
        trouble, passing = attempt(spec, server=server, namespace=namespace, account=account)
    print(f"the value cluster cannot be applied to DkronCluster {namespace}/dkron: {trouble}" if trouble else "applied")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
