"""Traces at the operator's edges: spans are told once, and only of what has happened."""

import pytest

from dkron_crds.job import AttemptState, Trigger
from dkron_crds.requests import group_of
from dkron_crds.traceparent import TraceContext, read_traceparent
from dkron_executors.keys.http import Http
from dkron_executors.result import Result
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import JOBS
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.status.changes import Decided, Finished, Started
from dkron_operator.plan.status.facts import Recorded, Shown
from dkron_operator.telemetry import spans
from tests.support.builders import NOON, UID, after, claim, execution, job_view, run, wire_run
from tests.support.edges import Edges, begin
from tests.support.tracer import KeptSpans

pytestmark = pytest.mark.looptime
ENTRY = claim()
TRACE = spans.trace_of(UID, ENTRY.group)
FIRE, RUN = spans.fire_span(UID, ENTRY.job), spans.run_span(UID, ENTRY.job)
ASKED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
THEIRS = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def traced(**spec: object) -> tuple[Edges, KeptSpans]:
    spans = KeptSpans()
    return begin(tracer=spans, **spec), spans  # type: ignore[arg-type]


async def fire(edges: Edges, create: CreateJob) -> None:
    await edges.parts.effects._create(edges.entry(), create)


def record(edges: Edges, *changes: Finished) -> None:
    """Decide upon an end, and have the API server know it."""
    edges.parts.traces.record(edges.entry(), edges.entry().record(*changes))
    edges.parts.traces.observe(UID, edges.entry().status)


async def test_a_slot_is_fired_run_and_recorded() -> None:
    edges, spans = traced()
    await fire(edges, CreateJob(ENTRY, after=(Decided(NOON),)))
    assert spans.names() == ["fire backup"]
    job = edges.kube.has(JOBS, ENTRY.job)
    told = read_traceparent(job["metadata"]["annotations"]["dkron.io/traceparent"])
    assert told == TraceContext(TRACE, RUN)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "TRACEPARENT", "value": str(told)} in container["env"]
    ended = execution(ENTRY)
    edges.parts.traces.record(edges.entry(), edges.entry().record(Finished(ended)))
    edges.parts.traces.observe(UID, edges.entry().base)
    assert spans.names() == ["fire backup"], "nothing is recorded that the API server does not have"
    edges.parts.traces.observe(UID, edges.entry().status)
    edges.parts.traces.observe(UID, edges.entry().status)
    assert spans.names() == ["fire backup", "run backup", "record backup"]
    ran = spans.only("run backup")
    assert (ran.context, ran.parent) == (told, FIRE)
    assert (ran.beginning.at, ran.at) == (ended.started_at, ended.finished_at)
    assert spans.only("record backup").parent == RUN


async def test_disabled_tracing_changes_and_stores_nothing() -> None:
    edges = begin()
    await fire(edges, CreateJob(ENTRY))
    job = edges.kube.has(JOBS, ENTRY.job)
    assert "traceparent" not in str(job).lower()
    record(edges, Finished(execution(ENTRY)))
    assert not edges.parts.traces._endings
    assert not edges.parts.traces._known


async def test_unanswered_create_is_traced_once_it_is_answered() -> None:
    edges, spans = traced()
    edges.kube.fail("create jobs", Unavailable("down"))
    with pytest.raises(Unavailable):
        await fire(edges, CreateJob(ENTRY))
    assert spans.names() == []
    await fire(edges, CreateJob(ENTRY))
    assert spans.only("fire backup").context == TraceContext(TRACE, FIRE)


async def test_create_with_a_lost_answer_is_traced_by_the_watch() -> None:
    edges, spans = traced()
    edges.kube.lose_answer("create jobs")
    with pytest.raises(Unavailable):
        await fire(edges, CreateJob(ENTRY))
    edges.watch()
    found = edges.entry().observed.attempts[ENTRY.job]
    edges.parts.traces.record(edges.entry(), (Shown(found.entry(NOON)),))
    assert found.trace == TraceContext(TRACE, RUN)
    assert spans.only("fire backup").context == TraceContext(TRACE, FIRE)


async def test_a_job_that_is_refused_is_a_failure_of_both() -> None:
    edges, spans = traced()
    edges.kube.fail("create jobs", Rejected("not so", status=422))
    await fire(edges, CreateJob(ENTRY))
    assert spans.only("fire backup").failure == ("JobRejected", "not so")
    record(edges, Finished(execution(ENTRY, success=False, reason="JobRejected", message="not so")))
    ran = spans.only("run backup")
    assert (ran.failure, ran.parent, ran.context.trace_id) == (("JobRejected", "not so"), FIRE, TRACE)


async def test_an_adopted_job_keeps_the_trace_that_it_names() -> None:
    edges, spans = traced()
    there = wire_run(ENTRY)
    there["metadata"]["annotations"]["dkron.io/traceparent"] = str(THEIRS)
    edges.kube.put(JOBS, there)
    await fire(edges, CreateJob(ENTRY))
    assert spans.only("fire backup").links == [THEIRS]
    record(edges, Finished(execution(ENTRY)))
    ran = spans.only("run backup")
    assert (ran.context, ran.parent) == (THEIRS, FIRE)
    await fire(edges, CreateJob(claim(attempt=2, at=after(9))))
    assert {span.context.trace_id for span in spans.ended[-1:]} == {THEIRS.trace_id}, "and its retry has it, too"


async def test_job_of_an_unsampled_trace_is_not_sampled_either() -> None:
    edges, spans = traced()
    spans.flags = 0
    await fire(edges, CreateJob(ENTRY))
    job = edges.kube.has(JOBS, ENTRY.job)
    told = read_traceparent(job["metadata"]["annotations"]["dkron.io/traceparent"])
    assert told is not None
    assert not told.sampled, "a program in the Job does not record it either"


async def test_members_join_the_trace_of_their_requester() -> None:
    text = f"2026-03-01T12:00:00Z traceparent={ASKED} by ada"
    edges, spans = traced(requests={"a": text})
    one, two = (
        claim(member=node).model_copy(update={"group": group_of("a", NOON), "trigger": Trigger.MANUAL})
        for node in ("n1", "n2")
    )
    await fire(edges, CreateJob(one, before=(Started(one), Started(two))))
    edges.entry().job = job_view()
    await fire(edges, CreateJob(two))
    claimed = spans.only("claim backup")
    assert (claimed.parent, claimed.context.trace_id) == (ASKED.span_id, ASKED.trace_id)
    fired = [span for span in spans.ended if span.name == "fire backup"]
    assert [span.parent for span in fired] == [claimed.context.span_id] * 2
    assert {span.context.trace_id for span in fired} == {ASKED.trace_id}, "also when the request is forgotten"


async def test_a_call_of_the_operator_is_a_part_of_the_trace() -> None:
    config = {"method": "GET", "url": "http://localhost/", "inline": "true"}
    spans = KeptSpans()
    edges = begin(inline_calls=1, tracer=spans, executor="http", executorConfig=config)
    called: list[tuple[tuple[str, str], ...]] = []

    async def call(keys: Http) -> Result:
        called.append(keys.headers)
        return Result()

    edges.parts.calls._pool.call = call  # type: ignore[method-assign]
    entry = ENTRY.model_copy(update={"state": AttemptState.RUNNING, "uid": edges.parts.calls.caller})
    await fire(edges, CreateJob(entry, before=(Started(entry),), call=True))
    await edges.parts.calls.close(grace=0)
    assert called == [(("traceparent", str(TraceContext(TRACE, RUN))),)]
    record(edges, Finished(execution(ENTRY)))
    assert spans.names() == ["fire backup", "run backup", "record backup"]
    assert spans.only("run backup").context == TraceContext(TRACE, RUN)


@pytest.mark.parametrize("names", [True, False], ids=["that names its span", "that names none"])
async def test_a_job_that_was_found(*, names: bool) -> None:
    edges, spans = traced()
    found = run(ENTRY, trace=TraceContext(TRACE, RUN) if names else None)
    edges.entry().observed.attempts[ENTRY.job] = found
    facts = (Shown(found.entry(NOON)),)
    for _ in range(2):
        edges.parts.traces.record(edges.entry(), facts)
    assert spans.names() == (["fire backup"] if names else []), "it is told once, and only if its span has begun"
    if names:
        span = spans.only("fire backup")
        assert (span.context, span.at, span.told["dkron.found"]) == (TraceContext(TRACE, FIRE), found.created, True)


async def test_run_of_a_job_deleted_before_its_record_is_traced() -> None:
    edges, spans = traced()
    edges.parts.traces.record(edges.entry(), (Recorded(execution(ENTRY)),))
    edges.parts.traces.observe(UID, None)
    assert spans.names() == ["run backup", "record backup"]
    assert not edges.parts.traces._endings
