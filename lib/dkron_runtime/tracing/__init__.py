"""Tracing for both programs, and the only code that uses OpenTelemetry (docs/tracing.md)."""
