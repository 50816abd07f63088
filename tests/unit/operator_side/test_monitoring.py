"""The operator tells of itself: probes in one sentence, series that Prometheus can read, a port that is taken."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port

from dkron_crds.job import Condition, ConditionStatus, JobStatus, NotedPause, SkipReason, Trigger
from dkron_kube.client import Call
from dkron_kube.paths import DKRON_JOBS, JOBS, NODES
from dkron_operator.archive.archiver import ArchiveState
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.leader.election import Leadership
from dkron_operator.monitoring.gauges import MOST_JOBS, Gauges
from dkron_operator.monitoring.health import BEAT, FAILURE, HANG, MEMORY, SILENCE, LoopLag, Phase, unhealthy, unready
from dkron_operator.monitoring.job_states import SLICE, JobStates, Sums
from dkron_operator.monitoring.job_summary import JobState, JobSummary
from dkron_operator.monitoring.monitoring import Monitored, Monitoring, page
from dkron_operator.monitoring.port import Answers, Exposure, PortTaken, application, listening
from dkron_operator.plan.status.facts import Recorded, SlotResult, Slots
from dkron_operator.telemetry.metrics import MOST_REASONS, Metrics
from dkron_operator.watch.liveness import LastSign, WatchLiveness
from dkron_runtime.supervision import Supervisor
from generate.operator_metrics import PAGE, with_table
from tests.support.builders import NAMESPACE, NOON, after, claim, execution, request_claim, wire_job
from tests.support.scrape import Scrape, read, read_registry

# --- probes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lag", "ended", "words"),
    [
        pytest.param(0.0, (), (), id="all is well"),
        pytest.param(HANG, (), (), id="as late as is allowed"),
        pytest.param(HANG + 1, (), ("event loop", "6.0 s", "5 s"), id="held up"),
        pytest.param(0.0, ("lease", "watch"), ("has ended", "lease, watch"), id="dead parts"),
    ],
)
def test_hanging_or_incomplete_operator_is_unhealthy(
    lag: float, ended: tuple[str, ...], words: tuple[str, ...]
) -> None:
    sentence = unhealthy(lag=lag, ended=ended)
    assert bool(sentence) == bool(words)
    assert [word for word in words if word not in sentence] == []


GOOD = LastSign(seen=990.0)
AT = 1000.0
FAILING = LastSign(seen=990.0, failing=AT - 20)


@pytest.mark.parametrize(
    ("phase", "signs", "words"),
    [
        pytest.param(Phase.STARTING, {}, ("still reading",), id="starting"),
        pytest.param(Phase.LEFT, {"jobs": GOOD}, ("asked to leave",), id="left"),
        pytest.param(Phase.STOPPING, {"jobs": GOOD}, ("stopping",), id="stopping"),
        pytest.param(Phase.WORKING, {"dkronjobs": GOOD, "jobs": GOOD}, (), id="at work"),
        pytest.param(Phase.WORKING, {"a": LastSign(), "jobs": GOOD}, ("watch of a", "not started"), id="no watch yet"),
        pytest.param(Phase.WORKING, {"jobs": LastSign(AT - SILENCE)}, (), id="silent for as long as is allowed"),
        pytest.param(Phase.WORKING, {"jobs": LastSign(AT - 200)}, ("jobs", "received nothing", "200 s"), id="silent"),
        pytest.param(Phase.WORKING, {"jobs": replace(GOOD, failing=AT - FAILURE)}, (), id="failing for a moment"),
        pytest.param(Phase.WORKING, {"jobs": FAILING}, ("jobs has failed", "20 s"), id="failing"),
        pytest.param(
            Phase.WORKING, {"a": LastSign(), "b": LastSign(0.0), "c": GOOD}, ("watch of a", "watch of b"), id="two"
        ),
    ],
)
def test_incomplete_or_inactive_operator_is_not_ready(
    phase: Phase, signs: dict[str, LastSign], words: tuple[str, ...]
) -> None:
    sentence = unready(phase, AT, signs)
    assert bool(sentence) == bool(words)
    assert [word for word in words if word not in sentence] == []


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.WORKING])
def test_pod_whose_rest_api_lacks_a_token_is_not_ready(phase: Phase) -> None:
    assert ("no token" in unready(phase, AT, {"jobs": GOOD}, lacking="no token")) == (phase is Phase.WORKING)


class Hands:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = AT

    def clock(self) -> Clock:
        return Clock(now=lambda: NOON + timedelta(seconds=self.at - AT), monotonic=lambda: self.at)


def test_liveness_counts_events_and_watch_answers() -> None:
    hands = Hands()
    signs = WatchLiveness((DKRON_JOBS, JOBS), (None,), hands.clock())
    assert signs.by_resource() == {"dkronjobs": LastSign(), "jobs": LastSign()}
    signs.event(JOBS, "anywhere")
    signs.answer("/k8s/clusters/c-1/apis/dkron.io/v1alpha1/dkronjobs", begun=True)
    assert signs.by_resource() == {"dkronjobs": LastSign(AT), "jobs": LastSign(AT)}
    signs.answer(JOBS.path(), begun=False)
    hands.at += 10
    signs.answer(JOBS.path(), begun=False)
    assert signs.by_resource()["jobs"] == LastSign(AT, failing=AT), "since the first time"
    signs.answer("/api/v1/nodes", begun=True)
    signs.answer(JOBS.path(), begun=True)
    assert signs.by_resource()["jobs"] == LastSign(AT + 10)
    signs.optional_event(NODES)
    assert "nodes" not in signs.by_resource(), "the operator is ready without them"
    assert signs.seen() == {"dkronjobs": AT, "jobs": AT + 10, "nodes": AT + 10}


def test_of_several_namespaces_the_worst_counts() -> None:
    hands = Hands()
    signs = WatchLiveness((JOBS,), ("one", "two"), hands.clock())
    signs.event(JOBS, "one")
    assert signs.by_resource() == {"jobs": LastSign()}, "one of them has not started"
    hands.at += 5
    signs.event(JOBS, "two")
    signs.answer(JOBS.path("two"), begun=False)
    assert signs.by_resource() == {"jobs": LastSign(AT, failing=AT + 5)}


@pytest.mark.looptime
async def test_loop_lag_measures_how_long_work_waits() -> None:
    loop = asyncio.get_running_loop()
    held_up = 0.0
    loop_lag = LoopLag(lambda: loop.time() + held_up)
    beating = asyncio.create_task(loop_lag.run())
    await asyncio.sleep(3.2 * BEAT)
    assert loop_lag.lag == loop_lag.worst == pytest.approx(0.0)
    # Something blocks: the clock goes on, and the loop does not.
    held_up = 7.0
    assert loop_lag.lag == pytest.approx(7.0 - 0.8 * BEAT)
    await asyncio.sleep(BEAT)
    assert loop_lag.lag > HANG
    await asyncio.sleep(2 * BEAT)
    assert loop_lag.lag == pytest.approx(0.0)
    assert round(loop_lag.worst) == 7
    await asyncio.sleep(MEMORY)
    assert loop_lag.worst == pytest.approx(0.0)
    beating.cancel()


# --- what is counted -------------------------------------------------------------------------------------------------


def test_facts_become_series() -> None:
    metrics = Metrics()
    slots = [Slots(NOON, SlotResult.FIRED), Slots(NOON, SlotResult.MISSED, SkipReason.MISSED, 7)]
    good, bad = execution(seconds=2.0), execution(success=False, reason="OOMKilled", seconds=9.0)
    by_hand = execution(request_claim(), success=False, reason="Error")
    metrics.wrote([*slots, *map(Recorded, (good, bad, by_hand))])
    metrics.began(claim(), after(0.2))
    metrics.began(claim(attempt=2), after(9))
    metrics.began(request_claim(), after(9))
    metrics.sized(2000, 0)
    metrics.sized(3000, 2)
    metrics.answered(Call("create", "jobs", 201), 0.02)
    metrics.count_delivery("slack one", delivered=True)
    metrics.count_delivery("slack one", delivered=False)
    seen = read_registry(metrics.registry)
    assert seen.positive("slots_total") == {("", "fired"): 1, ("Missed", "missed"): 7}
    assert seen.positive("executions_total") == {
        ("", "success", "schedule"): 1, ("OOMKilled", "failed", "schedule"): 1, ("Error", "failed", "manual"): 1,
    }  # fmt: skip
    assert seen.one("execution_duration_seconds_sum", result="success") == 2.0
    assert seen.one("execution_duration_seconds_count", result="failed") == 2
    assert (seen.one("schedule_lateness_seconds_count"), seen.one("schedule_lateness_seconds_sum")) == (1, 0.2)
    assert (seen.one("status_bytes_sum"), seen.one("history_truncated_total")) == (5000, 2)
    assert seen.positive("kube_request_duration_seconds_count") == {("create",): 1}
    assert seen.positive("messages_total") == {("slack one", "delivered"): 1, ("slack one", "failed"): 1}
    assert metrics.messages() == {"slack one delivered": 1, "slack one failed": 1}


def test_metrics_exist_before_their_first_event() -> None:
    seen = read_registry(Metrics().registry)
    assert seen.one("slots_total", result="fired", reason="") == 0
    assert {labels["trigger"] for labels in seen.labels("executions_total")} == set(Trigger)
    assert read_registry(Metrics().registry).families == seen.families, "each instance has a registry of its own"


def test_reasons_of_other_programs_are_bounded() -> None:
    metrics = Metrics()
    for reason in [*(f"Reason{number}" for number in range(MOST_REASONS + 20)), "Reason0"]:
        metrics.wrote([Recorded(execution(success=False, reason=reason))])
    seen = read_registry(metrics.registry)
    assert seen.one("executions_total", result="failed", trigger="schedule", reason="Other") == 20
    assert seen.one("executions_total", result="failed", trigger="schedule", reason="Reason0") == 2


# --- what is read off ------------------------------------------------------------------------------------------------


def put(store: Store, name: str, status: JobStatus, **spec: Any) -> None:
    store.upsert_job(wire_job(name=name, uid=name, status=status, **spec))


async def test_job_states_recount_changed_jobs_and_sum_all() -> None:
    store = Store()
    job_states = JobStates(store)
    put(store, "good", JobStatus(since=NOON, next=after(60), status="success", last_success=after(61)))
    put(store, "bad", JobStatus(since=NOON, next=after(30), status="failed"))
    put(store, "half", JobStatus(since=NOON, status="partially_failed"), schedule="", parentJob="good")
    put(store, "new", JobStatus(since=after(120), next=after(180)))
    put(store, "off", JobStatus(since=NOON), disabled=True)
    put(store, "wrong", JobStatus(since=NOON), schedule="soon")
    sums = await job_states.call(after(130))
    assert sums.states == {"scheduled": 3, "dependent": 1, "suspended": 1, "invalid": 1}
    assert (sums.failing, sums.stale, sums.next) == (2, 2, after(30))
    store.on_deleted("bad")
    for number in range(3 * SLICE):
        put(store, f"more-{number}", JobStatus(since=NOON))
    sums = await job_states.call(after(130))
    assert sums.states[JobState.SCHEDULED] == 2 + 3 * SLICE
    assert (sums.failing, sums.next, len(sums.lines)) == (1, after(60), 5 + 3 * SLICE)


async def test_job_is_recounted_when_a_followed_schedule_changes() -> None:
    store = Store()
    job_states = JobStates(store)
    put(store, "last", JobStatus(since=NOON), schedule="", parentJob="middle")
    put(store, "middle", JobStatus(since=NOON), schedule="", parentJob="first")
    assert (await job_states.call(after(7300))).stale == 0, "there is nothing that it could follow"
    put(store, "first", JobStatus(since=NOON), schedule="@every 3600s")
    assert (await job_states.call(after(7100))).stale == 0
    assert (await job_states.call(after(7300))).stale == 3
    status = JobStatus(since=NOON)
    store.upsert_job(wire_job(name="first", uid="first", version=2, generation=2, status=status, schedule="@daily"))
    assert (await job_states.call(after(7300))).stale == 0
    refused = Condition(type="Ready", status=ConditionStatus.FALSE, reason="AccountRefused", last_transition_time=NOON)
    for version, conditions, stale in ((3, (), 3), (4, (refused,), 0), (5, (), 3)):
        status = JobStatus(since=NOON, conditions=conditions)
        store.upsert_job(wire_job(name="first", uid="first", version=version, generation=3, status=status))
        assert (await job_states.call(after(7300))).stale == stale, "nothing follows a job that is refused"
    store.on_deleted("first")
    assert (await job_states.call(after(80000))).stale == 0


async def test_paused_chain_is_stale_two_intervals_after_the_pause() -> None:
    store = Store()
    job_states = JobStates(store)

    def first(version: int, **fields: Any) -> None:
        status = JobStatus(since=NOON, **fields)
        store.upsert_job(wire_job(name="first", uid="first", version=version, status=status, schedule="@every 3600s"))

    def suspended(status: ConditionStatus, *, at: float) -> dict[str, Any]:
        told = Condition(type="Suspended", status=status, reason="Paused", last_transition_time=after(at))
        return {"conditions": (told,)}

    first(1)
    put(store, "last", JobStatus(since=NOON), schedule="", parentJob="first")
    assert (await job_states.call(after(7300))).stale == 2
    first(2, paused=NotedPause(name="p", since=after(60)), **suspended(ConditionStatus.TRUE, at=60))
    sums = await job_states.call(after(7300))
    assert (sums.stale, sums.paused, sums.states[JobState.SUSPENDED]) == (0, 1, 1)
    first(3, **suspended(ConditionStatus.FALSE, at=7200))
    assert [(await job_states.call(after(at))).stale for at in (14300, 14500)] == [0, 2]


def gauges(**fields: Any) -> Gauges:
    defaults: dict[str, Any] = {
        "version": "1.2.3", "leader": False, "active": 2, "waiting": 6, "queues": {"jobs": 3},
        "lag": 0.5, "per_job": False,
        "jobs": Sums(dict.fromkeys(JobState, 1), failing=1, degraded=2, stale=0, next=None),
        "calls": {Call("create", "jobs", 0): 4}, "seen": {"jobs": 17.0},
    }  # fmt: skip
    return Gauges(**{**defaults, **fields})


def shown(**fields: Any) -> Scrape:
    return read(page(gauges(**fields), Metrics().registry).decode())


def test_how_things_stand_becomes_series() -> None:
    seen = shown()
    assert seen.one("build_info", version="1.2.3") == 1
    assert (seen.one("leader"), seen.one("active_executions"), seen.one("queue_depth", queue="jobs")) == (0, 2, 3)
    assert seen.sum("jobs") == len(JobState)
    assert seen.one("jobs_degraded") == 2
    assert seen.one("kube_requests_total", verb="create", resource="jobs", code="0") == 4
    assert seen.one("watch_last_event_timestamp_seconds", resource="jobs") == 17
    assert seen.labels("next_slot_timestamp_seconds") == [], "no job is due"
    assert seen.labels("job_failing") == []


def test_archive_becomes_series_where_there_is_one() -> None:
    assert shown().labels("archive_up") == []
    state = ArchiveState(up=True, waiting_since=NOON, executions=7, size=4096, oldest=None)
    seen = shown(archive=state, now=after(90).timestamp())
    assert (seen.one("archive_up"), seen.one("archive_lag_seconds"), seen.one("archive_executions")) == (1, 90, 7)
    assert seen.labels("archive_oldest_timestamp_seconds") == [], "it is empty"


def of_job(number: int) -> JobSummary:
    good = after(number) if number else None
    return JobSummary(
        NAMESPACE, f"job-{number}", JobState.SCHEDULED, failing=True, degraded=False, stale=None, next=None,
        last_success=good,
    )  # fmt: skip


def with_jobs(number: int) -> Sums:
    return Sums({}, failing=0, degraded=0, stale=0, next=after(1), lines=[of_job(each) for each in range(number)])


def test_per_job_metrics_are_optional_and_bounded() -> None:
    seen = shown(per_job=True, jobs=with_jobs(2))
    assert seen.one("job_failing", namespace=NAMESPACE, job="job-0") == 1
    assert seen.labels("job_last_success_timestamp_seconds") == [{"namespace": NAMESPACE, "job": "job-1"}]
    assert seen.one("next_slot_timestamp_seconds") == after(1).timestamp()
    assert shown(per_job=True, jobs=with_jobs(MOST_JOBS + 1)).labels("job_failing") == []


def test_monitoring_page_has_the_table_of_the_registry() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "run `make generate`"


# --- all together, at the port ---------------------------------------------------------------------------------------


class Fake:
    """As much of an operator as monitoring looks at."""

    def __init__(self, *, per_job: bool = False) -> None:
        self.hands = Hands()
        clock = self.hands.clock()
        self.store = Store()
        self.watch_liveness = WatchLiveness((DKRON_JOBS, JOBS), (None,), clock)
        self.supervisor = Supervisor(clock=clock.monotonic)
        self.lease = Mock(view=Leadership(held=True))
        queue = Mock(__len__=lambda _: 3)
        queue.name = "hand on"
        parts = Monitored(
            client=Mock(calls={}), store=self.store, cluster_status=Mock(active=4), lease=self.lease,
            budget=Mock(__len__=lambda _: 0), delivery=Mock(waiting=5), calls=Mock(__len__=lambda _: 0),
            watch_liveness=self.watch_liveness, supervisor=self.supervisor, queues=(queue,),
        )  # fmt: skip
        self.monitoring = Monitoring(parts, clock=clock, version="1", per_job=per_job)

    def watched(self) -> None:
        for resource in (DKRON_JOBS, JOBS):
            self.watch_liveness.event(resource, NAMESPACE)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        async with TestClient(TestServer(application(self.monitoring.answers))) as client:
            yield client


async def ask(client: TestClient[Any, Any], path: str) -> tuple[int, str]:
    async with client.get(path) as response:
        return response.status, await response.text()


async def test_probes_follow_the_life_of_an_operator() -> None:
    fake = Fake()
    monitoring = fake.monitoring
    async with fake.client() as client:
        assert await ask(client, "/healthz") == (200, "ok\n")
        assert (await ask(client, "/readyz"))[0] == 503
        monitoring.phase = Phase.WORKING
        assert "has not started" in (await ask(client, "/readyz"))[1]
        fake.watched()
        assert await ask(client, "/readyz") == (200, "ok\n")
        fake.lease.view = Leadership(trouble="forbidden")
        assert (await ask(client, "/readyz"))[0] == 200, "who does not lead is ready"
        fake.hands.at += SILENCE + 1
        assert "received nothing" in (await ask(client, "/readyz"))[1]
        assert (await ask(client, "/healthz"))[0] == 200, "to start again would not help"
        monitoring.phase = Phase.STOPPING
        assert await ask(client, "/readyz") == (503, "the operator is stopping\n")


async def test_ended_task_fails_healthz_unless_the_operator_stops() -> None:
    fake = Fake()
    fake.monitoring.phase = Phase.WORKING
    dead, alive = asyncio.create_task(asyncio.sleep(0), name="lease"), asyncio.create_task(asyncio.sleep(60), name="x")
    fake.monitoring.tasks = [dead, alive]
    await dead
    async with fake.client() as client:
        assert await ask(client, "/healthz") == (503, "a part of the operator has ended: lease\n")
        fake.monitoring.phase = Phase.STOPPING
        assert await ask(client, "/healthz") == (200, "ok\n")
    alive.cancel()


async def test_restarting_part_fails_both_probes() -> None:
    fake = Fake()
    fake.monitoring.phase = Phase.WORKING
    fake.watched()

    async def fails() -> None:
        raise ValueError("odd")

    task = fake.supervisor.start("queue jobs", fails)
    await asyncio.sleep(0.01)
    async with fake.client() as client:
        sentence = "a part of the operator has ended: queue jobs (ValueError: odd)\n"
        assert await ask(client, "/healthz") == (503, sentence)
        assert await ask(client, "/readyz") == (503, sentence)
    task.cancel()


async def test_the_metrics_of_the_whole_are_one_page(caplog: pytest.LogCaptureFixture) -> None:
    fake = Fake(per_job=True)
    fake.watched()
    put(fake.store, "good", JobStatus(since=NOON, next=after(60)))
    fake.hands.at += 30
    async with fake.client() as client, client.get("/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        seen = read(await response.text())
    assert (seen.one("leader"), seen.one("active_executions")) == (1, 4)
    assert (seen.one("queue_depth", queue="hand-on"), seen.one("queue_depth", queue="messages")) == (3, 5)
    assert seen.one("watch_last_event_timestamp_seconds", resource="jobs") == NOON.timestamp()
    assert seen.one("job_failing", namespace=NAMESPACE, job="good") == 0
    assert seen.one("process_cpu_seconds_total") > 0
    assert caplog.records == []


async def test_too_many_jobs_for_own_series_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    fake = Fake(per_job=True)
    fake.monitoring.job_states._lines = {str(number): of_job(number) for number in range(MOST_JOBS + 1)}
    with caplog.at_level(logging.WARNING):
        async with fake.client() as client:
            pages = [(await ask(client, "/metrics"))[1] for _ in range(2)]
    assert [read(each).labels("job_failing") for each in pages] == [[], []]
    (line,) = caplog.messages
    assert all(word in line for word in ("--metrics-per-job", "5001", "5000"))


@pytest.fixture
def answers() -> Answers:
    async def page() -> bytes:
        return b"x 1\n"

    return Answers(unhealthy=str, unready=str, page=page)


async def test_port_is_open_only_while_used(answers: Answers) -> None:
    async with listening(Exposure(host="not an address", port=0), answers):
        pass
    port = unused_port()
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session:
        async with listening(Exposure(port=port), answers), session.get(url) as response:
            assert await response.text() == "x 1\n"
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_taken_port_is_reported_in_one_sentence(answers: Answers) -> None:
    port = unused_port()
    async with listening(Exposure(port=port), answers):
        with pytest.raises(PortTaken, match=rf"--monitoring-port {port}: .*in use"):
            async with listening(Exposure(port=port), answers):
                pass
