"""Reads the tracing configuration and the resource attributes of this process from environment variables. Pure.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
https://opentelemetry.io/docs/specs/semconv/resource/k8s/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

ENDPOINT, TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PROTOCOL, TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
DISABLED, EXPORTER = "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"
SPOKEN = "http/protobuf"
OF_THE_POD = {
    "k8s.pod.name": "POD_NAME",
    "k8s.pod.uid": "POD_UID",
    "k8s.pod.ip": "POD_IP",
    "k8s.namespace.name": "POD_NAMESPACE",
    "k8s.node.name": "NODE_NAME",
}
"""The environment variable of each attribute, set through the downward API."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The requested endpoint; `problem` is a sentence that says why traces cannot be sent there."""

    endpoint: str
    problem: str = ""


def read_wish(environ: Mapping[str, str]) -> Wish | None:
    """Return the requested configuration; None if it asks for no traces."""
    variable = TRACES_ENDPOINT if _word(environ, TRACES_ENDPOINT) else ENDPOINT
    endpoint = _word(environ, variable)
    exporters = _word(environ, EXPORTER).lower() or "otlp"
    if not endpoint or _word(environ, DISABLED).lower() == "true" or exporters == "none":
        return None
    return Wish(endpoint, _problem(environ, variable, endpoint, exporters))


def resource_attributes(environ: Mapping[str, str], *, service: str, version: str, host: str) -> dict[str, str]:
    """Return the known attributes of this process. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME take precedence."""
    known = {name: environ.get(variable, "") for name, variable in OF_THE_POD.items()}
    return {
        "service.name": service,
        "service.version": version,
        "service.instance.id": environ.get("POD_NAME") or host,
        **{name: value for name, value in known.items() if value},
    }


def _problem(environ: Mapping[str, str], variable: str, endpoint: str, exporters: str) -> str:
    protocol = _word(environ, TRACES_PROTOCOL) or _word(environ, PROTOCOL) or SPOKEN
    if not _is_url(endpoint):
        return f"{variable}: {endpoint!r} is not an address; use http://host:4318 or https://…"
    if exporters != "otlp":
        return f"{EXPORTER}: {exporters!r} is not supported; use otlp or none"
    if protocol.lower() != SPOKEN:
        return f"{PROTOCOL}: {protocol!r} is not supported; use {SPOKEN}, whose port is 4318 with most receivers"
    return ""


def _is_url(text: str) -> bool:
    try:
        address = urlsplit(text)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def _word(environ: Mapping[str, str], variable: str) -> str:
    return environ.get(variable, "").strip()
