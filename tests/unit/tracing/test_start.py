"""Traces cost nothing where they are off, and break nothing where they cannot be had."""

import logging
import os
import subprocess
import sys

import pytest

from dkron_runtime.tracing import start

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
COUNT = """
import sys, dkron_operator.main, dkron_api.main
from dkron_runtime.tracing import start
with start.tracing("dkron-operator") as tracer:
    assert tracer is None
print(*(name for name in sys.modules if name.startswith("opentelemetry")))
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def test_off_nothing_of_opentelemetry_is_imported() -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    found = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, env=environ)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize(
    ("value", "lacks", "says"),
    [
        pytest.param(
            "collector", "", "no traces: OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' is not an address", id="wrong"
        ),
        pytest.param(
            "http://collector:4318",
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            "no traces: opentelemetry.exporter.otlp.proto.http.trace_exporter cannot be imported; "
            "install dkron-operator[otel]",
            id="without the extra",
        ),
    ],
)
def test_without_traces_there_is_one_warning(
    *, value: str, lacks: str, says: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINT, value)
    monkeypatch.delitem(sys.modules, "dkron_runtime.tracing.sdk", raising=False)
    if lacks:
        monkeypatch.setitem(sys.modules, lacks, None)
    with caplog.at_level(logging.DEBUG), start.tracing("dkron-operator") as tracer:
        assert tracer is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(says)
