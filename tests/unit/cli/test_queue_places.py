"""Queues of Kueue, as `dkronctl` shows them: the one of a job, the places in it, and Jobs that were evicted."""

from typing import Any, cast

import pytest

from dkron_cli.core.job import described, description, from_dkron
from dkron_cli.core.run import attempt_table, attempts_of_dkron, wait_of, waited_of
from dkron_cli.core.table import lines
from dkron_cli.edge.queue_places import with_queue_places
from dkron_crds.job import AttemptState, JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Rejected
from dkron_kube.paths import VISIBLE_QUEUES
from dkron_reports.job import from_object
from dkron_reports.run import attempts_of, runs_of
from tests.support.builders import NOON, claim, seen, wire_job
from tests.support.fake_kube import FakeKube

PENDING = VISIBLE_QUEUES._replace(plural="localqueues/pendingworkloads")
WAITS = seen(claim()).model_copy(update={"state": AttemptState.QUEUED, "queued_at": NOON, "queue": "team-a"})
OWNED = {"metadata": {"ownerReferences": [{"uid": WAITS.uid}]}, "positionInClusterQueue": 2}


@pytest.mark.parametrize(
    ("error", "place"),
    [
        pytest.param(None, 3, id="Kueue tells it"),
        pytest.param(NotFound("no such kind"), 0, id="no visibility API"),
        pytest.param(Rejected("forbidden"), 0, id="the user may not ask"),
    ],
)
async def test_attempt_has_the_place_that_kueue_tells(error: KubeError | None, place: int) -> None:
    kube = FakeKube()
    kube.put(PENDING, {"metadata": {"name": "team-a"}, "items": [OWNED]})
    if error is not None:
        kube.fail("get localqueues/pendingworkloads", error)
    job = from_object(wire_job(status=JobStatus(active=(WAITS,))))
    found = await with_queue_places(cast("KubeClient", kube), job)
    (attempt,) = attempts_of(found.raw["status"])
    assert (attempt.place, attempt.queue) == (place, "team-a")


async def test_job_without_a_queue_asks_nothing() -> None:
    kube = FakeKube()
    job = from_object(wire_job(status=JobStatus(active=(seen(claim()),))))
    assert await with_queue_places(cast("KubeClient", kube), job) is job
    assert kube.calls == []


EVICTED = {"group": 5, "attempt": 1, "started_at": "0001-01-01T00:00:00Z", "success": False, "id": "1-a",
           "finished_at": "0001-01-01T00:00:00Z", "node_name": "", "queued_at": "2026-03-01T11:55:00Z",
           "place": 2, "details": {"local_queue": "reports", "evictions": 3}}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "waited"),
    [
        pytest.param({"queued_for": 60.5}, "60s", id="the first wait"),
        pytest.param({}, "5m", id="not told"),
        pytest.param({"queued_for": 1e300}, "5m", id="beyond all calendars"),
    ],
)
def test_evicted_run_by_rest_waits_again(told: dict[str, Any], waited: str) -> None:
    (attempt,) = attempts_of_dkron([EVICTED | told])
    (run,) = runs_of([attempt])
    where = "again in LocalQueue reports (evicted 3 times), place 2 in its ClusterQueue"
    assert (run.sentence(NOON), wait_of(run)) == (f"waiting, {where}", f"waits {where}")
    assert lines(attempt_table([attempt], now=NOON), width=200)[1].split("waiting")[1].split("   ")[1] == where
    assert (waited_of(attempt, NOON), waited_of(run, NOON)) == (waited, waited)


LABELLED = {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "nightly"}}}


@pytest.mark.parametrize(
    ("spec", "queue"),
    [
        pytest.param({"queueName": "reports"}, "reports", id="the field"),
        pytest.param({"jobTemplate": LABELLED}, "nightly", id="the label"),
        pytest.param({"queueName": "reports", "jobTemplate": LABELLED}, "reports", id="both"),
        pytest.param({"jobTemplate": {"metadata": {"labels": {"team": "a"}}}}, None, id="none"),
    ],
)
def test_queue_of_kueue_is_described(spec: dict[str, Any], queue: str | None) -> None:
    for job in (from_object({"spec": spec}), described(from_dkron({"name": "a"}), spec)):
        assert dict(description(job, now=NOON)).get("LocalQueue") == queue
