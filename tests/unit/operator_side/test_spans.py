"""Spans of a run: ids follow from the cause for ever, and each span has the parent that caused it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Attempt, Heard, JobStatus, Trigger
from dkron_crds.traceparent import TraceContext, read_traceparent
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.situation.cause import Cause, following
from dkron_operator.plan.status.changes import ParentRunsHandled
from dkron_operator.telemetry import spans
from tests.support.builders import NOON, UID, after, claim, execution, job_view, request_claim

JOB = job_view()
FIRST, SECOND = claim(), claim(attempt=2, at=after(9))
MEMBER = claim(member="n1")
ASKED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 3)
KNOWN = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1)
OWN_TRACE = spans.trace_of(UID, FIRST.group)
FIRST_RUN = TraceContext(KNOWN.trace_id, spans.run_span(UID, FIRST.job), KNOWN.flags)
CLAIM = TraceContext(KNOWN.trace_id, spans.claim_span(UID, MEMBER.group), KNOWN.flags)


def test_ids_are_the_same_for_ever() -> None:
    assert OWN_TRACE == "fd00ae813773188a1008044395a0920a"
    assert spans.claim_span(UID, FIRST.group) == "7cf58247804b3c8c"
    assert spans.fire_span(UID, FIRST.job) == "65f58f0296bbae8c"
    assert spans.run_span(UID, FIRST.job) == "16b49559340de2da"
    assert spans.record_span(UID, FIRST.job) == "532ba373729d0099"


@given(uid=st.uuids().map(str), group=st.integers(0, 2**63 - 1), job=st.text(max_size=63))
def test_every_id_is_one_and_no_two_are_the_same(uid: str, group: int, job: str) -> None:
    ids = [spans.claim_span(uid, group)] + [
        span(uid, job) for span in (spans.fire_span, spans.run_span, spans.record_span)
    ]
    assert len(set(ids)) == len(ids)
    for each in ids:
        context = TraceContext(spans.trace_of(uid, group), each)
        assert read_traceparent(str(context)) == context


@pytest.mark.parametrize(
    ("entry", "known", "trace_id", "parent"),
    [
        pytest.param(FIRST, {}, OWN_TRACE, None, id="a slot begins a trace"),
        pytest.param(FIRST, {"trace": KNOWN}, KNOWN.trace_id, None, id="and does so when it is tried again"),
        pytest.param(request_claim(), {"asked": ASKED}, ASKED.trace_id, ASKED, id="a request has begun one"),
        pytest.param(
            request_claim(), {"asked": ASKED, "trace": ASKED}, ASKED.trace_id, ASKED, id="tried again, it still has"
        ),
        pytest.param(SECOND, {"trace": KNOWN}, KNOWN.trace_id, FIRST_RUN, id="a retry follows what has failed"),
        pytest.param(SECOND, {}, OWN_TRACE, None, id="unless nothing is known of that"),
        pytest.param(MEMBER, {"trace": KNOWN}, KNOWN.trace_id, CLAIM, id="a member follows the claim"),
    ],
)
def test_a_job_is_fired_by(entry: Attempt, known: dict[str, Any], trace_id: str, parent: TraceContext | None) -> None:
    told = {"trace": None, "asked": None, "links": (), **known}
    span = spans.firing(JOB, entry, now=after(60), **told)
    assert span.ids is not None
    assert (span.ids.trace_id, span.ids.span_id) == (trace_id, spans.fire_span(UID, entry.job))
    assert span.parent == parent


def test_unexplained_retry_links_to_the_failed_attempt() -> None:
    span = spans.firing(JOB, SECOND, trace=None, asked=None, links=(), now=after(60))
    assert span.links == (TraceContext(OWN_TRACE, spans.run_span(UID, FIRST.job)),)


@pytest.mark.parametrize(
    ("entry", "now", "begins"),
    [
        pytest.param(claim(at=after(3)), after(4), NOON, id="at the slot, however late it is"),
        pytest.param(SECOND, after(10), after(9), id="when the retry was due"),
        pytest.param(request_claim(at=after(5)), after(4), after(4), id="not before now, whatever others' clocks say"),
    ],
)
def test_firing_starts(entry: Attempt, now: Any, begins: Any) -> None:
    assert spans.firing(JOB, entry, trace=None, asked=None, links=(), now=now).at == begins


def test_claim_is_a_child_of_its_request() -> None:
    span = spans.claiming(JOB, MEMBER, ASKED, after(1))
    assert (span.parent, span.at, span.name) == (ASKED, NOON, "claim backup")
    assert span.ids is not None
    assert span.ids.trace_id == ASKED.trace_id
    assert "k8s.job.name" not in span.attributes, "it is about several"


def test_a_run_is_the_span_that_its_job_names() -> None:
    ended = execution(success=False, exit_code=3, node_name="n1")
    span = spans.running(JOB, ended, KNOWN)
    assert span.ids is not None
    assert (span.ids.trace_id, span.ids.span_id) == (KNOWN.trace_id, KNOWN.span_id)
    assert span.parent == TraceContext(KNOWN.trace_id, spans.fire_span(UID, FIRST.job), KNOWN.flags)
    assert dict(span.attributes) == {
        "dkron.job.name": "backup",
        "dkron.trigger": "schedule",
        "dkron.slot": "2026-03-01T12:00:00Z",
        "dkron.group": str(FIRST.group),
        "dkron.attempt": 1,
        "dkron.execution.id": ended.id,
        "dkron.success": False,
        "k8s.namespace.name": "default",
        "k8s.job.name": FIRST.job,
        "k8s.node.name": "n1",
        "process.exit.code": 3,
    }


def test_run_whose_job_names_no_trace_starts_one() -> None:
    span = spans.running(JOB, execution(), None)
    assert span.ids is not None
    assert (span.ids.trace_id, span.ids.span_id, span.parent) == (OWN_TRACE, spans.run_span(UID, FIRST.job), None)


HEARD = Heard(job="parent", uid="p", group=7, at=NOON)
OTHER = Heard(job="other", uid="q", group=8, at=after(-5))
HANDLED = ParentRunsHandled(frozenset({("p", 7), ("q", 8)}), NOON)


def dependent(attempt: int = 1) -> Attempt:
    cause = following(HEARD)
    return Cause(Trigger.DEPENDENT, cause.slot, cause.group, attempt).entry(uid=UID, name="backup", at=NOON)


@pytest.mark.parametrize(
    ("create", "found"),
    [
        pytest.param(CreateJob(dependent(), before=(HANDLED,)), {("p", 7), ("q", 8)}, id="all"),
        pytest.param(CreateJob(dependent()), {("p", 7)}, id="after a crash the last"),
        pytest.param(CreateJob(dependent(attempt=2)), set(), id="a retry follows only its attempt"),
        pytest.param(CreateJob(FIRST), set(), id="a slot follows nothing"),
    ],
)
def test_a_dependent_run_follows(create: CreateJob, found: set[tuple[str, int]]) -> None:
    assert spans.causes(create, JobStatus(heard=(HEARD, OTHER))) == found


def test_the_end_of_a_run_is_its_newest_attempt() -> None:
    one, two = execution(FIRST), execution(SECOND)
    assert spans.newest_of((one, two), FIRST.group) == two
    assert spans.newest_of((one, two), 1) is None
