"""Monitoring: what the operator reports about itself at its own port (docs/monitoring.md)."""
