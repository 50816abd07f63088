"""Keeps a pod of the REST API answering, before it ends, until another pod is ready in its place.

Where no pod of the Service is ready, Kubernetes sends requests to those that are about to end, as long as they answer.
So no client notices a change of `api.mode`, which deletes the pods of the API before the pods of the operator have it
beside them."""

import json
import os
import socket
import ssl
import sys
import time
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SETTLE = 3.0
"""Seconds that nodes and gateways go on to send requests here after another pod was ready."""


def another_is_ready(server: str, namespace: str, service: str, account: Path) -> bool:
    """Whether the Service has a pod that is ready, which no pod is that is about to end."""
    token = (account / "token").read_text(encoding="utf-8").strip()
    slices = f"{server}/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    request = urllib.request.Request(
        f"{slices}?labelSelector=kubernetes.io%2Fservice-name%3D{service}", headers={"Authorization": f"Bearer {token}"}
    )
    trusted = ssl.create_default_context(cafile=account / "ca.crt") if server.startswith("https:") else None
    with urllib.request.urlopen(request, timeout=5, context=trusted) as answer:
        items = json.load(answer)["items"]
    endpoints = (endpoint for item in items if item.get("ports") for endpoint in item.get("endpoints") or ())
    return any(endpoint["conditions"].get("ready") for endpoint in endpoints)


def has_name(namespace: str, service: str) -> bool:
    """Whether the Service exists. It goes before the pods when the release is uninstalled."""
    try:
        socket.getaddrinfo(f"{service}.{namespace}.svc", None)
    except OSError:
        return False
    return True


def may_go(server: str, namespace: str, service: str, account: Path) -> bool:
    """Whether no client needs this pod any more. It stays if the answer is unknown."""
    try:
        return another_is_ready(server, namespace, service, account) or not has_name(namespace, service)
    except OSError:
        return not has_name(namespace, service)


def main(namespace: str, service: str, seconds: float, account: Path = ACCOUNT) -> None:
    """Wait for another pod, `seconds` at most."""
    until = time.monotonic() + seconds
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    while time.monotonic() + SETTLE < until and not may_go(server, namespace, service, account):
        time.sleep(0.5)
    time.sleep(SETTLE)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
