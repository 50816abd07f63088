"""Counters and histograms of the operator's work, in a registry of their own.

Only what has been written is counted: see `plan/status/facts.py` and docs/adr/0020. Values that can be computed at
scrape time are in `monitoring` instead.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from dkron_crds.job import Attempt, SkipReason, Trigger
from dkron_kube.client import Call
from dkron_operator.plan.status.facts import Countable, Recorded, SlotResult

disable_created_metrics()  # type: ignore[no-untyped-call]

LATENESS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
DURATIONS = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0, 86400.0)
ANSWERS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0, 65536.0, 131072.0)
VERBS = ("get", "list", "watch", "create", "patch", "delete")
MOST_REASONS = 50
"""Kubelets have some twenty reasons for a failure. Beyond this many distinct ones, a reason counts as `Other`."""
MOST_NAMESPACES = 100
"""Beyond this many namespaces that have used their budgets, one counts as `Other`."""
OTHER = "Other"
REASONS = {
    SlotResult.FIRED: ("",),
    SlotResult.SKIPPED: (SkipReason.CONCURRENCY_FORBIDDEN, SkipReason.NO_MATCHING_NODE, SkipReason.TOO_MANY_ACTIVE),
    SlotResult.MISSED: (SkipReason.MISSED, SkipReason.DEADLINE_EXCEEDED),
}


class Metrics:
    """Counters and histograms of one process. They start at zero with it, as Prometheus expects."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._slots = self._counter(
            "slots",
            "Scheduled slots by result: fired, skipped by the job's own rules, or missed because no operator could "
            "fire in time.",
            "result",
            "reason",
        )
        self._executions = self._counter(
            "executions", "Attempts that have ended, as recorded in a status.", "result", "trigger", "reason"
        )
        self._messages = self._counter(
            "messages", "Messages about executions, by receiver and result: delivered or failed.", "receiver", "result"
        )
        self._truncated = self._counter(
            "history_truncated",
            "Executions removed from a status earlier than spec.history says, because it would have grown too big.",
        )
        self._delayed = self._counter(
            "creates_delayed",
            "Jobs and requests that waited because their namespace had used its budget (--namespace-creates), by "
            "namespace.",
            "namespace",
        )
        self._set_aside = self._counter(
            "jobs_set_aside",
            "Jobs that were seen beyond those that the operator follows of one DkronJob, and that it ignores.",
        )
        self._lateness = self._histogram(
            "schedule_lateness_seconds",
            "Time from a slot to the creation of its Job, or to the beginning of its call. First attempts only.",
            LATENESS,
        )
        self._durations = self._histogram(
            "execution_duration_seconds", "Time from the start of an attempt to its end.", DURATIONS, "result"
        )
        self._answers = self._histogram(
            "kube_request_duration_seconds",
            "Time until the API server answered; for logs and watches, until the answer began.",
            ANSWERS,
            "verb",
        )
        self._sizes = self._histogram(
            "status_bytes",
            "Size of each written status of a DkronJob, as JSON, without the lists that have their own bounds.",
            SIZES,
        )
        self._archived = self._counter("archive_records", "Records that the archive has taken, by kind.", "kind")
        self._archive_failures = self._counter(
            "archive_errors", "Writes that failed because the archive is away, locked or full; each is tried again."
        )
        self._archive_lost = self._counter(
            "archive_lost", "Records that left a status, or were dropped, before the archive had them."
        )
        self._archive_evicted = self._counter(
            "archive_evicted",
            "Executions deleted from the archive because their namespace had the most bytes, by namespace.",
            "namespace",
        )
        self._reasons, self._late_namespaces, self._large_namespaces = set[str](), set[str](), set[str]()
        self._lay_out()

    def wrote(self, facts: Iterable[Countable]) -> None:
        """The API server has accepted a write that makes these facts true."""
        for fact in facts:
            if isinstance(fact, Recorded):
                self._ended(fact.execution)
            else:
                self._slots.labels(fact.result, fact.reason).inc(fact.count)

    def began(self, active: Attempt, now: datetime) -> None:
        """The Job of an attempt was created, or its inline call has begun."""
        if active.trigger is Trigger.SCHEDULE and active.attempt == 1:
            # Time in line is no lateness.
            self._lateness.observe(max(((active.queued_at or now) - active.slot).total_seconds(), 0.0))

    def sized(self, size: int, truncated: int) -> None:
        """A status of `size` bytes was written, and `truncated` executions were dropped for it."""
        self._sizes.observe(size)
        if truncated:
            self._truncated.inc(truncated)

    def answered(self, call: Call, seconds: float) -> None:
        """The API server has answered, or has failed to within `seconds`."""
        observe = self._by_verb.get(call.verb)
        if observe is not None:
            observe(seconds)

    def count_delivery(self, receiver: str, *, delivered: bool) -> None:
        """A message was delivered, or given up."""
        self._messages.labels(receiver, "delivered" if delivered else "failed").inc()

    def delayed(self, namespace: str) -> None:
        """A create or a request waits for the budget of its namespace."""
        self._delayed.labels(_bounded(self._late_namespaces, namespace, MOST_NAMESPACES)).inc()

    def set_aside(self) -> None:
        """A Job is one more than the operator follows of its DkronJob."""
        self._set_aside.inc()

    def archived(self, kind: str, number: int) -> None:
        """The archive has taken so many records."""
        self._archived.labels(kind).inc(number)

    def archive_failed(self) -> None:
        """The archive is away."""
        self._archive_failures.inc()

    def archive_lost(self, number: int) -> None:
        """So many records will never reach the archive."""
        self._archive_lost.inc(number)

    def archive_evicted(self, namespace: str, number: int) -> None:
        """The archive has no room for so many executions of a namespace."""
        self._archive_evicted.labels(_bounded(self._large_namespaces, namespace, MOST_NAMESPACES)).inc(number)

    def messages(self) -> dict[str, int]:
        """The messages by receiver and result, for a log line."""
        return {
            f"{sample.labels['receiver']} {sample.labels['result']}": int(sample.value)
            for metric in self._messages.collect()
            for sample in metric.samples
        }

    def _ended(self, execution: Attempt) -> None:
        result = "success" if execution.success else "failed"
        # Other components choose the reasons, so without a limit every execution could create a series.
        reason = "" if execution.success else _bounded(self._reasons, execution.reason, MOST_REASONS)
        self._executions.labels(result, execution.trigger, reason).inc()
        self._durations.labels(result).observe((execution.ended_at - execution.started_at).total_seconds())

    def _lay_out(self) -> None:
        """Create these series at the start: a series that first appears with value 1 has no rate."""
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        for slot_result, reasons in REASONS.items():
            for reason in reasons:
                self._slots.labels(slot_result, reason)
        for trigger in Trigger:
            self._executions.labels("success", trigger, "")
            self._executions.labels("failed", trigger, "Error")
        for kind in ("executions", "slots"):
            self._archived.labels(kind)
        for result in ("success", "failed"):
            self._durations.labels(result)
        self._by_verb: dict[str, Callable[[float], None]] = {verb: self._answers.labels(verb).observe for verb in VERBS}

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"dkron_operator_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"dkron_operator_{name}", what, labels, buckets=buckets, registry=self.registry)


def _bounded(known: set[str], label: str, most: int) -> str:
    """The label; `Other` if it would be one more than `most`."""
    if label not in known and len(known) >= most:
        return OTHER
    known.add(label)
    return label
