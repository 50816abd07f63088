"""Jobs that share pools, planned in turn: never more runs than places, none idle beside a free place, whatever ends,
is edited, or restarts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.base import rfc3339
from dkron_crds.conditions import ReadyReason
from dkron_crds.job import AttemptState, ConditionStatus, JobStatus, SkipReason, Trigger
from dkron_crds.pool import PoolStatus, Reservation
from dkron_crds.run import BoundJob
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.cause import RunKey, scheduled
from dkron_operator.plan.situation.pools import Places, Pool
from dkron_operator.plan.situation.requested_runs import RunsOfJob
from dkron_operator.plan.situation.view import Outcome, Situation
from dkron_operator.plan.status.holders import holders
from dkron_operator.plan.status.line import Dequeued, queued, with_begun
from dkron_operator.plan.steps.acceptance import accepted_schedule
from dkron_operator.pools.index import PoolIndex
from dkron_operator.pools.places import PoolPlaces
from dkron_operator.pools.status import pool_status
from dkron_operator.watch.object_index import MOST
from tests.support.builders import NAMESPACE, NOON, after, job_view, run, seen, situation
from tests.support.examples import examples
from tests.support.plans import condition, messages
from tests.support.steps import carried_out
from tests.unit.operator_side.test_requested_runs import requested

HOME = "home"


def wire_pool(
    name: str, size: object = 1, *, namespace: str = NAMESPACE, version: int = 1, created: float = 0, **spec: Any
) -> dict[str, Any]:
    """A DkronPool as the API server sends it; each version is an edit."""
    metadata = {
        "name": name, "namespace": namespace, "uid": f"uid-of-{namespace}-{name}", "generation": version,
        "resourceVersion": str(version), "creationTimestamp": rfc3339(after(created)),
    }  # fmt: skip
    return {"metadata": metadata, "spec": {"size": size, **spec}}


@dataclass
class Shared:
    """Jobs each minute that share pools. A plan is carried out at once, and a job that is requeued is planned."""

    sizes: dict[str, int]
    now: float = 0.0
    jobs: dict[str, Situation] = field(default_factory=dict)
    due: list[str] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """The jobs of the calls that were made without a pod."""
    version: int = 1

    def __post_init__(self) -> None:
        self.index = PoolIndex(HOME)
        for name, size in self.sizes.items():
            self.index.upsert(wire_pool(name, size))
        self.places = PoolPlaces(cast("Store", self), self.index, requeue=self.due.append)

    def __iter__(self) -> Iterator[CachedJob]:
        """As the store."""
        return map(_cached, self.jobs.values())

    def get(self, name: str) -> CachedJob | None:
        """As the store."""
        return _cached(self.jobs[name]) if name in self.jobs else None

    def add(self, name: str, pools: str, *, namespace: str = NAMESPACE, **spec: Any) -> None:
        """A job that names these pools, which have names of one letter."""
        job = job_view(name=name, uid=name, **{"pools": list(pools), "schedule": "@manually", **spec})
        job = replace(job, namespace=namespace)
        known = {"since": NOON, "fingerprint": job.fingerprint, "accepted": accepted_schedule(job.spec)}
        status = JobStatus(**known, last_schedule_time=after(minutes=self.now))
        self.jobs[name] = situation(job, status, now=after(minutes=self.now), fireable_since=NOON)
        self.due.append(name)

    def ask_each(self, names: str, pools: str, *priorities: int) -> None:
        """Jobs with names of one letter, and a run of each, a minute apart."""
        for name, priority in zip(names, priorities or [0] * len(names), strict=True):
            self.add(name, pools, priority=priority)
            self.request(name, 1)
            self.pass_to(self.now + 1)

    def pass_to(self, minute: float) -> None:
        self.now = minute
        self.due += self.jobs
        self.drain()

    def request(self, name: str, number: int, **fields: Any) -> None:
        """A DkronRun that asks for a run of the job."""
        found = self.jobs[name]
        asked = requested(f"run-{name}-{number}", bound=BoundJob(name=name, uid=name), at=number, **fields)
        self.jobs[name] = replace(found, runs=RunsOfJob(undecided=(*found.runs.undecided, asked), listed=True))
        self.due.append(name)

    def resize(self, name: str, size: int | None) -> None:
        """Edit a pool, or delete it."""
        self.version += 1
        if size is None:
            self.index.remove((NAMESPACE, name))
        else:
            self.index.upsert(wire_pool(name, size, version=self.version))
        self.places.look_again(self.places.naming(None))
        self.drain()

    def end(self, name: str, *, success: bool = True) -> None:
        """The oldest Job of the job that runs ends."""
        found, state = self.jobs[name], AttemptState.SUCCEEDED if success else AttemptState.FAILED
        running = [each for each in found.attempts.values() if not each.finished]
        if running:
            first = min(running, key=lambda each: (each.created, each.name))
            outcome = Outcome(success=success, finished_at=after(minutes=self.now))
            self.jobs[name] = replace(
                found, attempts={**found.attempts, first.name: replace(first, state=state)},
                outcomes={**found.outcomes, first.name: outcome},
            )  # fmt: skip
            self.due.append(name)
        self.drain()

    def restart(self) -> None:
        self.places.renew()
        self.pass_to(self.now)

    def drain(self) -> None:
        while self.due:
            self.plan(self.due.pop(0))

    def plan(self, name: str) -> None:
        while True:
            found = replace(self.jobs[name], now=after(minutes=self.now))
            found = replace(found, places=self.places.of(found.job))
            plan = self.plans[name] = advance(found)
            self.places.settle(_cached(found), plan)
            self.calls += [name] if plan.create is not None and plan.create.call else []
            done = carried_out(found, plan)
            self.jobs[name] = done
            if done == found:
                return

    def holding(self, name: str) -> frozenset[RunKey]:
        return holders(self.jobs[name].status, self.jobs[name].attempts.values())

    def waiting(self, name: str) -> list[RunKey]:
        claims = [
            each for each in self.jobs[name].status.active if (each.trigger, each.group) not in self.holding(name)
        ]
        return [(each.trigger, each.group) for each in sorted(claims, key=lambda each: (each.queued_at, each.group))]

    def taken(self) -> Counter[str]:
        """How many runs hold a place in each pool."""
        found: Counter[str] = Counter()
        for name, each in self.jobs.items():
            found.update({pool: len(self.holding(name)) for pool in each.job.spec.pools})
        return found

    def lines(self) -> str:
        """The jobs with a run that holds a place, then those with one that waits."""
        running = "".join(name for name in self.jobs for _ in self.holding(name))
        return f"{running}|{''.join(name for name in self.jobs for _ in self.waiting(name))}"


def _cached(found: Situation) -> CachedJob:
    observed = SimpleNamespace(attempts=found.attempts)
    remembered = SimpleNamespace(unconfirmed_create=found.unconfirmed_create)
    known = SimpleNamespace(job=found.job, status=found.status, observed=observed, remembered=remembered)
    return cast("CachedJob", known)


EACH_MINUTE = {"schedule": "0 * * * * *"}


def test_runs_wait_for_a_place_and_begin_in_turn() -> None:
    shared = Shared({"a": 1})
    shared.ask_each("xyz", "a")
    assert shared.lines() == "x|yz"
    waits = next(each for each in shared.jobs["y"].status.active)
    assert (waits.uid, waits.queued_at) == ("", after(minutes=2))
    assert condition(shared.plans["y"], "Ready").message == "1 run waits in line, for a place in a"
    shared.pass_to(5)
    shared.end("x")
    assert shared.lines() == "y|z"
    began = next(each for each in shared.jobs["y"].status.active)
    assert (began.queued_at, began.started_at) == (after(minutes=2), after(minutes=5))
    shared.end("y")
    shared.end("z")
    assert shared.lines() == "|"


def test_run_with_a_free_place_is_claimed_and_does_not_wait() -> None:
    shared = Shared({"a": 1, "b": 1})
    shared.add("x", "ab", **EACH_MINUTE)
    shared.pass_to(1.1)
    begun = next(each for each in shared.jobs["x"].status.active)
    assert (begun.queued_at, bool(begun.uid)) == (None, True)
    plain = Shared({"a": 1})
    plain.add("x", "a", **EACH_MINUTE)
    plain.now = 1.1
    found = replace(plain.jobs["x"], now=after(minutes=1.1), places=plain.places.of(plain.jobs["x"].job))
    create = advance(found).create
    assert create is not None
    assert [type(change).__name__ for change in create.before] == ["Decided", "Started"]


def test_place_is_held_through_the_backoff() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a", retries=1, retryBackoff={"initial": "60s", "max": "60s"})
    shared.add("y", "a")
    shared.request("x", 1)
    shared.drain()
    shared.request("y", 1)
    shared.end("x", success=False)
    assert shared.lines() == "x|y"
    shared.pass_to(3)
    assert shared.lines() == "x|y"
    shared.end("x", success=False)
    assert shared.lines() == "y|"


def test_members_of_a_run_take_one_place() -> None:
    causes = [replace(scheduled(after(minutes=1)), member=str(number)) for number in range(3)]
    waiting = tuple(queued(cause.entry(uid="x", name="x", at=NOON), NOON) for cause in causes)
    status = JobStatus(active=waiting)
    assert holders(status, ()) == frozenset()
    group = (Trigger.SCHEDULE, waiting[0].group)
    begun = JobStatus(active=(seen(waiting[0]), *waiting[1:]))
    assert holders(begun, ()) == {group}
    left = with_begun(status, Dequeued(waiting, after(1)))
    assert holders(left, ()) == {group}, "none has its Job yet"
    created = run(waiting[0])
    assert holders(status, [created]) == {group}
    assert holders(status, [replace(created, state=AttemptState.FAILED)]) == frozenset()
    assert holders(status, (), waiting[1]) == {group}


def test_success_frees_the_place_before_the_output_is_read() -> None:
    entry = scheduled(after(minutes=1)).entry(uid="x", name="x", at=NOON)
    group, active = (Trigger.SCHEDULE, entry.group), JobStatus(active=(seen(entry),))
    assert holders(active, [run(entry)]) == {group}
    assert holders(active, [replace(run(entry), state=AttemptState.SUCCEEDED)]) == frozenset()
    assert holders(active, [replace(run(entry), state=AttemptState.FAILED)]) == {group}, "a retry may follow"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job with this spec, whose run holds the only place, is asked for more runs."""

    spec: dict[str, Any]
    asked: int
    lines: str
    skipped: SkipReason | None = None
    force: bool = False
    then: str
    """After the run has ended."""


POLICIES = {
    "allow waits": Row(spec={}, asked=2, lines="x|xx", then="x|x"),
    "forbid skips": Row(
        spec={"concurrency": "forbid"}, asked=1, lines="x|", skipped=SkipReason.CONCURRENCY_FORBIDDEN, then="|"
    ),
    "forced, it waits for the place": Row(spec={"concurrency": "forbid"}, asked=1, force=True, lines="x|x", then="x|"),
    "queue waits": Row(spec={"concurrency": "queue"}, asked=2, lines="x|xx", then="x|x"),
    "a full line drops": Row(
        spec={"queue": {"max": 1}}, asked=2, lines="x|x", skipped=SkipReason.QUEUE_FULL, then="x|"
    ),
    "not a forced run": Row(spec={"queue": {"max": 1}}, asked=3, force=True, lines="x|xxx", then="x|xx"),
}


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in POLICIES.items()])
def test_concurrency_beside_pools(row: Row) -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a", **row.spec)
    shared.request("x", 0)
    shared.drain()
    for number in range(row.asked):
        shared.request("x", number + 1, force=row.force)
    shared.drain()
    skipped = shared.jobs["x"].status.skipped
    assert (shared.lines(), skipped and skipped.last_reason) == (row.lines, row.skipped)
    shared.end("x")
    assert shared.lines() == row.then


def test_refused_request_is_told_that_the_other_run_waits() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a")
    shared.add("y", "a", concurrency="forbid")
    shared.request("x", 0)
    shared.drain()
    shared.request("y", 1)
    shared.drain()
    assert shared.lines() == "x|y"
    for waits, said in ((True, "the job has a run that waits"), (False, "the job is running")):
        shared.request("y", 3 - waits)
        found = shared.jobs["y"]
        plan = advance(replace(found, places=shared.places.of(found.job)))
        assert messages(plan, "RunRefused") == [f"{said}, and its concurrency is forbid"]
        shared.drain()
        shared.end("x")


@pytest.mark.parametrize("backfill", [False, True], ids=["a request", "a backfill"])
def test_line_of_a_pool_has_room_for_backfills(*, backfill: bool) -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a", queue={"max": 1})
    for number in range(4):
        shared.request("x", number, backfill=backfill)
    shared.drain()
    assert shared.lines() == ("x|xxx" if backfill else "x|x")


def test_runs_of_a_namespace_that_wait_for_places_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dkron_operator.pools.places.MOST_WAITING", 3)
    shared = Shared({"a": 1})
    shared.ask_each("uvwxy", "a")
    shared.add("z", "a", namespace="web")
    assert shared.lines() == "u|vwx"
    skipped = shared.jobs["y"].status.skipped
    assert (skipped and skipped.last_reason) == SkipReason.QUEUE_FULL
    assert not shared.places.of(shared.jobs["z"].job).crowded, "another namespace has room"
    shared.end("u")
    shared.request("y", 9)
    shared.drain()
    assert shared.lines() == "v|wxy"


def test_full_line_refuses_no_forced_run() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a", queue={"max": 1})
    for number, force in enumerate((False, False, True)):
        shared.request("x", number, force=force)
        shared.drain()
    assert (shared.lines(), shared.jobs["x"].status.skipped) == ("x|xx", None)


def test_newer_run_ends_the_older_one_and_waits_for_its_place() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a", concurrency="replace", queue={"max": 1}, **EACH_MINUTE)
    shared.pass_to(1.1)
    shared.now = 2.1
    found = replace(shared.jobs["x"], now=after(minutes=2.1), places=shared.places.of(shared.jobs["x"].job))
    queued = carried_out(found, advance(found))
    plan = advance(queued)
    assert plan.create is not None
    assert ([each.slot for each in plan.create.replaces], plan.create.late) == ([after(minutes=1)], True)
    deleted = {each.name: replace(each, deleting=True) for each in plan.create.replaces}
    shared.jobs["x"] = replace(queued, attempts=queued.attempts | deleted)
    shared.pass_to(3.1)
    assert shared.lines() == "x|x", "of two that wait, the newer one stays"
    assert shared.jobs["x"].status.skipped is not None
    assert shared.jobs["x"].status.skipped.last_reason == SkipReason.REPLACED


def test_priority_decides_in_a_pool_that_says_so() -> None:
    shared = Shared({"a": 1})
    shared.index.upsert(wire_pool("a", 1, version=2, order="priority"))
    shared.ask_each("xyz", "a", 0, 1, 2)
    assert shared.lines() == "x|yz"
    shared.end("x")
    assert shared.lines() == "z|y"


def test_edit_of_the_order_holds_for_those_that_wait() -> None:
    shared = Shared({"a": 1})
    shared.ask_each("xyz", "a", 0, 1, 2)
    shared.index.upsert(wire_pool("a", 1, version=2, order="priority"))
    for name in "xyz":
        shared.places.look_again([name])
    shared.drain()
    shared.end("x")
    assert shared.lines() == "z|y"


def test_call_without_a_pod_waits_for_a_place() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "a")
    shared.request("x", 1)
    config = {"method": "GET", "url": "http://localhost/", "inline": "true"}
    shared.add("y", "a", executor="http", executorConfig=config)
    shared.request("y", 1)
    shared.jobs["y"] = replace(shared.jobs["y"], caller="us", signature="us")
    shared.drain()
    assert shared.lines() == "x|y"
    shared.end("x")
    assert (shared.lines(), shared.calls) == ("y|", ["y"])


def test_smaller_pool_ends_no_run_and_a_larger_one_begins_more() -> None:
    shared = Shared({"a": 2})
    shared.ask_each("wxyz", "a")
    assert shared.lines() == "wx|yz"
    shared.resize("a", 1)
    shared.end("w")
    assert shared.lines() == "x|yz"
    shared.resize("a", 3)
    assert shared.lines() == "xyz|"


def test_job_waits_for_a_pool_that_does_not_exist() -> None:
    shared = Shared({"a": 1})
    shared.add("x", "ab")
    shared.add("y", "a")
    for name in "xy":
        shared.request(name, 1)
    shared.drain()
    assert shared.lines() == "y|x"
    plan = shared.plans["x"]
    assert condition(plan, "Ready").status is ConditionStatus.UNKNOWN, "a pool of the same file may follow"
    shared.pass_to(1)
    ready = condition(shared.plans["x"], "Ready")
    text = 'this job takes a place in pool "b", which does not exist for this namespace'
    assert (ready.status, ready.reason, ready.message) == (ConditionStatus.FALSE, ReadyReason.POOL_NOT_FOUND, text)
    shared.resize("b", 1)
    shared.end("y")
    assert shared.lines() == "x|"
    assert condition(shared.plans["x"], "Ready").status is ConditionStatus.TRUE
    shared.resize("b", None)
    assert shared.lines() == "x|", "a run that has its place keeps it"


def test_no_place_is_given_before_all_jobs_of_a_pool_are_planned() -> None:
    shared = Shared({"a": 2, "b": 1})
    for name, pools in (("x", "a"), ("y", "a"), ("z", "b")):
        shared.add(name, pools)
        shared.request(name, 1)
    shared.places.renew()
    shared.due.clear()
    assert [shared.places.is_unread(name) for name in "xyz"] == [True] * 3
    shared.places.mark_read("y")
    for name in "yz":
        shared.plan(name)
    shared.drain()
    assert (shared.lines(), shared.places.is_unread("y")) == ("z|y", False)
    shared.places.fail("x", soon=True)
    shared.drain()
    assert shared.lines() == "z|y", "it is read again soon"
    shared.places.fail("x", soon=False)
    shared.drain()
    assert shared.lines() == "yz|", "a job that cannot be planned holds none up"


@pytest.mark.parametrize("soon", [True, False], ids=["no answer: it may have begun", "refused: it has not"])
def test_place_of_a_run_whose_begin_failed(*, soon: bool) -> None:
    shared = Shared({"a": 1})
    for name in "xy":
        shared.add(name, "a")
        shared.request(name, 1)
    found = replace(shared.jobs["x"], places=shared.places.of(shared.jobs["x"].job))
    shared.places.settle(_cached(found), advance(found))
    shared.due[:] = ["y"]
    shared.drain()
    assert shared.lines() == "|y"
    shared.places.fail("x", soon=soon)
    shared.drain()
    assert shared.lines() == ("|y" if soon else "y|")


@pytest.mark.parametrize("edit", ["of the job", "of the pool"])
def test_edit_takes_back_a_grant(edit: str) -> None:
    shared = Shared({"a": 2, "b": 1})
    shared.ask_each("xyz", "a")
    shared.ask_each("w", "b")
    shared.jobs["x"] = replace(shared.jobs["x"], status=JobStatus(since=NOON), attempts={})
    found = shared.jobs["x"]
    shared.places.settle(_cached(found), advance(replace(found, places=Places(free=False))))
    granted = shared.jobs["z"]
    assert len(shared.places.of(granted.job).granted) == 1
    if edit == "of the job":
        job = replace(granted.job, spec=granted.job.spec.model_copy(update={"pools": ("b",)}))
        assert shared.places.of(job) == Places(free=False)
    else:
        shared.index.upsert(wire_pool("a", 1, version=2))
        assert shared.places.of(granted.job) == Places(free=False)


@pytest.mark.parametrize("way", ["the job is gone", "it names another pool"])
def test_place_of_a_job_that_leaves_is_free(way: str) -> None:
    shared = Shared({"a": 1, "b": 1})
    for name in "xy":
        shared.add(name, "a")
        shared.request(name, 1)
    shared.drain()
    if way == "the job is gone":
        shared.jobs.pop("x")
        shared.places.observe("x", None)
    else:
        moved = job_view(name="x", uid="x", pools=["b"], schedule="@manually")
        shared.jobs["x"] = replace(shared.jobs["x"], job=moved)
        shared.due.append("x")
    shared.drain()
    assert shared.lines().startswith("y|" if way == "the job is gone" else "xy|")


def test_budget_of_a_namespace_leaves_the_place_to_others() -> None:
    shared = Shared({"a": 1})
    shared.ask_each("wxy", "a")
    shared.jobs["x"] = replace(shared.jobs["x"], throttled_until=after(minutes=9))
    shared.due.append("x")
    shared.end("w")
    assert shared.lines() == "y|x"


def test_status_names_the_run_that_has_a_place_reserved() -> None:
    """And since when: a later status of the same run keeps the time."""
    shared = Shared({"a": 2, "b": 1})
    shared.ask_each("v", "b")
    shared.ask_each("x", "ab")
    run_id = shared.jobs["x"].status.active[0].id

    def status(minutes: float) -> PoolStatus:
        view = shared.index._views[NAMESPACE, "a"]
        usage = shared.places.usage(view.pool, shared.places.decision())
        found = pool_status(shared.index, view, usage, after(minutes=minutes))
        shared.index._views[NAMESPACE, "a"] = replace(view, status=found)
        return found

    for minutes in (10, 11):
        found = status(minutes)
        assert found.reserved == Reservation(namespace=NAMESPACE, job="x", id=run_id, since=after(minutes=10))
        kept = f"since {rfc3339(after(minutes=10))} a place is kept for run {run_id} of {NAMESPACE}/x"
        assert found.message == f"0 of 2 in use; 1 run waits; {kept}"
    shared.end("v")
    assert status(12).reserved is None


def test_usage_tells_who_waits_first() -> None:
    shared = Shared({"a": 2})
    shared.ask_each("abcdefghijklmno", "a", *range(15))
    pool = shared.index.serving((NAMESPACE, "a"))
    assert pool is not None
    usage = shared.places.usage(pool, shared.places.decision())
    assert (usage.running, usage.waiting) == (2, 13)
    assert [each.job for each in usage.line] == list("cdefghijkl")
    first = usage.line[0]
    assert (first.namespace, first.priority, first.queued_at) == (NAMESPACE, 2, after(minutes=3))
    assert first.id == shared.jobs["c"].status.active[0].id


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("request"), st.sampled_from("wxyz")),
        st.tuples(st.just("end"), st.sampled_from("wxyz")),
        st.tuples(st.just("fail"), st.sampled_from("wxyz")),
        st.tuples(st.just("resize"), st.sampled_from("ab"), st.sampled_from([None, 0, 1, 2, 3])),
        st.tuples(st.just("restart")),
        st.tuples(st.just("pass")),
    ),
    max_size=25,
)


@settings(max_examples=examples(200), deadline=None)
@given(STEPS)
def test_places_are_full_and_never_exceeded(story: list[tuple[Any, ...]]) -> None:
    shared = Shared({"a": 2, "b": 1})
    sizes: dict[str, int | None] = dict(shared.sizes)
    for name, pools, spec in (("w", "a", {}), ("x", "ab", {"concurrency": "queue"}), ("y", "b", {}), ("z", "ab", {})):
        shared.add(name, pools, retries=1, retryBackoff={"initial": "90s", "max": "90s"}, queue={"max": 50}, **spec)
    number = 0
    for what, *of in story:
        before = shared.taken()
        match what:
            case "request":
                number += 1
                shared.request(of[0], number)
                shared.drain()
            case "end":
                shared.end(of[0])
            case "fail":
                shared.end(of[0], success=False)
            case "resize":
                sizes[of[0]] = of[1]
                shared.resize(*of)
            case "restart":
                shared.restart()
            case _:
                shared.pass_to(shared.now + 1)
        taken = shared.taken()
        for pool, size in sizes.items():
            assert taken[pool] <= max(size or 0, before[pool]), f"{what}: {taken} of {sizes}"
        for name, each in shared.jobs.items():
            # A run of both pools may reserve a place of one.
            kept = len(each.job.spec.pools) == 1 and bool(shared.waiting("x") or shared.waiting("z"))
            free = all(taken[pool] + kept < (sizes[pool] or 0) for pool in each.job.spec.pools)
            may = each.job.spec.concurrency == "allow" or not shared.holding(name)
            assert not (shared.waiting(name) and free and may), f"{what}: {name} waits beside free places"
    begun = sum(len({attempt.group for attempt in each.attempts.values()}) for each in shared.jobs.values())
    assert begun + sum(len(shared.waiting(name)) for name in shared.jobs) == number, "each has begun once, or waits"


@dataclass(frozen=True, kw_only=True)
class Named:
    """Which pool a job of the namespace `team` means by "db", beside these."""

    pools: tuple[dict[str, Any], ...]
    key: tuple[str, str] | None
    said: str = ""


def test_namespace_holds_its_share_of_a_pool_at_most() -> None:
    shared = Shared({})
    shared.index.upsert(wire_pool("a", 3, namespace=HOME, namespaces=["team", "web"], perNamespace=2))
    for name in "uvwxyz":
        shared.add(name, "a", namespace="team" if name < "z" else "web")
        shared.request(name, 1)
        shared.pass_to(shared.now + 1)
    assert shared.lines() == "uvz|wxy"
    shared.end("z")
    assert shared.lines() == "uv|wxy", "a place stays free"
    shared.end("u")
    assert shared.lines() == "vw|xy"
    shared.index.upsert(wire_pool("a", 3, namespace=HOME, namespaces=["team", "web"], perNamespace=1, version=2))
    shared.places.look_again(shared.places.naming(None))
    shared.end("v")
    assert shared.lines() == "w|xy", "what runs counts in a smaller share"
    shared.restart()
    assert shared.lines() == "w|xy"
    shared.end("w")
    assert shared.lines() == "x|y"


def test_share_has_no_effect_outside_of_the_operators_namespace() -> None:
    shared = Shared({})
    shared.index.upsert(wire_pool("a", 2, perNamespace=1))
    shared.ask_each("xy", "a")
    assert shared.lines() == "xy|"
    assert next(iter(shared.index)).elsewhere


def test_long_decision_ends_when_a_job_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dkron_operator.pools.places.MOST_LOOKS", 0)
    shared = Shared({"a": 0, "b": 0})
    shared.ask_each("uvwxyz", "a")
    shared.ask_each("st", "b")
    for pool in "ab":
        shared.index.upsert(wire_pool(pool, 4, version=2))
    shared.places.look_again(shared.places.naming(None))
    taken = shared.places.usage(Pool((NAMESPACE, "a"), 4), shared.places.decision()).running
    assert taken == 1, "the rest is left for later"
    assert not shared.places.of(shared.jobs["s"].job).free
    shared.drain()
    assert shared.lines() == "uvwxst|yz"


AT_HOME = wire_pool("db", namespace=HOME, namespaces=["team", "web"])
MANY = [wire_pool(f"p{number}", namespace="team") for number in range(MOST)]
RESOLUTION = {
    "none": Named(pools=(), key=None, said='pool "db", which does not exist for this namespace'),
    "its own": Named(pools=(wire_pool("db", namespace="team"),), key=("team", "db")),
    "the operator's that names it": Named(pools=(AT_HOME,), key=(HOME, "db")),
    "its own comes first": Named(pools=(AT_HOME, wire_pool("db", namespace="team")), key=("team", "db")),
    "the operator's that names others": Named(
        pools=(wire_pool("db", namespace=HOME, namespaces=["web"]),), key=None, said="does not exist"
    ),
    "another's that names it": Named(
        pools=(wire_pool("db", namespace="web", namespaces=["team"]),), key=None, said="does not exist"
    ),
    "one that is not valid": Named(pools=(wire_pool("db", "?", namespace="team"),), key=None, said="has no effect"),
    "the operator's that is not valid has no namespaces": Named(
        pools=(wire_pool("db", "?", namespace=HOME, namespaces=["team"]),), key=None, said="does not exist"
    ),
    "one of too many": Named(
        pools=(*MANY, wire_pool("db", namespace="team", created=1)),
        key=None,
        said="has no effect: see its status",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in RESOLUTION.items()])
def test_pool_that_a_job_means(row: Named) -> None:
    index = PoolIndex(HOME)
    for body in row.pools:
        index.upsert(body)
    found = index.find("team", "db")
    assert getattr(found, "key", None) == row.key
    assert row.said in getattr(found, "message", "")


def test_index_says_whose_jobs_a_change_concerns() -> None:
    index = PoolIndex(HOME)
    assert index.upsert(wire_pool("db", namespace="team")) == "team"
    assert index.upsert(wire_pool("db", namespace="team")) is None, "the same version"
    written = wire_pool("db", namespace="team", version=2)
    written["metadata"]["generation"] = 1
    assert index.upsert(written) is None, "only the status"
    assert index.upsert(wire_pool("db", 2, namespace="team", version=3)) == "team"
    assert index.upsert(wire_pool("db", namespace=HOME)) == ""
    assert (index.remove(("team", "db")), index.remove(("team", "db")), index.remove((HOME, "db"))) == (
        "team",
        None,
        "",
    )
    assert not index.keys(None)
