"""Delivery around a fake API server, in virtual time: who is told, once it is written down, whatever dies or hangs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.job import Attempt, JobStatus
from dkron_kube.errors import Unavailable
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, EVENTS, JOBS, PODS
from dkron_operator.delivery.delivery import LAZY
from dkron_operator.delivery.delivery_events import ROOM, DeliveryEvents
from dkron_operator.delivery.outbox import Undeliverable, Unreachable
from dkron_operator.delivery.outputs import LONGEST, Outputs
from dkron_operator.kit.clock import Clock
from dkron_operator.leader.election import Leadership
from dkron_processors.message import Line, Message, Post
from tests.support.builders import (
    NOON,
    UID,
    after,
    claim,
    ended,
    execution,
    job_view,
    of_job,
    terminated,
    wire_job,
    wire_pod,
)
from tests.support.edges import Edges, begin, until, wall
from tests.support.fake_archive import FakeArchive
from tests.support.fake_kube import FakeKube
from tests.support.outbox import ARCHIVE, DELIVERY, outbox, undelivered

pytestmark = pytest.mark.looptime
FIRST = claim(after(minutes=1))
LOG: dict[str, Any] = {"processors": {"log": {}}}
HOOK = {"name": "ops", "url": "http://ops"}


class Senders:
    """Takes the place of all senders. `trouble` decides what becomes of a message."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.trouble: Callable[[Message], Exception | None] = lambda _: None
        self.hangs = False

    async def send(self, message: Message) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        trouble = self.trouble(message)
        if trouble is not None:
            raise trouble
        self.sent.append(message)

    async def close(self) -> None:
        pass

    def lines(self) -> list[Any]:
        return [message.fields for message in self.sent if isinstance(message, Line)]

    def posts(self) -> list[Any]:
        return [json.loads(message.body) for message in self.sent if isinstance(message, Post)]


def cluster(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "dkron", "namespace": "home", "uid": "c"}, "spec": spec}


def with_cluster(**spec: Any) -> FakeKube:
    kube = FakeKube()
    kube.put(DKRON_CLUSTERS, cluster(**spec))
    return kube


def owing(*entries: Attempt, owed: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A job that logs, with these runs recorded, which no receiver has yet."""
    status = JobStatus(
        since=NOON, fingerprint=job_view(**LOG).fingerprint, executions=tuple(map(execution, entries)),
        outbox=outbox(owed or [entry.job for entry in entries], DELIVERY), **fields,
    )  # fmt: skip
    return {**LOG, "status": status}


@asynccontextmanager
async def operator(
    kube: FakeKube,
    senders: Senders | None = None,
    *,
    job: dict[str, Any] | None = None,
    archive: FakeArchive | None = None,
) -> AsyncIterator[tuple[Edges, Senders]]:
    """A process with all its parts; it dies at the end. `job` makes the world's DkronJob."""
    senders = senders or Senders()
    if job is not None:
        kube.put(DKRON_JOBS, wire_job(**job))
    edges = Edges(kube, senders, archive=archive)
    # A test brings by `upsert` the changes that the watch would bring.
    edges.parts.installation.informer.run = asyncio.Event().wait  # type: ignore[method-assign, assignment]
    await edges.parts.installation.read()
    edges.watch()
    async with edges.running():
        work = asyncio.create_task(edges.delivery.run())
        try:
            yield edges, senders
        finally:
            assert not work.done()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def finish(edges: Edges, name: str = FIRST.job, kind: str = "Complete", *, log: bytes = b"hello\n") -> None:
    pod = wire_pod(name=f"pod-{name}", states={"job": terminated(0 if kind == "Complete" else 3)})
    edges.kube.put(PODS, of_job(pod, name, uid=edges.kube.has(JOBS, name)["metadata"]["uid"]))
    edges.kube.logs[f"pod-{name}"] = log
    edges.kube.edit(JOBS, name, lambda body: body.update(status=ended(kind, at=wall())))
    edges.watch()


async def first_ends(edges: Edges, seconds: float = 3, **how: Any) -> None:
    """The run of the first slot ends; so many seconds later."""
    await until(61)
    finish(edges, **how)
    await until(61 + seconds)


def events(kube: FakeKube, reason: str) -> list[str]:
    found = [kube.has(EVENTS, name) for name in kube.names(EVENTS)]
    return [event["note"] for event in found if event["reason"] == reason]


def status(kube: FakeKube) -> JobStatus:
    return JobStatus.from_wire(kube.has(DKRON_JOBS, "backup").get("status") or {})


async def test_ended_attempt_is_sent_once_with_its_output() -> None:
    async with operator(FakeKube(), job=LOG) as (edges, senders):
        await first_ends(edges)
        (line,) = senders.lines()
        assert (line["message"], line["success"]) == ("hello\n", True)
        assert line["execution"] == edges.status().executions[0].id
        assert undelivered(edges.status()) == (FIRST.job,)
        await until(64 + LAZY + 2)
        assert (undelivered(edges.status()), edges.status().executions[0].output) == ((), "Output in dkron log")
        assert len([call for call in edges.kube.calls if call.startswith("log")]) == 1, "the output is read once"
        await until(110)
        assert len(senders.sent) == 1


async def test_of_a_job_without_receivers_nothing_is_owed() -> None:
    async with operator(FakeKube(), job={}) as (edges, senders):
        await first_ends(edges)
        assert (edges.status().success_count, undelivered(edges.status()), senders.sent) == (1, (), [])


async def test_nothing_is_sent_before_it_is_written() -> None:
    async with operator(FakeKube(), job=LOG) as (edges, senders):
        await until(61)
        edges.kube.fail("write dkronjobs", *[Unavailable("away")] * 4)
        finish(edges)
        await until(61.9)
        assert senders.sent == []
        await until(80)
        assert len(senders.sent) == 1


@pytest.mark.parametrize("moment", ["before it was sent", "while it was sent", "before the mark was written"])
@pytest.mark.parametrize("pod", [True, False], ids=["its pod is there", "its pod is gone"])
async def test_undelivered_executions_are_sent_after_a_crash(moment: str, pod: bool) -> None:
    kube, first = FakeKube(), Senders()
    first.hangs = moment == "while it was sent"
    if moment == "before it was sent":
        first.trouble = lambda _: Unreachable("away")
    async with operator(kube, first, job=LOG) as (edges, _):
        await first_ends(edges)
        assert undelivered(status(kube)) == (FIRST.job,)
    if not pod:
        kube.remove(PODS, f"pod-{FIRST.job}")
    async with operator(kube) as (_, second):
        await until(80)
        (line,) = second.lines()
        assert line["message"] == ("hello\n" if pod else ""), "a note is no output"
        assert line["truncated"] is not pod
    told = [line["execution"] for line in (*first.lines(), *second.lines())]
    assert set(told) == {status(kube).executions[0].id}
    assert undelivered(status(kube)) == ()
    async with operator(kube) as (_, third):
        await until(100)
        assert third.sent == []


async def test_archive_that_is_away_has_no_message_sent_again() -> None:
    """No archiver runs here."""
    kube, archive = FakeKube(), FakeArchive()
    async with operator(kube, job=LOG, archive=archive) as (edges, first):
        await first_ends(edges)
        assert edges.status().outbox == outbox([FIRST.job], ARCHIVE, DELIVERY)
        await until(64 + LAZY + 2)
        assert (edges.status().outbox, len(first.sent)) == (outbox([FIRST.job], ARCHIVE), 1)
    async with operator(kube, archive=archive) as (_, second):
        await until(100)
        assert (status(kube).outbox, second.sent) == (outbox([FIRST.job], ARCHIVE), [])


async def test_output_is_read_once_for_the_archive_and_receivers() -> None:
    kube, archive, first = FakeKube(), FakeArchive(), Senders()
    first.trouble = lambda _: Unreachable("away")
    async with operator(kube, first, job=LOG, archive=archive) as (edges, _):
        await first_ends(edges, log=b"x" * 70_000)
    kube.calls.clear()
    async with operator(kube, archive=archive) as (_, second):
        await until(80)
        (line,) = second.lines()
        assert (len(line["message"]), line["truncated"]) == (LONGEST, True)
        assert len([call for call in kube.calls if call.startswith("log")]) == 1


async def test_delivery_is_recorded_with_the_next_write() -> None:
    async with operator(FakeKube(), job=LOG) as (edges, senders):
        await first_ends(edges, 2)
        assert len(senders.sent) == 1
        edges.edit_job(lambda body: body["metadata"].update(annotations={"run.dkron.io/a": "x"}))
        edges.watch()
        await until(65)
        assert undelivered(edges.status()) == ()


@pytest.mark.parametrize("hangs", [False, True])
async def test_stop_waits_briefly_and_records_what_was_sent(*, hangs: bool) -> None:
    senders = Senders()
    senders.hangs = hangs
    async with operator(FakeKube(), senders, job=LOG) as (edges, _):
        await first_ends(edges, 1.5)
        began = asyncio.get_running_loop().time()
        await edges.parts.handover.drain(3)
        took = asyncio.get_running_loop().time() - began
        assert took == pytest.approx(3, abs=0.1) if hangs else took <= 3
        await edges.parts.writer.queue.idle()
        assert (len(senders.sent), undelivered(edges.status())) == ((0, (FIRST.job,)) if hangs else (1, ()))


async def test_hanging_receiver_delays_neither_slots_nor_others() -> None:
    senders = Senders()
    kube = with_cluster(receivers={"slack": [{"name": "ops", "url": "http://x"}]})
    job = {"processors": {"log": {}, "slack": {"team": "ops", "onSuccess": "true"}}, "schedule": "*/10 * * * * *"}

    async def send(message: Message) -> None:
        if isinstance(message, Post):
            await asyncio.Event().wait()
        senders.sent.append(message)

    senders.send = send  # type: ignore[method-assign]
    async with operator(kube, senders, job=job) as (edges, _):
        for number in range(1, 7):
            await until(number * 10 + 1)
            finish(edges, claim(after(number * 10)).job)
        await until(65)
        assert len(senders.lines()) == 6
        assert edges.status().success_count == 6
        await until(69)
        assert set(undelivered(edges.status())) == {claim(after(number * 10)).job for number in range(1, 7)}


async def test_permanent_refusal_is_an_event_and_ends_the_delivery() -> None:
    senders, kube = Senders(), FakeKube()
    senders.trouble = lambda _: Undeliverable("no such place")
    async with operator(kube, senders, job=LOG) as (edges, _):
        await first_ends(edges)
        assert edges.status().executions[0].output == "Output in dkron log"
        await until(61 + LAZY + 4)
        assert events(kube, "NotDelivered") == ["log: no such place"]
        assert undelivered(edges.status()) == ()
        assert edges.status().executions[0].output == "not delivered to log: no such place"


async def test_permanent_failure_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    moment = 0.0
    complaints = DeliveryEvents(Edges(FakeKube()).events, clock=Clock(monotonic=lambda: moment))
    for moment in (0.0, 1.0, 59.0, 60.0):  # noqa: B007 - the clock shows it
        complaints.report(job_view(), "log: no such place")
        complaints.report(job_view(uid="another"), "log: no such place")
    assert len(caplog.records) == 4, "each job, and again after a minute"


async def test_reports_of_one_namespace_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    moment = 0.0
    delivery_events = DeliveryEvents(Edges(FakeKube()).events, clock=Clock(monotonic=lambda: moment))
    steps = ((0.0, ROOM), (30.0, ROOM), (60.0, 2 * ROOM), (61.0, 2 * ROOM))
    for moment, reports in steps:  # noqa: B007 - the clock shows it
        for number in range(ROOM + 10):
            delivery_events.report(job_view(uid=f"job-{number}"), "log: no such place")
        assert len(caplog.records) == reports
    delivery_events.report(replace(job_view(), namespace="other"), "log: no such place")
    assert len(caplog.records) == 2 * ROOM + 1, "another namespace has its own"


async def test_execution_missing_in_the_status_is_not_owed() -> None:
    kube = FakeKube()
    async with operator(kube, job=owing(owed=("gone-1",))) as (_, senders):
        await until(LAZY + 5)
        assert senders.sent == []
        assert undelivered(status(kube)) == ()


async def test_regained_leadership_sends_only_what_is_still_owed() -> None:
    other = claim(after(120))
    async with operator(FakeKube(), job=owing(FIRST, other, last_schedule_time=after(600))) as (edges, senders):
        edges.parts.handover.lead(Leadership(leader="me", held=True, term=1))
        await until(2)
        assert len(senders.sent) == 2
        # It was only late: what it has sent, it knows.
        edges.parts.handover.lead(Leadership(term=1))
        edges.parts.handover.lead(Leadership(leader="me", held=True, term=1))
        await until(4)
        assert len(senders.sent) == 2
        # The other has told of one of them, and not of the other.
        edges.acts = False
        edges.parts.handover.lead(Leadership(leader="other", term=1))
        edges.edit_job(lambda body: body["status"].update(outbox=[{"job": other.job, "to": ["Delivery"]}]))
        edges.watch()
        await until(6)
        assert len(senders.sent) == 2
        edges.acts = True
        edges.parts.handover.lead(Leadership(leader="me", held=True, term=2))
        await until(8)
        assert len(senders.sent) == 3


# --- notifications -------------------------------------------------------------------------------------------------


async def test_webhook_gets_the_start_and_the_end() -> None:
    payload = '{"e": "{{ event }}", "id": "{{ execution }}", "o": "{{ output }}"}'
    kube = with_cluster(notifications=[{**HOOK, "when": ["start", "failure"], "payload": payload}])
    async with operator(kube, job={}) as (edges, senders):
        await until(61)
        (began,) = senders.posts()
        assert (began["e"], began["id"].endswith(f"-{FIRST.job}"), began["o"]) == ("start", True, "")
        finish(edges, kind="Failed", log=b'"quoted"\n')
        await until(64)
        assert [(post["e"], post["o"]) for post in senders.posts()] == [("start", ""), ("failure", '"quoted"\n')]
        assert edges.status().executions[0].output == '"quoted"\n', "a notification leaves the output where it is"


async def test_only_the_last_attempt_is_sent() -> None:
    kube = with_cluster(notifications=[{**HOOK, "payload": '{"a": {{ attempt }}}'}])
    job = {"retries": 1, "retryBackoff": {"initial": "1s", "max": "1s"}, "schedule": "@at 2026-03-01T12:01:00Z"}
    async with operator(kube, job=job) as (edges, senders):
        await until(61)
        finish(edges, kind="Failed")
        await until(66)
        second = next(name for name in kube.names(JOBS) if name != FIRST.job)
        assert senders.posts() == []
        finish(edges, second, kind="Failed")
        await until(70)
        assert senders.posts() == [{"a": 2}]


# Its pod says that it ended at 12:00:05, so its retry is due 24 seconds after its Job began.
RETRIED: dict[str, Any] = {
    **LOG,
    "retries": 1,
    "retryBackoff": {"initial": "80s", "max": "80s"},
    "schedule": "@at 2026-03-01T12:01:00Z",
}
ATTEMPTS = {"notifications": [{**HOOK, "payload": '{"a": {{ attempt }}}'}]}


def edit(body: dict[str, Any], **spec: Any) -> None:
    body["spec"].update(spec)
    body["metadata"]["generation"] = 2


def disable(body: dict[str, Any]) -> None:
    edit(body, disabled=True)


def make_invalid(body: dict[str, Any]) -> None:
    edit(body, timezone="No/Where")


def replace_by_a_run(body: dict[str, Any]) -> None:
    edit(body, concurrency="replace")
    body["metadata"]["annotations"] = {
        **body["metadata"].get("annotations", {}), "run.dkron.io/next": "2026-03-01T12:01:06Z by a test"
    }  # fmt: skip


@pytest.mark.parametrize("cancel", [disable, make_invalid, replace_by_a_run])
async def test_attempt_with_a_cancelled_retry_is_sent_as_the_last(cancel: Callable[[dict[str, Any]], None]) -> None:
    async with operator(with_cluster(**ATTEMPTS), job=RETRIED) as (edges, senders):
        await first_ends(edges, kind="Failed", seconds=5)
        assert (senders.posts(), len(senders.lines())) == ([], 1), "the output does not wait for the retry"
        assert undelivered(status(edges.kube)) == (FIRST.job,)
        edges.edit_job(cancel)
        edges.watch()
        await until(70)
        assert (senders.posts(), len(senders.lines())) == ([{"a": 1}], 1)
        await until(70 + LAZY + 2)
        assert FIRST.job not in undelivered(status(edges.kube))
        assert len(senders.posts()) == 1


async def test_retry_cancelled_without_an_operator_is_sent_later() -> None:
    kube = with_cluster(**ATTEMPTS)
    async with operator(kube, job=RETRIED) as (edges, _):
        await first_ends(edges, kind="Failed", seconds=5)
    kube.edit(DKRON_JOBS, "backup", disable)
    async with operator(kube) as (_, senders):
        await until(75)
        assert (senders.posts(), len(senders.lines())) == ([{"a": 1}], 1), "the output comes again, with the same id"


async def test_attempt_is_no_longer_owed_once_its_retry_started() -> None:
    async with operator(with_cluster(**ATTEMPTS), job=RETRIED) as (edges, senders):
        await first_ends(edges, kind="Failed", seconds=26 + LAZY)
        assert (senders.posts(), undelivered(status(edges.kube))) == ([], ())
        assert len(edges.kube.names(JOBS)) == 2


# --- what the installation has -------------------------------------------------------------------------------------


def degraded(kube: FakeKube) -> tuple[str, str]:
    (found,) = [each for each in status(kube).conditions if each.type == "Degraded"]
    return found.reason, found.message


async def test_missing_receiver_is_reported_and_the_job_still_runs() -> None:
    kube = FakeKube()
    async with operator(kube, job={"processors": {"syslog": {}}}) as (edges, senders):
        await until(5)
        assert degraded(kube)[0] == "NoReceiver"
        assert events(kube, "NoReceiver") == ["processors.syslog: the DkronCluster has no spec.receivers.syslog"]
        await first_ends(edges)
        assert edges.status().executions[0].output == "hello\n"
        assert undelivered(edges.status()) == ()
        edges.parts.installation.informer.upsert(cluster(receivers={"syslog": {"address": "udp://h:1"}}))
        await until(66)
        assert degraded(kube) == ("AsExpected", "")
        assert senders.sent == []


async def test_invalid_annotation_is_reported() -> None:
    kube = FakeKube()
    async with operator(kube, job={}) as (edges, _):
        nonsense = {"notify.dkron.io/ops": "now and then"}
        edges.edit_job(lambda body: body["metadata"].update(annotations=nonsense))
        edges.watch()
        await until(5)
        assert degraded(kube)[0] == "InvalidNotify"
        assert '"now and then"' in degraded(kube)[1]


async def test_invalid_notification_is_reported_by_condition_and_event() -> None:
    kube = with_cluster(notifications=[{**HOOK, "payload": "{{ nope }}"}])
    judged: list[object] = []
    edges = Edges(kube)
    edges.parts.installation.on_change.add(judged.append)
    async with edges.running():
        await edges.parts.installation.read()
        await until(2)
    assert len(judged) == 1
    assert 'notifications.ops: payload: line 1: there is no value "nope"' in str(judged[0])
    (name,) = kube.names(EVENTS)
    event = kube.has(EVENTS, name)
    assert (event["regarding"]["kind"], event["regarding"]["namespace"]) == ("DkronCluster", "home")


async def test_status_change_of_the_dkroncluster_is_not_read_again() -> None:
    edges = begin(processors={"log": {}})
    changes: list[object] = []
    edges.parts.installation.on_change.add(changes.append)
    for jobs in range(3):
        edges.parts.installation.informer.upsert({**cluster(), "status": {"jobs": jobs}})
    assert (changes, len(edges.parts.jobs)) == ([None], 1), "once, as it was seen for the first time"


# --- outputs -------------------------------------------------------------------------------------------------------


async def test_receivers_get_more_output_than_the_status_up_to_a_limit() -> None:
    job = {"processors": {"log": {"forward": "true"}}, "history": {"outputBytes": 4}}
    async with operator(FakeKube(), job=job) as (edges, senders):
        await first_ends(edges, log=b"x" * LONGEST + b"the end")
        (line,) = senders.lines()
        assert line["message"] == "x" * (LONGEST - 7) + "the end"
        assert line["truncated"] is True
        assert edges.status().executions[0].output == " end"


async def test_outputs_that_are_kept_have_bounded_room() -> None:
    found = Outputs(FakeKube(), namespace_of=lambda _: "team", room=10)  # type: ignore[arg-type]
    for name in ("a", "b", "c"):
        found.keep(UID, name, b"12345", [DELIVERY])
    first, last = (execution().model_copy(update={"job": name}) for name in ("a", "c"))
    assert await found.find(job_view(), first) is None
    assert await found.find(job_view(), last) == ("12345", False)


@pytest.mark.parametrize("gone", ["deleted", "not listed"])
async def test_invalid_dkroncluster_changes_nothing_and_deleted_clears(gone: str) -> None:
    installation = begin().parts.installation
    body = cluster(notifications=[HOOK])
    installation.informer.upsert(body)
    assert [endpoint.name for endpoint in installation.endpoints] == ["ops"]
    installation.informer.upsert(cluster(notifications=[{**HOOK, "when": ["never"]}]))
    assert [endpoint.name for endpoint in installation.endpoints] == ["ops"]
    assert installation.problems[0].startswith("spec.notifications.0.when")
    installation.informer.remove(body) if gone == "deleted" else await installation.informer.replace([], 2)
    assert installation.endpoints == ()
