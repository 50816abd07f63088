"""Places in queues of Kueue: where they are shown, how seldom they are asked for, and what is shown without them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from dkron_api.jobs import queue_places
from dkron_api.routes import executions, reports
from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_from_dkron.moments import ZERO
from dkron_kube.errors import KubeError, Rejected, Unavailable
from dkron_kube.paths import DKRON_JOBS, VISIBLE_QUEUES
from tests.support.api_app import Api
from tests.support.builders import NAME, NOON, after, claim, seen, wire_job

ROUTES = (executions.ROUTES, reports.ROUTES)
PENDING = VISIBLE_QUEUES._replace(plural="localqueues/pendingworkloads")
ASKED = "get localqueues/pendingworkloads team-a"


def waits(second: float = 0, queue: str = "team-a") -> Attempt:
    return seen(claim(after(second))).model_copy(
        update={"state": AttemptState.QUEUED, "queued_at": NOON, "queue": queue}
    )


WAITS = waits()
OWNED = {"ownerReferences": [{"uid": WAITS.uid}]}


def knows(api: Api, *active: Attempt, places: Mapping[str, int] | None = None) -> None:
    """The API knows a job with these attempts. Kueue tells positions by uids; None for no visibility API."""
    status = JobStatus(since=after(-60), last_schedule_time=NOON, active=active)
    api.know_jobs(api.kube.put(DKRON_JOBS, wire_job(status=status)))
    if places is not None:
        items = [
            {"metadata": {"ownerReferences": [{"uid": uid}]}, "positionInClusterQueue": place}
            for uid, place in places.items()
        ]
        api.kube.put(PENDING, {"metadata": {"name": "team-a"}, "items": items})


async def read(api: Api, path: str) -> Any:
    answer = await api.client.get(f"/v1/jobs/{NAME}/{path}")
    assert answer.status == 200
    return await answer.json()


async def test_place_is_shown_where_one_job_is_asked_about(api: Api) -> None:
    knows(api, WAITS, places={"another": 0, WAITS.uid: 4})
    (listed,) = await read(api, "executions")
    assert (listed["place"], listed["started_at"]) == (5, ZERO)
    (filtered,) = await read(api, "executions?state=waiting")
    one = await read(api, f"executions/{WAITS.id}")
    (slot,) = (await read(api, "explain?at=2026-03-01T12:00:00Z"))["slots"]
    assert (filtered["place"], one["place"], one["started_at"], slot["place"]) == (5, 5, ZERO, 5)
    assert slot["why"].endswith("in LocalQueue team-a, place 5 in its ClusterQueue")
    assert api.kube.calls.count(ASKED) == 1, "an answer counts for a second"
    assert {"limit": "1000"} in api.kube.bodies


async def test_concurrent_clients_share_a_question(api: Api) -> None:
    knows(api, WAITS, places={WAITS.uid: 0})
    answers = await asyncio.gather(*(read(api, "executions") for _ in range(9)))
    assert [each["place"] for (each,) in answers] == [1] * 9
    assert api.kube.calls.count(ASKED) == 1


async def test_job_without_a_queue_asks_nothing(api: Api) -> None:
    knows(api, seen(claim()), places={})
    await read(api, "executions")
    await read(api, "explain")
    assert ASKED not in api.kube.calls


async def test_job_with_many_queues_asks_about_a_few(api: Api) -> None:
    knows(api, *(waits(second, f"team-{second}") for second in range(9)))
    assert len(await read(api, "executions")) == 9
    assert sum(call.startswith("get localqueues/") for call in api.kube.calls) == 4


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(None, 0, id="no visibility API"),
        pytest.param(Rejected("forbidden"), 1, id="forbidden"),
        pytest.param(Unavailable("service unavailable"), 1, id="its server is away"),
    ],
)
async def test_execution_is_shown_without_a_place(
    api: Api, error: KubeError | None, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    knows(api, WAITS)
    if error is not None:
        api.kube.fail("get localqueues/pendingworkloads", error, error)
    for _ in range(3):
        (listed,) = await read(api, "executions")
        assert ("place" in listed, listed["started_at"]) == (False, ZERO)
    assert api.kube.calls.count(ASKED) == 1, "it is not asked again at once"
    assert len([each for each in caplog.records if "cannot tell places" in each.getMessage()]) == told


async def test_answer_does_not_wait_for_a_slow_server(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    knows(api, WAITS)
    monkeypatch.setattr(queue_places, "SECONDS", 0.01)

    async def never(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(api.kube, "subresource", never)
    async with asyncio.timeout(30):
        (listed,) = await read(api, "executions")
    assert "place" not in listed


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(None, id="no list"),
        pytest.param(["a"], id="no objects"),
        pytest.param([{"positionInClusterQueue": "2", "metadata": OWNED}], id="a text"),
        pytest.param([{"positionInClusterQueue": 2, "metadata": {"ownerReferences": []}}], id="no owner"),
        pytest.param([{"positionInClusterQueue": 2}], id="no metadata"),
    ],
)
async def test_odd_answer_tells_no_place(api: Api, items: Any) -> None:
    knows(api, WAITS, places={})
    api.kube.edit(PENDING, "team-a", lambda body: body.update(items=items))
    (listed,) = await read(api, "executions")
    assert "place" not in listed
