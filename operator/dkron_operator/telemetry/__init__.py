"""Telemetry: metrics and spans of the operator's work."""
