"""Metrics that are computed at scrape time, rather than counted as things happen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dkron_kube.client import Call
from dkron_operator.archive.archiver import ArchiveState
from dkron_operator.monitoring.job_states import Sums
from dkron_operator.monitoring.job_summary import JobSummary

MOST_JOBS = 5000
"""With more jobs than this there are no series for single jobs: two for each would dominate what Prometheus stores."""


@dataclass(frozen=True, slots=True)
class Gauges(Collector):
    """The state at one moment."""

    version: str
    leader: bool
    active: int
    """Attempts that run or are claimed."""

    jobs: Sums
    waiting: int
    """DkronJobs that wait because their namespaces have used their budgets of new Jobs."""

    queues: Mapping[str, int]
    """Keys in each work queue, by its name."""

    calls: Mapping[Call, int]
    seen: Mapping[str, float]
    """When each watch was last heard from, in seconds since the epoch."""

    lag: float
    """The longest delay of the event loop in the last minute, in seconds."""

    per_job: bool
    """Export series for each job, if there are not too many."""

    archive: ArchiveState | None = None
    now: float = 0.0
    """Seconds since the epoch."""

    def collect(self) -> Iterator[Metric]:
        """The metric families."""
        yield _labelled("build_info", "Version of the operator; always 1.", "version", [(self.version, 1)])
        yield _single("leader", "1 if this replica holds the Lease, else 0.", self.leader)
        yield _single("active_executions", "Attempts that run or are claimed to begin.", self.active)
        yield from self._of_jobs()
        yield from self._of_the_process()
        if self.archive is not None:
            yield from self._of_the_archive(self.archive)
        if self.per_job and len(self.jobs.lines) <= MOST_JOBS:
            yield from _each(self.jobs.lines)

    def _of_jobs(self) -> Iterator[Metric]:
        yield _labelled(
            "jobs",
            "DkronJobs by state: scheduled or dependent (run after other jobs) if they run, else suspended or invalid.",
            "state",
            self.jobs.states.items(),
        )
        yield _single("jobs_failing", "DkronJobs whose newest run failed, as a whole or in part.", self.jobs.failing)
        yield _single(
            "jobs_degraded", "DkronJobs that need attention: their condition Degraded is True.", self.jobs.degraded
        )
        yield _single(
            "jobs_stale",
            "DkronJobs without a success for two intervals and the start deadline of the schedule that they follow, "
            "their own or the one of the jobs that they run after.",
            self.jobs.stale,
        )
        yield _single("jobs_paused", "DkronJobs that a DkronPause holds.", self.jobs.paused)
        yield _single(
            "jobs_waiting_for_budget",
            "DkronJobs whose next Job waits because their namespace has used its budget (--namespace-creates).",
            self.waiting,
        )
        yield _single(
            "next_slot_timestamp_seconds",
            "The earliest next slot of all jobs; absent if no job has one.",
            None if self.jobs.next is None else self.jobs.next.timestamp(),
        )

    def _of_the_archive(self, archive: ArchiveState) -> Iterator[Metric]:
        yield _single("archive_up", "1 if the archive took the last write, else 0.", archive.up)
        since = archive.waiting_since
        yield _single(
            "archive_lag_seconds",
            "How long ago the oldest execution ended that the archive lacks, since the start at most; 0 if it has all.",
            0.0 if since is None else max(0.0, self.now - since.timestamp()),
        )
        yield _single("archive_executions", "Executions in the archive.", archive.executions)
        yield _single("archive_size_bytes", "Size of the archive.", archive.size)
        yield _single(
            "archive_oldest_timestamp_seconds",
            "When the oldest execution in the archive ended; absent if it is empty.",
            None if archive.oldest is None else archive.oldest.timestamp(),
        )

    def _of_the_process(self) -> Iterator[Metric]:
        what = "Keys in a work queue: ready, delayed or being processed."
        yield _labelled("queue_depth", what, "queue", self.queues.items())
        yield _calls(self.calls)
        yield _labelled(
            "watch_last_event_timestamp_seconds",
            "When a watch last received an event or an answer that continues it; normally at least once a minute.",
            "resource",
            self.seen.items(),
        )
        yield _single(
            "event_loop_lag_seconds",
            "The longest time that work waited for the event loop in the last minute.",
            self.lag,
        )


def _each(lines: Sequence[JobSummary]) -> Iterator[Metric]:
    success = _family(
        "job_last_success_timestamp_seconds",
        "When the newest successful execution of a job ended; absent before the first.",
        "namespace",
        "job",
    )
    failing = _family("job_failing", "1 if the newest run of a job failed, else 0.", "namespace", "job")
    for line in lines:
        labels = [line.namespace, line.name]
        if line.last_success is not None:
            success.add_metric(labels, line.last_success.timestamp())
        failing.add_metric(labels, line.failing)
    yield success
    yield failing


def _calls(calls: Mapping[Call, int]) -> Metric:
    family = CounterMetricFamily(
        "dkron_operator_kube_requests",
        "Requests to the API server, except the watches of jobs; code 0 means no answer.",
        labels=["verb", "resource", "code"],
    )
    for call, number in calls.items():
        family.add_metric([call.verb, call.resource, str(call.status)], number)
    return family


def _family(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dkron_operator_{name}", what, labels=labels)


def _labelled(name: str, what: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = _family(name, what, label)
    for key, value in values:
        family.add_metric([key], value)
    return family


def _single(name: str, what: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dkron_operator_{name}", what, value)
