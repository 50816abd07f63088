"""Fire: doing it twice is doing it once, and nothing of somebody else's is taken for ours."""

import asyncio
from functools import partial
from typing import Any

import pytest

from dkron_crds.job import Active, JobStatus
from dkron_kube.errors import Conflict, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.plan.actions import CreateJob
from dkron_operator.plan.fold import Decided, Dropped, Passed, Started
from dkron_operator.plan.view import AttemptJob
from tests.support.builders import NOON, after, claim, ended, run, seen, terminated, wire_pod, wire_run
from tests.support.edges import Edges, begin
from tests.support.scrape import read_registry

pytestmark = pytest.mark.looptime
ENTRY = claim()
MARK = (Decided(NOON),)


async def fire(edges: Edges, create: CreateJob, entry: CachedJob | None = None) -> None:
    await edges.reconciler._fire(entry or edges.entry(), create)


def active(edges: Edges) -> tuple[Active, ...]:
    return edges.entry().status.active


async def test_a_job_is_created_and_then_the_slot_is_marked() -> None:
    edges = begin()
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.calls == [f"create jobs {ENTRY.job}"]
    assert edges.entry().pending == [*MARK, Started(seen(ENTRY))]
    assert list(edges.entry().observed.runs) == [ENTRY.job], "the next plan need not wait for the watch"


def lateness(edges: Edges) -> tuple[float, float]:
    """How many Jobs were created for a slot, and how many seconds after it in all."""
    seen = read_registry(edges.store.metrics.registry)
    return seen.one("schedule_lateness_seconds_count"), seen.one("schedule_lateness_seconds_sum")


async def test_it_is_told_how_late_the_job_of_a_slot_was_created() -> None:
    edges = begin()
    await asyncio.sleep(1.5)
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert lateness(edges) == (1, 1.5)
    await fire(edges, CreateJob(ENTRY, late=True))
    assert lateness(edges) == (1, 1.5), "one that was found was created long ago"
    await fire(edges, CreateJob(claim(attempt=2)))
    assert lateness(edges) == (1, 1.5), "a retry is late by design"


async def test_a_job_says_which_installation_has_created_it() -> None:
    edges = begin()
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.has(JOBS, ENTRY.job)["metadata"]["annotations"]["dkron.io/installation"] == "home"


async def test_a_job_that_exists_already_is_adopted() -> None:
    edges = begin()
    edges.kube.put(JOBS, wire_run(ENTRY))
    await fire(edges, CreateJob(claim(at=after(9)), after=MARK))
    assert [entry.uid for entry in active(edges)] == [f"uid-of-{ENTRY.job}"]
    assert edges.entry().status.last_schedule_time == NOON


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(wire_run(ENTRY, owner="another"), id="a job that was made anew"),
        pytest.param(wire_run(ENTRY.model_copy(update={"group": 1})), id="another group"),
        pytest.param(wire_run(ENTRY.model_copy(update={"attempt": 2})), id="another attempt"),
        pytest.param(wire_run(ENTRY.model_copy(update={"trigger": "manual"})), id="another trigger"),
        pytest.param({"metadata": {"name": ENTRY.job, "uid": "x"}}, id="somebody else"),
    ],
)
async def test_a_name_that_belongs_to_another_cause_is_waited_for(other: dict[str, Any]) -> None:
    edges = begin()
    edges.kube.put(JOBS, other)
    with pytest.raises(Unavailable, match="another object has the name"):
        await fire(edges, CreateJob(ENTRY, after=MARK))
    assert active(edges) == ()
    assert edges.entry().status.last_schedule_time is None
    assert edges.entry().remembered.unconfirmed_create == ENTRY
    assert edges.entry().observed.troubles[ENTRY.job].reason == "NameTaken"
    del edges.kube.objects["jobs", ENTRY.job]
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert active(edges) == (seen(ENTRY),)
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().observed.troubles) == (None, {})


async def test_a_name_that_another_holds_until_the_deadline_is_given_up() -> None:
    edges = begin()
    edges.kube.put(JOBS, {"metadata": {"name": ENTRY.job, "uid": "x"}})
    given_up = (Passed(NOON, 1, "DeadlineExceeded", at=NOON),)  # type: ignore[arg-type]
    await fire(edges, CreateJob(ENTRY, late=True, otherwise=given_up))
    assert edges.entry().pending == list(given_up)


@pytest.mark.parametrize("made", [True, False], ids=["that was made", "that was not made"])
async def test_a_create_without_an_answer(*, made: bool) -> None:
    edges = begin()
    if made:
        edges.kube.lose_answer("create jobs")
    else:
        edges.kube.fail("create jobs", Unavailable("down"))
    with pytest.raises(Unavailable):
        await fire(edges, CreateJob(ENTRY, after=MARK))
    assert (edges.entry().remembered.unconfirmed_create, edges.entry().pending) == (ENTRY, [])
    await fire(edges, CreateJob(ENTRY, after=MARK))
    assert edges.kube.names(JOBS) == [ENTRY.job]
    assert (edges.entry().remembered.unconfirmed_create, active(edges)) == (None, (seen(ENTRY),))


@pytest.mark.parametrize("made", [True, False], ids=["is there", "is not there"])
async def test_too_late_is_only_looked_whether_it(*, made: bool) -> None:
    edges = begin()
    if made:
        edges.kube.put(JOBS, wire_run(ENTRY))
    await fire(edges, CreateJob(ENTRY, after=MARK, late=True, otherwise=(Dropped("x"), *MARK)))
    assert edges.kube.calls == [f"get jobs {ENTRY.job}"]
    assert active(edges) == ((seen(ENTRY),) if made else ())
    assert edges.entry().pending == ([*MARK, Started(seen(ENTRY))] if made else [Dropped("x"), *MARK])


async def test_a_refusal_is_the_outcome_of_the_attempt() -> None:
    edges = begin()
    edges.kube.fail("create jobs", Rejected('jobs "x" is forbidden: exceeded quota', status=403))
    await fire(edges, CreateJob(ENTRY, after=MARK))
    outcome = edges.entry().observed.outcomes[ENTRY.job]
    assert (outcome.success, outcome.reason) == (False, "JobRejected")
    assert outcome.message == 'jobs "x" is forbidden: exceeded quota'
    assert active(edges) == (ENTRY,)
    assert edges.entry().status.last_schedule_time == NOON


async def test_a_spec_that_broke_meanwhile_is_a_refusal_too() -> None:
    edges = begin(status=JobStatus(active=(ENTRY,)))
    edges.kube.edit(DKRON_JOBS, "backup", lambda body: body["spec"].update(executorConfig={"command": ""}))
    edges.kube.edit(DKRON_JOBS, "backup", lambda body: body["metadata"].update(generation=2))
    edges.watch()
    await fire(edges, CreateJob(ENTRY))
    assert edges.entry().observed.outcomes[ENTRY.job].reason == "JobRejected"
    assert edges.kube.names(JOBS) == []


async def test_a_claim_comes_first_and_nothing_is_created_without_it() -> None:
    edges = begin(concurrency="forbid")
    claimed = (*MARK, Started(ENTRY))
    edges.kube.edit(DKRON_JOBS, "backup", lambda body: body.update(status={"successCount": 1}))
    with pytest.raises(Conflict):
        await fire(edges, CreateJob(ENTRY, before=claimed))
    assert edges.kube.names(JOBS) == []
    await fire(edges, CreateJob(ENTRY, before=claimed))
    verbs = [call.split()[0] for call in edges.kube.calls]
    assert verbs == ["write", "get", "write", "create"]
    assert edges.status().active == (ENTRY,)


async def test_what_is_replaced_goes_after_the_claim_and_before_the_create() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    acts = [call for call in edges.kube.calls if call.split()[0] in ("write", "delete", "create")]
    deletions = [f"delete jobs {old.job}"] * 2
    assert acts == ["write dkronjobs backup", *deletions, f"create jobs {ENTRY.job}"], "it was seen in an older version"
    assert edges.kube.names(JOBS) == [ENTRY.job]


def pod_of(entry: Active, phase: str) -> dict[str, Any]:
    return wire_pod(states={"job": terminated(0 if phase == "Succeeded" else 3)}, phase=phase, of=entry.job)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_what_is_to_be_replaced_and_is_over_keeps_its_outcome(phase: str) -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old))
    edges.kube.put(PODS, pod_of(old, phase))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    assert sorted(edges.kube.names(JOBS)) == sorted([old.job, ENTRY.job]), "its Job has only yet to say so"


async def test_what_is_to_be_replaced_and_ends_in_that_moment_keeps_its_outcome() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old, status=ended()))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    assert sorted(edges.kube.names(JOBS)) == sorted([old.job, ENTRY.job])
    assert edges.entry().observed.runs[old.job].finished


async def test_what_is_to_be_replaced_and_changes_all_the_time_is_deleted_all_the_same() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old))
    for number in range(3):
        edges.kube.meanwhile("delete jobs", partial(touch, edges, old, number))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    assert edges.kube.names(JOBS) == [ENTRY.job]


def touch(edges: Edges, entry: Active, number: int) -> None:
    edges.kube.edit(JOBS, entry.job, lambda job: job.update(status={"ready": number}))


async def test_pods_that_cannot_be_seen_do_not_keep_what_is_replaced() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old))
    edges.kube.fail("list pods", Rejected("not allowed", status=403))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    assert edges.kube.names(JOBS) == [ENTRY.job]


async def test_what_is_to_be_replaced_and_is_gone_holds_nothing_up() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.source.feed_run(None, wire_run(old))
    await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(run(old),)))
    assert edges.kube.names(JOBS) == [ENTRY.job]
    assert edges.entry().observed.runs[old.job].gone, "whatever the watch has missed"


async def test_a_namesake_of_what_is_to_be_replaced_is_not_deleted() -> None:
    edges = begin(concurrency="replace")
    old = seen(claim(after(-60)))
    edges.kube.put(JOBS, wire_run(old, uid="another"))
    stale: AttemptJob = run(old)
    with pytest.raises(Conflict):
        await fire(edges, CreateJob(ENTRY, before=(Started(ENTRY),), replaces=(stale,)))
    assert edges.kube.names(JOBS) == [old.job]
