"""Prometheus metrics: requests are counted as they are answered, everything else is collected on scrape.

Label values are limited to routes and kinds. The only series per job are the two that Dkron has (Dkron behaviour
§8.5).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dkron_api.cache.object_cache import ObjectCache
from dkron_api.translate.record import Job
from dkron_kube.client import Call

VERSION = version("dkron-operator")


disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

REQUESTS = Counter("dkron_api_requests", "Requests answered.", ("method", "route", "code"), registry=REGISTRY)
SECONDS = Histogram(
    "dkron_api_request_duration_seconds",
    "Time from the headers of a request to the end of its response. Streams stay open for long.",
    ("method", "route"),
    registry=REGISTRY,
    buckets=BUCKETS,
)

CERTIFICATE_END = Gauge(
    "dkron_api_tls_not_after_timestamp_seconds",
    "When the certificate in use ends, in seconds since 1970; only with --tls-cert.",
    ("file",),
    registry=REGISTRY,
)

Info("dkron_api_build", "Version of dkron-api.", registry=REGISTRY).info({"version": VERSION})
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_children: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Record an answered request. `route` is the template, so that job names do not become time series."""
    children = _children.get((method, route, status))
    if children is None:
        known = method if method in METHODS else "other"
        children = REQUESTS.labels(known, route, str(status)).inc, SECONDS.labels(known, route).observe
        if known == method:
            _children[method, route, status] = children
    count, time = children
    count()
    time(seconds)


@dataclass(frozen=True, slots=True)
class Cache:
    """One kind in the cache: number of objects, and seconds since the API server last responded."""

    kind: str
    objects: int
    age: float


class JobCount(NamedTuple):
    """The executions of a job. `namespace` is empty for jobs of the own namespace."""

    name: str
    namespace: str
    successes: int
    failures: int


@dataclass(frozen=True, slots=True)
class ProcessState(Collector):
    """The state at one moment. `jobs` holds the jobs of all namespaces; `in_flight` counts requests being answered,
    `open_answers` responses that stay open, `listeners` those among them that follow the events."""

    jobs: Sequence[JobCount]
    caches: Sequence[Cache]
    calls: Mapping[Call, int]
    in_flight: int
    open_answers: int
    listeners: int

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield from _job_counters(self.jobs)
        yield from _cache_gauges(self.caches)
        yield _call_counter(self.calls)
        yield GaugeMetricFamily("dkron_api_requests_in_flight", "Requests in progress.", self.in_flight)
        what = "Responses that stay open: events, logs, and runs with ?wait=true."
        yield GaugeMetricFamily("dkron_api_open_answers", what, self.open_answers)
        yield GaugeMetricFamily("dkron_api_sse_clients", "Clients that follow GET /v1/events.", self.listeners)


def page(state: ProcessState) -> bytes:
    """Return the text for Prometheus. Ten thousand jobs take a tenth of a second, so call it in a thread."""
    return generate_latest(state) + generate_latest(REGISTRY)


def counts(jobs: Iterable[Job], namespace: str = "") -> list[JobCount]:
    """Return the executions of each job, from its status."""
    return [JobCount(job.name, namespace, _count(job, "successCount"), _count(job, "errorCount")) for job in jobs]


def cache_of(*caches: ObjectCache[Any]) -> Cache:
    """Return the state of object caches of one kind as one: all objects, and the age of the oldest."""
    return Cache(caches[0].kind, sum(map(len, caches)), max(each.age() for each in caches))


def _count(job: Job, field: str) -> int:
    return int(job.raw_status.get(field) or 0)


def _job_counters(jobs: Sequence[JobCount]) -> Iterator[Metric]:
    # A label that is empty is the same to Prometheus as none.
    far = any(job.namespace for job in jobs)
    label = ["job_name", "namespace"] if far else ["job_name"]
    good = CounterMetricFamily(
        "dkron_job_executions_succeeded", "Executions that succeeded; reset when they are cleared.", labels=label
    )
    bad = CounterMetricFamily(
        "dkron_job_executions_failed", "Executions that failed; reset when they are cleared.", labels=label
    )
    for job in jobs:
        values = [job.name, job.namespace] if far else [job.name]
        good.add_metric(values, job.successes)
        bad.add_metric(values, job.failures)
    yield good
    yield bad


def _cache_gauges(caches: Sequence[Cache]) -> Iterator[Metric]:
    objects = GaugeMetricFamily("dkron_api_cache_objects", "Objects in the cache.", labels=["kind"])
    age = GaugeMetricFamily("dkron_api_cache_age_seconds", "Time since the API server last responded.", labels=["kind"])
    for cache in caches:
        objects.add_metric([cache.kind], cache.objects)
        age.add_metric([cache.kind], cache.age)
    yield objects
    yield age


def _call_counter(calls: Mapping[Call, int]) -> Metric:
    family = CounterMetricFamily(
        "dkron_api_kube_calls",
        "Calls to the API server; code 0 means no response.",
        labels=["verb", "resource", "code"],
    )
    for call, number in calls.items():
        family.add_metric([call.verb, call.resource, str(call.status)], number)
    return family
