"""POST /v1/jobs/{job}/run while the run waits in line: when it is answered, and which executions the lists show."""

import asyncio
from typing import Any

import pytest

from dkron_api.jobs import objects, run_waiter
from dkron_crds.base import rfc3339
from dkron_crds.depends import dependent_group
from dkron_crds.job import Attempt, AttemptState, JobStatus, Trigger
from dkron_crds.requests import group_of
from dkron_kube.paths import DKRON_RUNS
from dkron_operator.plan.situation.cause import Cause
from tests.support.api_app import Api
from tests.support.builders import NAME, NOON, UID, after, execution, request_claim, seen, wire_job
from tests.unit.api_side.test_run_routes import KEY, RUN, asked, run_objects, tell, with_a_job

POOL: dict[str, Any] = {"pools": ["db"], "concurrency": "replace"}
SLOTTED = {"scheduled_time": "2026-02-01T00:00:00Z"}


def in_line(entry: Attempt) -> Attempt:
    return entry.model_copy(update={"state": AttemptState.WAITING, "queued_at": entry.started_at})


def show(api: Api, version: int, *active: Attempt, **status: Any) -> None:
    """The watch shows this status of the job."""
    tell(api, version, JobStatus(active=active, **status), **POOL)


async def dkronrun(api: Api) -> Attempt:
    """The first attempt of the DkronRun, once it is there."""
    async with asyncio.timeout(5):
        for _ in iter(lambda: bool(run_objects(api)), True):
            await asyncio.sleep(0)
    [run] = run_objects(api)
    return Cause(Trigger.MANUAL, NOON, group_of(run["metadata"]["uid"], NOON)).entry(uid=UID, name=NAME, at=NOON)


async def listed(api: Api) -> int:
    return len(await (await api.client.get(f"/v1/jobs/{NAME}/executions")).json())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between two looks at a DkronRun."""
    monkeypatch.setattr(objects, "AGAIN", 0)


@pytest.mark.parametrize("body", [None, {"reason": "why"}], ids=["an annotation", "a DkronRun"])
async def test_timeout_holds_for_a_run_in_line(body: dict[str, str] | None) -> None:
    async with with_a_job(spec=POOL, max_wait=0.05) as api:
        waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true", json=body))
        entry = request_claim(await asked(api)) if body is None else await dkronrun(api)
        show(api, 1000, in_line(entry))
        answer = await waiting
        assert (answer.status, (await answer.json())["name"]) == (202, NAME)
        assert await listed(api) == 1, "it waits on"


async def test_dropped_request_ends_the_wait_at_once() -> None:
    async with with_a_job(spec=POOL) as api:
        waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true"))
        entry = request_claim(await asked(api))
        show(api, 1000, in_line(entry))
        await asyncio.sleep(0)
        assert not waiting.done()
        reason = {"count": 1, "lastTime": "2026-03-01T12:00:00Z", "lastReason": "Replaced"}
        show(
            api, 1001, refused=(entry.job,), **JobStatus.from_wire({"skipped": reason}).model_dump(include={"skipped"})
        )
        async with asyncio.timeout(5):
            answer = await waiting
        assert (answer.status, await answer.text()) == (
            409,
            "the operator did not run it: it waited in line, and a newer run took its place",
        )


@pytest.mark.usefixtures("patient")
async def test_dropped_dkronrun_ends_the_wait_with_its_reason() -> None:
    async with with_a_job(spec=POOL) as api:
        waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true", json=SLOTTED))
        entry = await dkronrun(api)
        show(api, 1000, in_line(entry))
        show(api, 1001, refused=(entry.job,))
        await asyncio.sleep(0)
        assert not waiting.done(), "the job does not say why"
        [run] = run_objects(api)
        api.kube.put(DKRON_RUNS, run | {"status": {"phase": "Refused", "message": "a newer run took its turn"}})
        async with asyncio.timeout(5):
            answer = await waiting
        assert (answer.status, await answer.text()) == (409, "the operator refused the run: a newer run took its turn")


async def test_refused_dkronrun_is_listed_no_more() -> None:
    async with with_a_job(spec=POOL) as api:
        assert (await api.client.post(RUN, headers=KEY)).status == 202
        assert await listed(api) == 1
        entry = await dkronrun(api)
        show(api, 1000, refused=("another",))
        assert await listed(api) == 1
        # The claim and its end may be one write.
        show(api, 1001, refused=(entry.job,))
        assert await listed(api) == 0
        show(api, 1002)
        assert await listed(api) == 0


@pytest.mark.usefixtures("patient")
class TestWithoutItsDkronRun:
    """Its DkronRun was deleted while the run waited."""

    @pytest.fixture(autouse=True)
    def hasty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A DkronRun that is gone is given up at once."""
        monkeypatch.setattr(objects, "TRACELESS", 0)
        monkeypatch.setattr(run_waiter, "TRACELESS", 0)

    async def test_the_wait_goes_on_until_the_run_is_over(self) -> None:
        async with with_a_job(spec=POOL) as api:
            waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true", json=SLOTTED))
            entry = await dkronrun(api)
            show(api, 1000, in_line(entry))
            api.kube.remove(DKRON_RUNS, run_objects(api)[0]["metadata"]["name"])
            done, _ = await asyncio.wait({waiting}, timeout=0.05)
            assert not done
            begun = seen(in_line(entry)).model_copy(update={"started_at": after(60)})
            show(api, 1001, begun)
            show(api, 1002, executions=(execution(begun),))
            async with asyncio.timeout(5):
                assert (await waiting).status == 200

    @pytest.mark.parametrize(("refused", "status"), [(True, 409), (False, 200)], ids=["refused", "without a trace"])
    async def test_the_wait_ends_when_the_run_is_gone(self, status: int, *, refused: bool) -> None:
        async with with_a_job(spec=POOL) as api:
            waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true", json=SLOTTED))
            entry = await dkronrun(api)
            show(api, 1000, in_line(entry))
            api.kube.remove(DKRON_RUNS, run_objects(api)[0]["metadata"]["name"])
            show(api, 1001, refused=(entry.job,) if refused else ())
            async with asyncio.timeout(5):
                answer = await waiting
            text = await answer.text()
            assert (answer.status, "the operator refused the run" in text) == (status, refused)


@pytest.mark.usefixtures("patient")
async def test_wait_for_a_dkronrun_includes_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "TRACELESS", 0)
    async with with_a_job() as api:
        kid: dict[str, Any] = {"name": "kid", "uid": "uid-kid", "parentJob": NAME}
        api.own.job_index.upsert(wire_job(version=999, **kid))
        waiting = asyncio.ensure_future(api.client.post(f"{RUN}?wait=true", json=SLOTTED))
        entry = await dkronrun(api)
        end = {"group": entry.group, "at": rfc3339(after(5))}
        ended = {"ended": [end], "executions": [{"group": entry.group, "finishedAt": end["at"]}]}
        api.own.job_index.upsert(wire_job(version=1000) | {"status": ended})
        [run] = run_objects(api)
        api.kube.put(DKRON_RUNS, run | {"status": {"phase": "Succeeded"}})
        follower = {"group": dependent_group(UID, entry.group, after(5))}
        api.own.job_index.upsert(wire_job(version=1001, **kid) | {"status": {"active": [follower]}})
        api.own.job_index.upsert(wire_job(version=1002) | {"status": ended | {"ended": []}})
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done, "the run that follows goes on"
        api.own.job_index.upsert(wire_job(version=1003, **kid) | {"status": {"executions": [follower]}})
        async with asyncio.timeout(5):
            assert (await waiting).status == 200
