"""Delivery of spans: a receiver that is away is one warning, and one line when it is back, instead of one a batch."""

import logging
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger(__name__)

CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that tell of each try, and of each span that finds the queue full."""


class _Last(logging.Handler):
    """Keeps the last thing that was said, for who asks why."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = " ".join(record.getMessage().split())


class Delivery(SpanExporter):
    """Hands on to another exporter, in the thread of the batches. `fails`: the last batch was not taken."""

    def __init__(self, exporter: SpanExporter, *, to: str) -> None:
        self.fails = False
        self._exporter = exporter
        self._to = to
        self._last = _Last()
        for name in CHATTY:
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.addHandler(self._last)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver a batch, or lose it."""
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self.fails:
            why = self._last.text or "no answer"
            log.warning("no traces reach %s: %s; spans are dropped until they do", self._to, why)
        elif self.fails and not failed:
            log.info("traces reach %s again", self._to)
        self.fails = failed
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is kept here."""
        return self._exporter.force_flush(timeout_millis)
