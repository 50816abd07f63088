"""How many examples hypothesis tries. By day they are the same each time, so that a change is judged by what it does,
and a part of them is enough. By night they are others each time, and all."""

import os

from hypothesis import HealthCheck, Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "steady")
"""`steady` by day, `fresh` by night."""
EACH = 100
"""Examples of a test that names no number."""


def examples(by_night: int = EACH) -> int:
    """Return how many to try, a fifth by day."""
    return by_night if PROFILE == "fresh" else max(by_night // 5, 10)


def shared() -> settings:
    """For tests of a database: examples share it, and empty it. To shrink one would take minutes of transactions."""
    return settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
