"""Resource attributes of this process for traces, as far as the pod's environment provides them. Pure.

https://opentelemetry.io/docs/specs/semconv/resource/k8s/
"""

from collections.abc import Mapping

OF_THE_POD = {
    "k8s.pod.name": "POD_NAME",
    "k8s.pod.uid": "POD_UID",
    "k8s.pod.ip": "POD_IP",
    "k8s.namespace.name": "POD_NAMESPACE",
    "k8s.node.name": "NODE_NAME",
}
"""The environment variable of each attribute, set through the downward API."""


def attributes(environ: Mapping[str, str], *, service: str, version: str, host: str) -> dict[str, str]:
    """Return the known attributes of this process. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME take precedence."""
    known = {name: environ.get(variable, "") for name, variable in OF_THE_POD.items()}
    return {
        "service.name": service,
        "service.version": version,
        "service.instance.id": environ.get("POD_NAME") or host,
        **{name: value for name, value in known.items() if value},
    }
