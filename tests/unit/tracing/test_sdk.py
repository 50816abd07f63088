"""What leaves the process, as a receiver gets it."""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dkron_crds.traceparent import TraceContext
from dkron_runtime.logs import carry_trace
from dkron_runtime.tracing.kube import KubeSpans
from dkron_runtime.tracing.sdk import Tracing
from dkron_runtime.tracing.spans import Ids, Kind, SpanStart
from tests.support.builders import NOON, after
from tests.support.receivers import in_background, silent_server, web_server
from tests.support.spans import Receiver, Span, receiver
from tests.support.waiting import wait_for

REMOTE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
IDS = Ids("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
KNOWN = {"service.name": "dkron-operator", "k8s.pod.name": "dkron-0"}
LONG, SHORT = 30.0, 0.2
DELIVERING = ("OtelBatchSpanRecordProcessor", "last-spans")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """What still delivers in the background draws random numbers for its pauses, which tests with hypothesis notice."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name in DELIVERING:
            thread.join(LONG)
            assert not thread.is_alive(), thread.name


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What reaches the log of the program."""
    lines: list[str] = []
    root, handler, level = logging.getLogger(), logging.Handler(), logging.getLogger().level
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(record.getMessage()))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def receiving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.web.url)
        yield found


def only(receiving: Receiver, name: str) -> Span:
    (found,) = [span for span in receiving.spans if span.name == name]
    return found


def test_spans_arrive_unchanged(receiving: Receiver) -> None:
    tracing = Tracing(KNOWN, endpoint=receiving.web.url)
    first = tracing.begin(SpanStart("fire", at=NOON, ids=IDS, links=(REMOTE,), attributes={"dkron.attempt": 1}))
    first.set_attributes({"k8s.job.uid": "u"})
    first.fail("JobRejected", "not so")
    first.end(after(2))
    child = tracing.begin(SpanStart("run", Kind.SERVER, parent=first.context))
    child.link(REMOTE)
    child.end()
    tracing.begin(SpanStart("never told"))
    tracing.begin(SpanStart("not recorded", parent=TraceContext(REMOTE.trace_id, REMOTE.span_id, 0))).end()
    tracing.close(LONG)
    fire, run = only(receiving, "fire"), only(receiving, "run")
    assert [span.name for span in receiving.spans] == ["fire", "run"]
    assert (fire.trace_id, fire.span_id, fire.parent) == (IDS.trace_id, IDS.span_id, "")
    assert (fire.begun, fire.ended, fire.kind, fire.failed) == (NOON, after(2), "internal", "not so")
    assert fire.attributes == {"dkron.attempt": 1, "k8s.job.uid": "u", "error.type": "JobRejected"}
    assert fire.links == ((REMOTE.trace_id, REMOTE.span_id),)
    assert KNOWN.items() <= fire.resource.items()
    assert (run.trace_id, run.parent, run.kind) == (IDS.trace_id, IDS.span_id, "server")
    assert run.span_id not in ("", IDS.span_id)
    assert run.ended - run.begun < timedelta(minutes=1)


def test_the_standard_variables_have_the_last_word(receiving: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=mine,deployment.environment.name=test")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tracing = Tracing(KNOWN, endpoint=receiving.web.url)
    tracing.begin(SpanStart("of no trace")).end()
    tracing.begin(SpanStart("of a client", parent=REMOTE)).end()
    tracing.close(LONG)
    span = only(receiving, "of a client")
    assert [each.name for each in receiving.spans] == ["of a client"]
    assert (span.service, span.resource["k8s.pod.name"]) == ("nightly", "mine")
    assert span.resource["deployment.environment.name"] == "test"
    assert {key.lower(): value for key, value in receiving.web.requests[0].headers.items()}[
        "authorization"
    ] == "Bearer secret"


def test_trace_sampling_is_the_same_for_each_sampler(receiving: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    ids = [Ids(f"{number:016x}{number * 2**58:016x}", f"{number:016x}") for number in range(1, 64)]
    picks = []
    for _ in range(2):
        tracing = Tracing(KNOWN, endpoint=receiving.web.url)
        picks.append([tracing.begin(SpanStart("x", ids=each)).context.sampled for each in ids])
        tracing.close(LONG)
    assert picks[0] == picks[1]
    assert set(picks[0]) == {True, False}


async def test_each_task_has_a_current_span_of_its_own(receiving: Receiver, said: list[str]) -> None:
    tracing = Tracing(KNOWN, endpoint=receiving.web.url)
    observer = KubeSpans(tracing, server="https://10.0.0.1:6443/")

    async def work(trace_id: str) -> str:
        span = tracing.begin(SpanStart("work", ids=Ids(trace_id, IDS.span_id)))
        with span.around():
            await asyncio.sleep(0)
            exchange = observer.begin("create", "jobs", "POST", "/apis/batch/v1/namespaces/a/jobs")
            assert exchange is not None
            exchange.end(409 if trace_id == "1" * 32 else 0)
            return tracing.trace_id()

    assert list(await asyncio.gather(work("1" * 32), work("2" * 32))) == ["1" * 32, "2" * 32]
    assert tracing.trace_id() == ""
    assert observer.begin("list", "jobs", "GET", "/apis/batch/v1/jobs") is None, "a call outside of every span"
    tracing.close(LONG)
    one, two = sorted(receiving.spans, key=lambda span: span.trace_id)
    assert (one.name, one.kind, one.parent) == ("kube create jobs", "client", IDS.span_id)
    assert one.attributes == {
        "http.request.method": "POST",
        "url.full": "https://10.0.0.1:6443/apis/batch/v1/namespaces/a/jobs",
        "server.address": "10.0.0.1",
        "server.port": 6443,
        "http.response.status_code": 409,
        "error.type": "409",
    }
    assert (two.failed, two.attributes["error.type"]) == ("error", "no_answer")
    assert said == []


def test_lines_say_to_which_trace_they_belong(caplog: pytest.LogCaptureFixture) -> None:
    root, now = logging.getLogger(), [""]
    root.addHandler(caplog.handler)
    try:
        carry_trace(lambda: now[0])
        logging.getLogger("a").warning("outside")
        now[0] = REMOTE.trace_id
        logging.getLogger("a").warning("inside")
    finally:
        caplog.handler.filters.clear()
        root.removeHandler(caplog.handler)
    said = {record.getMessage(): getattr(record, "trace_id", None) for record in caplog.records}
    assert said == {"outside": None, "inside": REMOTE.trace_id}


def test_unreachable_receiver_is_logged_once_and_on_recovery(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    with receiver() as found:
        port, url = found.web.port, found.web.url
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    tracing = Tracing(KNOWN, endpoint=url)

    def more() -> list[str]:
        for _ in range(20):
            tracing.begin(SpanStart("lost")).end()
        return said

    (first,) = wait_for("a warning", more, bool, seconds=LONG)
    assert first.startswith(f"no traces reach {url}: ")
    assert first.endswith("; spans are dropped until they do")
    tracing.begin(SpanStart("lost")).end()
    with receiver(port) as back:
        wait_for("spans to come", lambda: (more(), back.spans)[1], bool, seconds=LONG)
        tracing.close(LONG)
    assert said == [first, f"traces reach {url} again"], "nothing else is said, by either thread"


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "Failed to export spans batch code: 401, reason: Unauthorized"), (503, "Service Unavailable")],
)
def test_refusing_receiver_says_why(*, status: int, why: str, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    # Long enough for a second try: before it, the exporter says what has gone wrong.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    with in_background(web_server(lambda _: status)) as web:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", web.url)
        tracing = Tracing(KNOWN, endpoint=web.url)
        tracing.begin(SpanStart("lost")).end()
        tracing.close(LONG)
    assert said == [f"no traces reach {web.url}: {why}; spans are dropped until they do"]


def test_the_end_of_the_program_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    with in_background(silent_server()) as port:
        url = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        tracing = Tracing(KNOWN, endpoint=url)
        tracing.begin(SpanStart("lost")).end()
        tracing.close(SHORT)
        assert said == ["the last spans were not delivered within 0.2 s"]
