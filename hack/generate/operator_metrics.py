"""Writes the table of the operator's metrics into docs/monitoring.md, from the registry that Prometheus reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.core import Metric

from dkron_kube.client import Call
from dkron_operator.archive.archiver import ArchiveState
from dkron_operator.monitoring.gauges import Gauges
from dkron_operator.monitoring.job_states import Sums
from dkron_operator.monitoring.job_summary import JobState, JobSummary
from dkron_operator.telemetry.metrics import Metrics
from generate.page import with_part

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
BEGIN = "<!-- metrics: make generate writes what is between these lines -->\n"
END = "<!-- /metrics -->\n"
OURS = "dkron_operator_"


def families() -> Iterator[Metric]:
    """Every family that the operator can show, with a series in each."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    line = JobSummary(
        "namespace", "job", JobState.SCHEDULED, failing=False, degraded=False, stale=now, next=now, last_success=now
    )
    sums = Sums(dict.fromkeys(JobState, 1), failing=0, degraded=0, stale=0, next=now, lines=[line])
    gauges = Gauges(
        version="", leader=True, active=0, jobs=sums, waiting=0, queues={"jobs": 0},
        calls={Call("get", "jobs", 200): 1}, seen={"jobs": 0.0}, lag=0.0, per_job=True,
        archive=ArchiveState(up=True, waiting_since=now, executions=0, size=0, oldest=now),
    )  # fmt: skip
    metrics = Metrics()
    metrics.count_delivery("receiver", delivered=True)
    metrics.delayed("namespace")
    yield from gauges.collect()
    yield from (family for family in metrics.registry.collect() if family.name.startswith(OURS))


def table() -> str:
    """A line for each family."""
    return "\n".join(["| metric | type | labels | |", "| --- | --- | --- | --- |", *sorted(map(_row, families()))])


def with_table(page: str) -> str:
    """The page with the table between its marks. Raises ValueError for a page without them."""
    return with_part(page, begin=BEGIN, end=END, part=table())


def _row(family: Metric) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {family.type} | {named} | {family.documentation} |"


def files() -> dict[Path, str]:
    """The page, and its content."""
    return {PAGE: with_table(PAGE.read_text(encoding="utf-8"))}
