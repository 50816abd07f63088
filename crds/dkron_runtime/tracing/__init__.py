"""Traces: what both programs make them with, and the only code that knows OpenTelemetry (docs/tracing.md)."""
