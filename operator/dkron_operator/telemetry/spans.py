"""The spans of a run and their relations (docs/adr/0021). Pure.

The ids of spans follow from the cause of the run, as the names of Jobs do. So a process that finds a Job after a crash
continues its trace, although only the Job refers to it.

    claim   of a run with several members, when its members were decided
    └ fire  from the moment at which the attempt was due until its Job exists
      └ run     of its pod; the Job's annotation names this span
        ├ record  from the moment at which its end was known until the API server had it
        └ fire    of the next attempt
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from dkron_crds.base import rfc3339
from dkron_crds.depends import dependent_group
from dkron_crds.job import Attempt, JobStatus, Trigger
from dkron_crds.traceparent import TraceContext
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.situation.cause import Cause
from dkron_operator.plan.situation.dependencies import GroupKey
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.changes import ParentRunsHandled
from dkron_runtime.tracing.spans import Attributes, Ids, SpanStart


def trace_of(uid: str, group: int) -> str:
    """The id of the trace of a run that was not requested within a trace of the client."""
    return _digest("trace", uid, group, size=16)


def claim_span(uid: str, group: int) -> str:
    """The id of the span in which the members of a run were decided."""
    return _digest("claim", uid, group, size=8)


def fire_span(uid: str, job: str) -> str:
    """The id of the span in which the Job of this name was created."""
    return _digest("fire", uid, job, size=8)


def run_span(uid: str, job: str) -> str:
    """The id of the span of what the Job of this name ran."""
    return _digest("run", uid, job, size=8)


def record_span(uid: str, job: str) -> str:
    """The id of the span in which the end of the Job of this name was recorded."""
    return _digest("record", uid, job, size=8)


def run_context(job: JobView, attempt: Attempt, trace: TraceContext) -> TraceContext:
    """The span of what this attempt runs, in this trace."""
    return TraceContext(trace.trace_id, run_span(job.uid, attempt.job), trace.flags)


def claiming(job: JobView, entry: Attempt, asked: TraceContext | None, now: datetime) -> SpanStart:
    """The span in which a run of several members is decided. `asked` is the span of its request."""
    trace_id = trace_of(job.uid, entry.group) if asked is None else asked.trace_id
    ids, at = Ids(trace_id, claim_span(job.uid, entry.group)), min(entry.slot, now)
    return SpanStart(f"claim {job.dkron_name}", at=at, ids=ids, parent=asked, attributes=_about(job, entry))


def firing(
    job: JobView,
    entry: Attempt,
    *,
    trace: TraceContext | None,
    asked: TraceContext | None,
    links: tuple[TraceContext, ...],
    now: datetime,
) -> SpanStart:
    """The span in which the Job of this attempt is created.

    `trace` is what is known of the trace of the run, `asked` the span in which the run was requested. If neither is
    known, the sampler decides by the id of the trace, and therefore the same way each time.
    """
    known = trace or asked
    trace_id = trace_of(job.uid, entry.group) if known is None else known.trace_id
    before = _before(job, entry)
    if before and known is None:
        links = (*links, TraceContext(trace_id, before))
    parent = TraceContext(trace_id, before, known.flags) if before and known is not None else asked
    due = entry.slot if entry.attempt == 1 else entry.started_at
    ids = Ids(trace_id, fire_span(job.uid, entry.job))
    name = f"fire {job.dkron_name}"
    return SpanStart(name, at=min(due, now), ids=ids, parent=parent, links=links, attributes=_of_job(job, entry))


def running(job: JobView, execution: Attempt, own: TraceContext | None) -> SpanStart:
    """The span of what an attempt ran. `own` is the span that its Job names; None if it names none."""
    ids = Ids(trace_of(job.uid, execution.group), run_span(job.uid, execution.job))
    parent = None
    if own is not None:
        ids = Ids(own.trace_id, own.span_id)
        parent = TraceContext(own.trace_id, fire_span(job.uid, execution.job), own.flags)
    exit_code = {} if execution.exit_code is None else {"process.exit.code": execution.exit_code}
    end: Attributes = {"dkron.execution.id": execution.id, "dkron.success": execution.success, **exit_code}
    told = {**_of_job(job, execution), **end}
    return SpanStart(f"run {job.dkron_name}", at=execution.started_at, ids=ids, parent=parent, attributes=told)


def recording(job: JobView, execution: Attempt, run: TraceContext, since: datetime) -> SpanStart:
    """The span in which the end of an attempt is recorded; `run` is the attempt's span."""
    ids = Ids(run.trace_id, record_span(job.uid, execution.job))
    return SpanStart(f"record {job.dkron_name}", at=since, ids=ids, parent=run, attributes=_of_job(job, execution))


def causes(create: CreateJob, status: JobStatus) -> frozenset[GroupKey]:
    """The runs of parents that caused this run, as far as they are known. After a crash that is only the last one."""
    entry = create.entry
    if entry.trigger is not Trigger.DEPENDENT or entry.attempt > 1:
        return frozenset()
    joined = (change.runs for change in (*create.before, *create.after) if isinstance(change, ParentRunsHandled))
    last = ((run.uid, run.group) for run in status.heard if dependent_group(run.uid, run.group, run.at) == entry.group)
    return frozenset[GroupKey]().union(*joined, last)


def newest_of(executions: Iterable[Attempt], group: int) -> Attempt | None:
    """The attempt of a run that ended last."""
    return max((e for e in executions if e.group == group), key=lambda e: (e.ended_at, e.attempt), default=None)


def _before(job: JobView, entry: Attempt) -> str:
    """The span in the same trace that caused this attempt; empty if there is none."""
    if entry.attempt > 1:
        cause = Cause(entry.trigger, entry.slot, entry.group, entry.attempt - 1, entry.member)
        return run_span(job.uid, cause.job_name(uid=job.uid, name=job.name))
    return claim_span(job.uid, entry.group) if entry.member else ""


def _about(job: JobView, attempt: Attempt) -> Attributes:
    return {
        "dkron.job.name": job.dkron_name,
        "dkron.trigger": str(attempt.trigger),
        "dkron.slot": rfc3339(attempt.slot),
        "dkron.group": str(attempt.group),
        "k8s.namespace.name": job.namespace,
    }


def _of_job(job: JobView, attempt: Attempt) -> Attributes:
    placement = {"dkron.member": attempt.member, "k8s.node.name": attempt.node_name}
    placed = {key: value for key, value in placement.items() if value}
    return {**_about(job, attempt), "dkron.attempt": attempt.attempt, "k8s.job.name": attempt.job, **placed}


def _digest(*parts: object, size: int) -> str:
    """A hex digest that is never all zeros, because that would not be a valid id."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()[:size]
    return digest.hex() if any(digest) else "1".zfill(2 * size)
