"""Go durations ("1m30s"), as far as the contract itself has fields of that kind."""

import re

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"
"""What the API server takes: unsigned, at least one number with its unit."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(text: str) -> float:
    """Return the seconds of a duration that matches DURATION_PATTERN."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
