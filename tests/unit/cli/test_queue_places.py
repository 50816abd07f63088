"""Places in queues of Kueue, as `dkronctl` asks the cluster for them."""

from typing import cast

import pytest

from dkron_cli.edge.queue_places import with_queue_places
from dkron_crds.job import JobStatus
from dkron_kube.client import KubeClient
from dkron_kube.errors import KubeError, NotFound, Rejected
from dkron_kube.paths import VISIBLE_QUEUES
from dkron_reports.job import from_object
from dkron_reports.run import attempts_of
from tests.support.builders import NOON, claim, seen, wire_job
from tests.support.fake_kube import FakeKube

PENDING = VISIBLE_QUEUES._replace(plural="localqueues/pendingworkloads")
WAITS = seen(claim()).model_copy(update={"queued_at": NOON, "queue": "team-a"})
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
