"""Writes the spec of the DkronCluster as Helm's own part of it, by server-side apply.

It is there or not, the operator or somebody else may have made it, and its status has to stay: nothing that a chart
holds as an object of its own.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
SERVER = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
PATIENCE = 60.0
"""Seconds for new custom resources to be served, and for the network of a new pod."""


def apply(spec, namespace):
    """Apply it once. Raises what urllib raises."""
    cluster = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronCluster", "metadata": {"name": "dkron"}, "spec": spec}
    request = urllib.request.Request(
        f"{SERVER}/apis/dkron.io/v1alpha1/namespaces/{namespace}/dkronclusters/dkron"
        "?fieldManager=helm-values&force=true&fieldValidation=Strict",
        method="PATCH",
        data=json.dumps(cluster).encode(),
        headers={
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}",
            "Content-Type": "application/apply-patch+yaml",
        },
    )
    trusted = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
    with urllib.request.urlopen(request, timeout=10, context=trusted):
        pass


def attempt(spec, namespace):
    """Apply it once: what is wrong, empty if nothing is, and whether that may change by itself."""
    try:
        apply(spec, namespace)
    except urllib.error.HTTPError as exc:
        text = exc.read().decode(errors="replace")
        try:
            text = json.loads(text)["message"]
        except (ValueError, KeyError, TypeError):
            pass
        return text, exc.code in {404, 409, 429} or exc.code >= 500
    except OSError as exc:
        return f"the API server does not answer: {exc}", True
    return "", False


def main():
    """Apply it, with patience; the exit status."""
    spec, namespace = json.loads(os.environ["CLUSTER"]), os.environ["NAMESPACE"]
    until = time.monotonic() + PATIENCE
    trouble, passing = attempt(spec, namespace)
    while passing and time.monotonic() < until:
        time.sleep(1)
        trouble, passing = attempt(spec, namespace)
    print(f"cannot apply the value cluster to DkronCluster {namespace}/dkron: {trouble}" if trouble else "applied")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
