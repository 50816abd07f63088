"""The panels: what somebody asks who looks at a scheduler, from "does it run" to "what does it cost"."""

from collections.abc import Iterable

from dashboard.model import Number, Panel, Query, Row

QUANTILES = ("0.5", "0.9", "0.99")
MISSED = 'dkron_operator_slots_total{SERIES, result="missed"}'
"""A count of a new process has risen from nothing: it finds what was missed while none ran before its first scrape."""


def known(metric: str, *labels: str) -> str:
    """A gauge about jobs, by namespace and labels. Each replica knows all jobs, also one that waits for the Lease: a
    plain sum would count each job once for each replica."""
    return f"max by ({', '.join(('namespace', *labels))}) ({metric}{{SERIES}})"


def rate(metric: str, *labels: str, matching: str = "") -> str:
    """Events per second of a counter, by labels."""
    return f"sum by ({', '.join(labels)}) (rate({metric}{{SERIES{matching}}}[$__rate_interval]))"


def each(metric: str, *labels: str, matching: str = "") -> tuple[Query]:
    """Events per second by labels, which are also the legend."""
    return (Query(rate(metric, *labels, matching=matching), " ".join(f"{{{{{label}}}}}" for label in labels)),)


def quantile(number: str, histogram: str, *labels: str, matching: str = "") -> str:
    """A quantile of a histogram, by labels."""
    return f"histogram_quantile({number}, {rate(f'{histogram}_bucket', 'le', *labels, matching=matching)})"


def quantiles(
    histogram: str, *labels: str, numbers: Iterable[str] = QUANTILES, matching: str = ""
) -> tuple[Query, ...]:
    """Several quantiles of a histogram, by labels."""
    legend = "".join(f" {{{{{label}}}}}" for label in labels)
    return tuple(
        Query(quantile(number, histogram, *labels, matching=matching), f"p{float(number) * 100:g}{legend}")
        for number in numbers
    )


NOW = Row(
    "Now",
    (
        Number(
            "Leaders",
            "Replicas of the operator that hold the Lease; should be one.",
            Query("sum(dkron_operator_leader{SERIES})"),
            none_is_bad=True,
        ),
        Number(
            "Version",
            "Version of the running operator.",
            Query("count by (version) (dkron_operator_build_info{SERIES})", "{{version}}"),
            text=True,
        ),
        Number("Jobs", "DkronJobs in any state.", Query(f"sum({known('dkron_operator_jobs', 'state')})")),
        Number(
            "Failing jobs",
            "Jobs whose newest run failed.",
            Query(f"sum({known('dkron_operator_jobs_failing')})"),
            bad=1,
        ),
        Number(
            "Stale jobs",
            "Enabled jobs without a success for two intervals of their schedule.",
            Query(f"sum({known('dkron_operator_jobs_stale')})"),
            bad=1,
        ),
        Number(
            "Missed slots",
            "Due slots in the selected time range that no operator could fire in time.",
            Query(f"sum(({MISSED} unless {MISSED} offset $__range) or increase({MISSED}[$__range])) or vector(0)"),
            bad=1,
        ),
        Number(
            "Active executions",
            "Attempts that run or are claimed.",
            Query(f"sum({known('dkron_operator_active_executions')})"),
        ),
        Number(
            "Next slot",
            "When the next job is due.",
            Query("min(dkron_operator_next_slot_timestamp_seconds{SERIES} > 0) * 1000"),
            unit="dateTimeFromNow",
        ),
    ),
)

SCHEDULE = Row(
    "Schedule",
    (
        Panel("Lateness", "From a slot to its Job.", quantiles("dkron_operator_schedule_lateness_seconds"), unit="s"),
        Panel(
            "Slots by result",
            "Results of due slots.",
            each("dkron_operator_slots_total", "result", "reason"),
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Jobs by state",
            "Scheduled, dependent on others, suspended, or invalid.",
            (Query(f"sum by (state) ({known('dkron_operator_jobs', 'state')})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Budgets of namespaces",
            "Creates that waited, in a second; Jobs set aside, in a second; jobs that wait.",
            (
                Query(f"{rate('dkron_operator_creates_delayed_total')} or vector(0)", "delayed"),
                Query(f"{rate('dkron_operator_jobs_set_aside_total')} or vector(0)", "set aside"),
                Query(f"sum({known('dkron_operator_jobs_waiting_for_budget')})", "waiting"),
            ),
        ),
    ),
)

EXECUTIONS = Row(
    "Executions",
    (
        Panel(
            "Executions by result",
            "Attempts that have ended.",
            each("dkron_operator_executions_total", "result"),
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Failures by reason",
            "Error: the container's exit code. docs/reference/dkronjob.md explains the others.",
            each("dkron_operator_executions_total", "reason", matching=', result="failed"'),
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Executions by trigger",
            "The trigger of ended attempts.",
            each("dkron_operator_executions_total", "trigger"),
            unit="ops",
            stacked=True,
        ),
        Panel(
            "Durations",
            "Of attempts that have ended, by result.",
            quantiles("dkron_operator_execution_duration_seconds", "result", numbers=("0.5", "0.99")),
            unit="s",
        ),
        Panel(
            "Active executions",
            "Attempts that run or are claimed.",
            (Query(f"sum({known('dkron_operator_active_executions')})", "active"),),
        ),
        Panel(
            "Failing, degraded, stale and paused jobs",
            "Jobs whose newest run failed; degraded; without a success for two intervals; held by a pause.",
            (
                Query(f"sum({known('dkron_operator_jobs_failing')})", "failing"),
                Query(f"sum({known('dkron_operator_jobs_degraded')})", "degraded"),
                Query(f"sum({known('dkron_operator_jobs_stale')})", "stale"),
                Query(f"sum({known('dkron_operator_jobs_paused')})", "paused"),
            ),
        ),
    ),
)

SINGLE_JOBS = Row(
    "Single jobs (with --metrics-per-job)",
    (
        Panel(
            "Failing",
            "Jobs whose newest run failed.",
            (
                Query(
                    "max by (exported_namespace, exported_job) (dkron_operator_job_failing{SERIES}) == 1",
                    "{{exported_namespace}}/{{exported_job}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Time since the last success",
            "The twenty jobs with the oldest success.",
            (
                Query(
                    "topk(20, time() - max by (exported_namespace, exported_job) "
                    "(dkron_operator_job_last_success_timestamp_seconds{SERIES}))",
                    "{{exported_namespace}}/{{exported_job}}",
                ),
            ),
            unit="s",
            width=12,
        ),
    ),
)

OPERATOR = Row(
    "Operator",
    (
        Panel(
            "Leader",
            "Which replica holds the Lease: 1 for the leader, 0 for the others.",
            (Query("max by (instance) (dkron_operator_leader{SERIES})", "{{instance}}"),),
        ),
        Panel(
            "Queues",
            "Items that wait in each queue.",
            (Query("sum by (queue) (dkron_operator_queue_depth{SERIES})", "{{queue}}"),),
        ),
        Panel(
            "Event loop",
            "Delay of the event loop.",
            (Query("max by (instance) (dkron_operator_event_loop_lag_seconds{SERIES})", "{{instance}}"),),
            unit="s",
        ),
        Panel(
            "Watches",
            "Time since the API server last responded.",
            (
                Query(
                    "time() - max by (instance, resource) (dkron_operator_watch_last_event_timestamp_seconds{SERIES})",
                    "{{resource}} {{instance}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Requests to Kubernetes",
            "By verb and response code; code 0 means no response.",
            each("dkron_operator_kube_requests_total", "verb", "code"),
            unit="reqps",
        ),
        Panel(
            "Time of requests to Kubernetes",
            "99th percentile.",
            (Query(quantile("0.99", "dkron_operator_kube_request_duration_seconds", "verb"), "{{verb}}"),),
            unit="s",
        ),
        Panel(
            "Size of statuses",
            "Size at each write.",
            quantiles("dkron_operator_status_bytes", numbers=("0.5", "0.99")),
            unit="bytes",
        ),
        Panel(
            "Histories cut",
            "Executions removed before spec.history requires it, because the status would be too large.",
            (Query("sum(rate(dkron_operator_history_truncated_total{SERIES}[$__rate_interval]))", "executions"),),
            unit="ops",
        ),
        Panel(
            "Messages",
            "To the receivers of processors and notifications.",
            each("dkron_operator_messages_total", "receiver", "result"),
            unit="ops",
        ),
    ),
)

NOT_PROBES = ', route!~"/health|/metrics"'

API = Row(
    "REST API",
    (
        Panel(
            "Requests",
            "By status code, without probes.",
            each("dkron_api_requests_total", "code", matching=NOT_PROBES),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            "Time to answer",
            "Without probes and responses that stay open.",
            quantiles("dkron_api_request_duration_seconds", matching=', route!~"/health|/metrics|/v1/events"'),
            unit="s",
        ),
        Panel(
            "Slowest routes",
            "99th percentile.",
            (Query(f"topk(10, {quantile('0.99', 'dkron_api_request_duration_seconds', 'route')})", "{{route}}"),),
            unit="s",
        ),
        Panel(
            "Requests at once",
            "Requests in progress, and responses that stay open.",
            (
                Query("sum(dkron_api_requests_in_flight{SERIES})", "being answered"),
                Query("sum(dkron_api_open_answers{SERIES})", "open"),
                Query("sum(dkron_api_sse_clients{SERIES})", "of these: events"),
            ),
        ),
        Panel(
            "Cache",
            "Time since the API server last responded.",
            (Query("max by (kind) (dkron_api_cache_age_seconds{SERIES})", "{{kind}}"),),
            unit="s",
        ),
        Panel(
            "Requests of the API to Kubernetes",
            "By verb and response code; code 0 means no response.",
            each("dkron_api_kube_calls_total", "verb", "code"),
            unit="reqps",
        ),
    ),
)

RESOURCES = Row(
    "Resources",
    (
        Panel("CPU", "Cores in use.", each("process_cpu_seconds_total", "job", "instance")),
        Panel(
            "Memory",
            "Resident.",
            (Query("sum by (job, instance) (process_resident_memory_bytes{SERIES})", "{{job}} {{instance}}"),),
            unit="bytes",
        ),
        Panel(
            "File descriptors",
            "Share of the limit.",
            (
                Query(
                    "max by (job, instance) (process_open_fds{SERIES} / process_max_fds{SERIES})",
                    "{{job}} {{instance}}",
                ),
            ),
            unit="percentunit",
        ),
    ),
)

ROWS = (NOW, SCHEDULE, EXECUTIONS, SINGLE_JOBS, OPERATOR, API, RESOURCES)
