"""One tenant does not starve the others: turns and creates of each namespace."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Ended, GroupStatus, JobStatus
from dkron_kube.paths import DKRON_JOBS, JOBS
from dkron_operator.act.events import ROOM
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.kit.oldest_first import OldestFirst
from dkron_operator.plan.actions import Report, Severity
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.dependencies import Dependencies, Parent
from dkron_operator.plan.situation.view import Situation
from dkron_operator.reconcile.create_budget import BURST, SILENCE, CreateBudget
from dkron_operator.telemetry.metrics import MOST_NAMESPACES, Metrics
from dkron_runtime.fair_queue import FairQueue
from dkron_runtime.token_bucket import SWEEP, Rate, TokenBuckets
from tests.support.builders import NOON, after, claim, execution, job_view, run, situation, wire_job
from tests.support.edges import Edges, begin, until
from tests.support.fake_kube import FakeKube
from tests.support.plans import created, requests_removed

# --- turns -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.lists(st.sampled_from(["pop", "flood"]), max_size=60))
def test_namespace_waits_at_most_one_turn_of_each_other(flood: list[int], before: list[str]) -> None:
    queue: FairQueue[tuple[int, int]] = FairQueue(lambda key: key[0])
    number = 0
    for group, count in enumerate(flood):
        for _ in range(count):
            number += 1
            queue.add((group, number))
    for each in before:
        number += 1
        queue.add((number % len(flood), number)) if each == "flood" else queue.pop(lambda _: True)
    queue.add((-1, 0))
    turns = 0
    while turns <= len(flood) and (found := queue.pop(lambda _: True)) is not None and found[1] != -1:
        turns, number = turns + 1, number + 1
        queue.add((number % len(flood), number))
    assert turns <= len(flood)


@pytest.mark.looptime
async def test_noisy_namespace_takes_no_event_turns_from_others() -> None:
    edges = begin()
    noisy = job_view(uid="noisy")
    edges.events.report(replace(noisy, namespace="quiet", uid="quiet"), Report(Severity.NORMAL, "Quiet", "x"))
    for number in range(ROOM + 50):
        edges.events.report(replace(noisy, uid=f"noisy-{number}"), Report(Severity.NORMAL, "Noisy", str(number)))
    assert len(edges.events.queue) > ROOM
    edges.events.report(replace(noisy, namespace="late", uid="late"), Report(Severity.NORMAL, "Late", "x"))
    async with edges.running():
        await edges.events.queue.idle()
    told = [body["reason"] for body in edges.kube.bodies if "reason" in body]
    assert Counter(told) == {"Quiet": 1, "Late": 1, "Noisy": ROOM - 2}
    assert told.index("Late") < 5


# --- creates ---------------------------------------------------------------------------------------------------------


@given(
    st.floats(0.1, 500),
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from("ab")), min_size=1, max_size=200),
)
def test_token_bucket_keeps_its_rate_and_never_delays_within_it(
    per_second: float, burst: float, takes: list[tuple[float, str]]
) -> None:
    buckets, now = TokenBuckets(Rate(per_second, burst)), 0.0
    given_at: dict[str, list[float]] = {"a": [], "b": []}
    single = {group: TokenBuckets(buckets.rate) for group in "ab"}
    for pause, group in takes:
        now += pause
        at = buckets.take(group, now)
        assert at == single[group].take(group, now), "what others take changes nothing"
        assert at >= max([now, *given_at[group][-1:]]), "who came first goes first"
        within = all(
            len(given_at[group]) - n + 1 <= burst + per_second * (now - first)
            for n, first in enumerate(given_at[group])
        )
        if within:
            assert at == pytest.approx(now)
        given_at[group].append(at)
    for times in given_at.values():
        for first, begun in enumerate(times):
            for last in range(first, len(times)):
                assert last - first + 1 <= burst + per_second * (times[last] - begun) + 1 + 1e-6


def test_full_buckets_are_not_held() -> None:
    buckets = TokenBuckets(Rate(10, 10))
    for number in range(10 * SWEEP):
        buckets.take(number, float(number))
    assert len(buckets) <= SWEEP + 1


class Teller:
    def __init__(self, per_second: float) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.metrics = Metrics()
        self.budget = CreateBudget(
            per_second, clock=Clock(monotonic=lambda: self.now), metrics=self.metrics,
            events=Mock(report=lambda job, report: self.told.append(f"{job.name} {report.reason}")),
        )  # fmt: skip

    def delayed(self) -> dict[str, float]:
        (family,) = [each for each in self.metrics.registry.collect() if each.name == "dkron_operator_creates_delayed"]
        return {sample.labels["namespace"]: sample.value for sample in family.samples}


def test_waiting_job_keeps_its_turn_and_is_reported_once() -> None:
    teller, store = Teller(2), Store()
    for number in range(16):
        store.upsert_job(wire_job(name=f"job-{number}", uid=str(number)))
    waits = {entry.job.uid: teller.budget.take(entry) for entry in store}
    assert [uid for uid, wait in waits.items() if wait is None] == [str(number) for number in range(int(2 * BURST))]
    assert [wait.total_seconds() for wait in waits.values() if wait] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert (teller.budget.left("0"), teller.budget.left("15")) == (None, timedelta(seconds=3))
    assert teller.told == [f"job-{number} CreatesDelayed" for number in range(11, 16)], "half a second is no news"
    teller.now += 2.9
    last = store.get("15")
    assert last is not None
    left = teller.budget.left("15")
    assert left is not None
    assert left.total_seconds() == pytest.approx(0.1)
    teller.now += 0.2
    assert (teller.budget.left("15"), teller.budget.take(last), len(teller.budget)) == (None, None, 5)
    for _ in range(12):
        teller.budget.take(last)
    assert len(teller.told) == 5, "once an hour, not for each slot"
    assert teller.delayed() == {"default": pytest.approx(6, abs=10)}
    teller.budget.forget("15")
    teller.now += SILENCE
    for _ in range(14):
        teller.budget.take(last)
        teller.budget.forget("15")
    assert teller.told[5:] == ["job-15 CreatesDelayed"]


def test_unlimited_budget_is_free_and_few_namespaces_get_series() -> None:
    teller, store = Teller(0), Store()
    store.upsert_job(wire_job())
    assert {teller.budget.take(next(iter(store))) for _ in range(1000)} == {None}
    for number in range(2 * MOST_NAMESPACES):
        teller.metrics.delayed(f"namespace-{number}")
    assert (len(teller.delayed()), teller.delayed()["Other"]) == (MOST_NAMESPACES + 1, MOST_NAMESPACES)


def held(look: Situation) -> Plan:
    return advance(replace(look, throttled_until=after(seconds=90)))


def requested_run(**spec: Any) -> Situation:
    job = job_view(schedule="@manually", requests={"a": "2026-03-01T12:00:00Z"}, **spec)
    return situation(job, now=after(2))


def of_retry() -> Situation:
    job = job_view(retries=1)
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=(claim(attempt=2),))
    return situation(job, status, now=after(5))


def of_two_ends() -> Situation:
    job = job_view(schedule="", parentJob="a")
    shown = tuple(Ended(group=group, at=after(group), status=GroupStatus.SUCCESS) for group in (1, 2))
    return situation(job, now=after(30), dependencies=Dependencies(parents={"a": Parent("uid-a", shown)}))


WAITING = {
    "a slot": (situation(now=after(60)), 1),
    "a retry": (of_retry(), 1),
    "a run after another": (of_two_ends(), 1),
    "a request": (requested_run(), 1),
    "a request that is refused": (requested_run(disabled=True), 0),
}


@pytest.mark.parametrize(("look", "creates"), WAITING.values(), ids=WAITING.keys())
def test_throttled_job_is_undecided_and_later_plans_match(look: Situation, creates: int) -> None:
    plan = advance(look)
    assert (plan.spends, plan.throttled, int(plan.create is not None)) == (True, False, creates)
    waits = held(look)
    assert (waits.spends, waits.throttled, waits.create) == (False, True, None)
    assert waits.wake is not None
    assert waits.wake <= after(seconds=90)
    assert waits.status.last_schedule_time == look.status.last_schedule_time
    assert (waits.status.skipped, waits.status.refused) == (None, ())
    assert not [report.reason for report in waits.actions_of(Report)]
    assert len(waits.status.heard) <= 1, "a second end of the same parent has its effect after the first"
    assert advance(replace(look, status=waits.status, persisted=waits.status)).create == plan.create
    assert held(replace(look, now=after(seconds=91))).spends, "its turn has come"


def test_nothing_that_creates_no_job_waits() -> None:
    late = of_retry()
    late = replace(late, job=job_view(retries=1, startingDeadlineSeconds=1), now=after(40))
    slot = JobStatus(since=NOON, fingerprint=late.job.fingerprint, active=(claim(),))
    assert created(held(replace(late, status=slot, persisted=slot))).late
    unsure = situation(now=after(60), unconfirmed_create=claim(after(60)))
    assert created(held(unsure)).entry == claim(after(60)), "it may exist, and was paid for"
    assert not held(unsure).spends
    status = JobStatus(since=NOON, executions=(execution(claim()),), counted=(claim().job,))
    done = job_view(schedule="@manually", requests={"a": "2026-03-01T12:00:00Z"})
    first = created(advance(situation(done, now=after(2)))).entry
    plan = held(situation(done, status, now=after(9), runs=[run(first)]))
    assert requests_removed(plan) == ["a"]


@pytest.mark.looptime
async def test_slots_that_wait_are_late_and_none_is_lost() -> None:
    kube = FakeKube()
    for number in range(8):
        kube.put(DKRON_JOBS, wire_job(name=f"job-{number}", uid=f"uid-{number}", created=NOON))
    edges = Edges(kube, creates=1.0)
    edges.watch()
    async with edges.running():
        await until(60.5)
        assert (len(kube.names(JOBS)), len(edges.parts.budget)) == (5, 3)
        await until(61.5)
        assert len(kube.names(JOBS)) == 6
        await until(70)
    assert (len(kube.names(JOBS)), len(edges.parts.budget)) == (8, 0)
    assert all(edges.status(f"job-{number}").last_schedule_time == after(60) for number in range(8))
    told = [body["reason"] for body in kube.bodies if "reason" in body]
    assert Counter(told)["CreatesDelayed"] == 3


# --- room ------------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([1, 2, 5]),
    st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=40),
    st.randoms(use_true_random=False),
)
def test_oldest_jobs_fit_the_limit_in_any_arrival_order(
    most: int, changes: list[tuple[int, bool]], random: Any
) -> None:
    keys, found = set[int](), OldestFirst[int](most)

    def oldest() -> set[int]:
        return {*sorted(keys)[:most]}

    for key, goes in changes:
        before = oldest()
        keys ^= keys & {key} if goes else {key} - keys
        changed = found.remove(key) if goes else found.upsert(key)
        assert {each for each in keys if found.has_room(each)} == oldest()
        assert {changed} - {None} == (before ^ oldest()) - {key}
    again, order = OldestFirst[int](most), list(keys)
    random.shuffle(order)
    for key in order:
        again.upsert(key)
    assert [each for each in keys if again.has_room(each)] == [each for each in keys if found.has_room(each)]
