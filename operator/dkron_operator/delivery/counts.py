"""Counts of what was sent, in a registry of their own until the operator shows its metrics."""

from prometheus_client import CollectorRegistry, Counter

REGISTRY = CollectorRegistry()
MESSAGES = Counter(
    "dkron_messages",
    "Messages about executions, by receiver and by what became of them: delivered or failed.",
    ("receiver", "result"),
    registry=REGISTRY,
)


def count(receiver: str, *, delivered: bool) -> None:
    """One more."""
    MESSAGES.labels(receiver, "delivered" if delivered else "failed").inc()


def summary() -> dict[str, int]:
    """What was counted, for a log line."""
    return {
        f"{sample.labels['receiver']} {sample.labels['result']}": int(sample.value)
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
