"""Kubeconfigs. Written as JSON, which is YAML, so that nothing needs quoting and the standard library suffices."""

import base64
import json


def render(*, cluster: str, server: str, authority: bytes, token: str) -> str:
    """A kubeconfig with one cluster, one user and one context, with everything inside it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()},
            }
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "admin"}}],
    }
    return json.dumps(content, indent=2) + "\n"
