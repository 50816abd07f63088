"""Whether traces are wanted, by the standard variables."""

import pytest

from dkron_runtime.tracing.trace_config import Wish, read_wish, resource_attributes

ENDPOINT, PROTOCOL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
ANYWHERE = {ENDPOINT: "http://collector:4318"}
NO_ADDRESS = "is not an address; use http://host:4318 or https://…"
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://tempo/v1/traces"}


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="no variable says so"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, id="an empty address"),
        pytest.param({**ANYWHERE, "OTEL_SDK_DISABLED": "True"}, id="disabled"),
        pytest.param({**ANYWHERE, "OTEL_TRACES_EXPORTER": "none"}, id="no traces"),
        pytest.param({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x:4318"}, id="only metrics"),
    ],
)
def test_no_traces_are_wanted(environ: dict[str, str]) -> None:
    assert read_wish(environ) is None


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        pytest.param(ANYWHERE, "http://collector:4318", id="everything"),
        pytest.param(TRACES, "https://tempo/v1/traces", id="only traces"),
        pytest.param({**ANYWHERE, **TRACES}, "https://tempo/v1/traces", id="traces elsewhere"),
        pytest.param(
            {**ANYWHERE, "OTEL_TRACES_EXPORTER": "otlp", PROTOCOL: "http/protobuf"}, "http://collector:4318",
            id="what is the default anyway",
        ),
        pytest.param(
            {**ANYWHERE, PROTOCOL: "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "http://collector:4318", id="traces in another protocol than the rest",
        ),
    ],
)  # fmt: skip
def test_traces_are_wanted(environ: dict[str, str], endpoint: str) -> None:
    assert read_wish(environ) == Wish(endpoint)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        pytest.param(ENDPOINT, "collector:4317", NO_ADDRESS, id="no URL"),
        pytest.param("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[::1", NO_ADDRESS, id="a broken URL"),
        pytest.param("OTEL_TRACES_EXPORTER", "zipkin", "is not supported; use otlp or none", id="another exporter"),
        pytest.param(
            PROTOCOL, "grpc", "is not supported; use http/protobuf, whose port is 4318 with most receivers",
            id="another protocol",
        ),
    ],
)  # fmt: skip
def test_unusable_setting_is_reported_in_one_sentence(name: str, value: str, says: str) -> None:
    wish = read_wish({**ANYWHERE, name: value})
    assert wish is not None
    assert wish.problem == f"{name}: {value!r} {says}"


def test_pod_is_described_by_its_resource() -> None:
    environ = {"POD_NAME": "dkron-0", "POD_NAMESPACE": "dkron-system", "NODE_NAME": "", "POD_UID": "u"}
    assert resource_attributes(environ, service="dkron-api", version="1", host="h") == {
        "service.name": "dkron-api",
        "service.version": "1",
        "service.instance.id": "dkron-0",
        "k8s.pod.name": "dkron-0",
        "k8s.pod.uid": "u",
        "k8s.namespace.name": "dkron-system",
    }
    assert resource_attributes({}, service="s", version="1", host="h")["service.instance.id"] == "h"
