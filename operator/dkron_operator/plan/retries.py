"""How long to wait before the next attempt."""

from datetime import timedelta

from dkron_crds.job import RetryBackoff


def delay(backoff: RetryBackoff, attempt: int) -> timedelta:
    """The wait after failed attempt number `attempt` (1 is the first): `initial`, multiplied by `factor` each time, at
    most `max`."""
    seconds = backoff.initial_seconds
    for _ in range(attempt - 1):
        if seconds >= backoff.max_seconds:
            break
        seconds *= backoff.factor
    return timedelta(seconds=min(seconds, backoff.max_seconds))
