"""Delivery of spans. When a receiver is unreachable, this logs one warning, and one line when it is back, instead of
one per batch."""

import logging
import re
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger(__name__)

CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that report each retry, and each span dropped because the queue is full."""


_FOR_NOW = re.compile(r"Transient error (.*) encountered while exporting .*")


class _First(logging.Handler):
    """Keeps the first message, which is the cause. Later messages report only retries and their end."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or " ".join(record.getMessage().split())

    @property
    def cause(self) -> str:
        """The cause, without the exporter's remarks on retries."""
        return _FOR_NOW.sub(r"\1", self.text) or "no answer"


class Delivery(SpanExporter):
    """Wraps another exporter, in the batch thread. `fails` is True if the last batch was not accepted."""

    def __init__(self, exporter: SpanExporter, *, to: str) -> None:
        self.fails = False
        self._exporter = exporter
        self._to = to
        self._said = _First()
        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.addHandler(self._said)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch, or drop it."""
        self._said.text = ""
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self.fails:
            log.warning("no traces reach %s: %s; spans are dropped until they do", self._to, self._said.cause)
        elif self.fails and not failed:
            log.info("traces reach %s again", self._to)
        self.fails = failed
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the wrapped exporter; this one buffers nothing."""
        return self._exporter.force_flush(timeout_millis)
