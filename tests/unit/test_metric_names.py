"""Alerts and the dashboard ask for metrics, and labels of metrics, that the programs have."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import yaml
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from dkron_api.metrics import REGISTRY, Cache, JobCount, ProcessState
from dkron_kube.client import Call
from dkron_operator.archive.archiver import ArchiveState
from dkron_operator.monitoring.gauges import Gauges
from dkron_operator.monitoring.job_states import Sums
from dkron_operator.monitoring.job_summary import JobState, JobSummary
from dkron_operator.telemetry.metrics import Metrics

FILES = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files"
METRIC = re.compile(r"\b(?:dkron|process)_[a-z0-9_]+")
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = JobSummary(
    "team", "report", JobState.SCHEDULED, failing=True, degraded=True, stale=NOW, next=NOW, last_success=NOW
)
CALL = Call("get", "jobs", 200)
GAUGES = Gauges(
    version="0.1.0",
    leader=True,
    active=1,
    jobs=Sums(states=dict.fromkeys(JobState, 1), failing=1, degraded=1, stale=1, next=NOW, lines=[JOB]),
    waiting=1,
    queues={"events": 1},
    calls={CALL: 1},
    seen={"dkronjobs": 1.0},
    lag=0.1,
    per_job=True,
    archive=ArchiveState(up=True, waiting_since=NOW, executions=0, size=0, oldest=NOW),
)
STANDING = ProcessState([JobCount("report", "", 1, 1)], [Cache("jobs", 1, 1.0)], {CALL: 1}, 1, 1, 1)


def names(families: Iterable[Metric]) -> set[str]:
    """As they stand in a query."""
    return {family.name + part for family in families for part in PARTS.get(family.type, ("",))}


def of(collector: Collector) -> set[str]:
    return names(collector.collect())


OPERATOR = of(GAUGES) | of(Metrics().registry)
API = of(STANDING) | of(REGISTRY)


def asked_by_alerts() -> set[str]:
    groups = yaml.safe_load((FILES / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {name for group in groups for rule in group["rules"] for name in METRIC.findall(rule["expr"])}


def asked_by_the_dashboard() -> set[str]:
    panels = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    targets = [target for panel in panels for target in panel.get("targets", ())]
    return {name for target in targets for name in METRIC.findall(target["expr"])}


def test_alerts_and_dashboard_query_existing_metrics() -> None:
    assert (asked_by_alerts() | asked_by_the_dashboard()) - OPERATOR - API == set()
    resources = {name for name in asked_by_the_dashboard() if name.startswith("process_")}
    assert resources - OPERATOR == set()
    assert resources - API == set()


def test_dashboard_shows_every_operator_metric() -> None:
    histograms = {name.removesuffix("_bucket") for name in OPERATOR if name.endswith("_bucket")}
    told = {name for name in OPERATOR if not name.startswith(("process_", "python_"))}
    told -= {f"{name}{part}" for name in histograms for part in ("_sum", "_count")}
    assert told - asked_by_the_dashboard() == set()
