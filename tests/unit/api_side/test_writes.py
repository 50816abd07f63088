"""Writes of jobs while others write, too: repeated, refused or given up, and the job_index holds what is stored."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_api.cache.job_index import JobIndex
from dkron_api.jobs.writer import ATTEMPTS, FREELY, JobWriter, Terms
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Job
from dkron_crds.names import object_name
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.spec import spec_of
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound, Unavailable
from dkron_kube.paths import DKRON_JOBS
from tests.support.builders import NAMESPACE, NOON, after, wire_job
from tests.support.examples import examples
from tests.support.fake_kube import FakeKube
from tests.support.world import Object, World

NAME = "backup"
BODY = JobBody(name=NAME, schedule="@daily", owner="REST", executor_config={"command": "true"})
ANNOTATIONS = {"run.dkron.io/1": "2026-01-01T00:00:00Z"}


class Scene:
    """A server, and the writes of an API that knows what was there in the beginning."""

    def __init__(self, *jobs: Object) -> None:
        self.kube = FakeKube(World(lambda: NOON))
        self.job_index = JobIndex(lambda: NOON)
        self.job_index.object_cache.replace([self.kube.put(DKRON_JOBS, job) for job in jobs], version=1)
        self.writes = JobWriter(cast("KubeClient", self.kube), self.job_index, NAMESPACE)
        self.born = 0

    def job(self) -> Job:
        found = self.job_index.get(NAME)
        assert found is not None
        return found

    def stored(self) -> Object | None:
        return self.kube.has(DKRON_JOBS, NAME) if NAME in self.kube.names(DKRON_JOBS) else None

    def edit(self) -> None:
        """Another writer changes the spec, if there is one."""
        if self.stored() is not None:
            self._change(lambda job: job["spec"].update(owner=f"other {self.kube.world.version}"))

    def write_status(self) -> None:
        """The operator writes."""
        if self.stored() is not None:
            self.kube.edit(DKRON_JOBS, NAME, lambda job: job.update(status={"successCount": self.kube.world.version}))

    def disable(self) -> None:
        """Another writer disables it."""
        self._change(lambda job: job["spec"].update(disabled=True))

    def begin_to_delete(self) -> None:
        """Another writer deletes it, and a finalizer holds it."""
        self._change(lambda job: job["metadata"].update(deletionTimestamp="2026-03-01T12:00:00Z"))

    def _change(self, change: Callable[[Object], None]) -> None:
        def changed(job: Object) -> None:
            change(job)
            job["metadata"]["generation"] += 1

        self.kube.edit(DKRON_JOBS, NAME, changed)

    def delete(self) -> None:
        """Another writer deletes it."""
        self.kube.remove(DKRON_JOBS, NAME)

    def create_anew(self) -> None:
        """Another writer has deleted it and made another."""
        self.born += 1
        self.kube.put(DKRON_JOBS, wire_job(name=NAME, uid=f"reborn-{self.born}", owner="other"))


async def refused(write: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await write
    return caught.value


async def test_unknown_job_is_created_with_its_annotations() -> None:
    world = Scene()
    job, new = await world.writes.upsert(BODY, annotations=ANNOTATIONS)
    stored = world.kube.has(DKRON_JOBS, NAME)
    assert (new, stored["spec"], stored["metadata"]["annotations"]) == (True, spec_of(BODY), ANNOTATIONS)
    assert world.job().version == job.version


async def test_existing_job_keeps_its_kubernetes_fields() -> None:
    world = Scene(wire_job(name=NAME, history={"executions": 7}, owner="before", retries=3))
    job, new = await world.writes.upsert(BODY)
    assert (new, job.raw["spec"]) == (False, spec_of(BODY) | {"history": {"executions": 7}})
    assert world.kube.calls == [f"patch dkronjobs {NAME}"]


OTHERS: tuple[Any, ...] = (
    pytest.param([wire_job(name=NAME)], Scene.edit, ["patch", "get", "patch"], id="changes it"),
    pytest.param([wire_job(name=NAME)], Scene.delete, ["patch", "get", "create"], id="deletes it"),
    pytest.param([wire_job(name=NAME)], Scene.create_anew, ["patch", "get", "patch"], id="replaces it by another"),
    pytest.param([wire_job(name=NAME)], Scene.write_status, ["patch"], id="writes its status"),
    pytest.param([], Scene.create_anew, ["create", "get", "patch"], id="creates it first"),
)


@pytest.mark.parametrize(("there", "act", "verbs"), OTHERS)
async def test_a_save_gets_through_when_another_client(
    there: list[Object], act: Callable[[Scene], None], verbs: list[str]
) -> None:
    world = Scene(*there)
    world.kube.meanwhile(f"{verbs[0]} dkronjobs", lambda: act(world))
    await world.writes.upsert(BODY)
    assert world.kube.has(DKRON_JOBS, NAME)["spec"]["owner"] == "REST"
    assert world.job().raw["spec"]["owner"] == "REST"
    assert [call.split()[0] for call in world.kube.calls] == verbs


async def test_job_under_constant_change_is_given_up() -> None:
    world = Scene(wire_job(name=NAME))
    for _ in range(ATTEMPTS):
        world.kube.meanwhile("patch dkronjobs", world.edit)
    assert (await refused(world.writes.upsert(BODY))).status == 409
    assert world.kube.has(DKRON_JOBS, NAME)["spec"]["owner"] != "REST"


async def test_toggle_inverts_the_stored_value_not_the_cached_one() -> None:
    world = Scene(wire_job(name=NAME, disabled=False))

    world.kube.meanwhile("patch dkronjobs", world.disable)
    job = await world.writes.toggle(world.job())
    assert job.raw["spec"]["disabled"] is False


async def test_toggling_a_job_that_is_gone_is_404() -> None:
    world = Scene(wire_job(name=NAME))
    known = world.job()
    world.delete()
    assert (await refused(world.writes.toggle(known))).status == 404
    assert world.job_index.get(NAME) is None


@pytest.mark.parametrize("write", ["toggle", "delete"])
async def test_a_job_that_is_another_object_by_now_stays(write: str) -> None:
    by_hand = wire_job(name="by-hand", uid="by-hand")
    by_hand["spec"]["name"] = NAME
    world = Scene(by_hand, wire_job(name=NAME, created=after(1)))
    known = world.job()
    assert known.object_name == "by-hand"
    world.job_index.remove(known)
    assert (await refused(getattr(world.writes, write)(known))).status == 409
    assert world.kube.calls == []


async def test_a_job_that_is_being_deleted_takes_nothing() -> None:
    world = Scene(wire_job(name=NAME))
    world.kube.meanwhile("patch dkronjobs", world.begin_to_delete)
    assert (await refused(world.writes.upsert(BODY))).status == 409
    assert world.job_index.get(NAME) is None, "it is gone for all clients"


async def test_a_place_that_another_job_has_is_409() -> None:
    body = JobBody(name="ñ", schedule="@daily")
    occupant = wire_job(name=object_name("ñ"))
    occupant["spec"]["name"] = "other"
    world = Scene(occupant)
    answer = await refused(world.writes.upsert(body))
    assert answer.status == 409
    assert [word for word in (object_name("ñ"), "other") if word not in answer.reason] == []
    assert world.job_index.get("ñ") is None


CONDITIONS: tuple[Any, ...] = (
    pytest.param(Terms(match="1"), None, 412, id="a version of a job that is not there"),
    pytest.param(Terms(match="*"), None, 412, id="any version of a job that is not there"),
    pytest.param(Terms(match="999"), wire_job(name=NAME), 412, id="another version"),
    pytest.param(Terms(match="1001"), wire_job(name=NAME), None, id="its version"),
    pytest.param(Terms(match="*"), wire_job(name=NAME), None, id="any version"),
    pytest.param(Terms(fresh=True), wire_job(name=NAME), 412, id="a new one that is there"),
    pytest.param(Terms(fresh=True), None, None, id="a new one"),
)


@pytest.mark.parametrize(("terms", "there", "status"), CONDITIONS)
async def test_a_save_under_terms(terms: Terms, there: Object | None, status: int | None) -> None:
    world = Scene(*([there] if there else []))
    if status is None:
        await world.writes.upsert(BODY, terms)
        return
    assert (await refused(world.writes.upsert(BODY, terms))).status == status
    assert world.stored() is None or world.kube.has(DKRON_JOBS, NAME)["spec"].get("owner") != "REST"


async def test_create_only_write_does_not_replace_a_concurrent_job() -> None:
    world = Scene()
    world.kube.meanwhile("create dkronjobs", world.create_anew)
    assert (await refused(world.writes.upsert(BODY, Terms(fresh=True)))).status == 412
    assert world.kube.has(DKRON_JOBS, NAME)["spec"]["owner"] == "other"


async def test_a_version_that_passes_on_the_way_is_412() -> None:
    world = Scene(wire_job(name=NAME))
    world.kube.meanwhile("patch dkronjobs", world.write_status)
    assert (await refused(world.writes.upsert(BODY, Terms(match=str(world.job().version))))).status == 412
    assert world.kube.has(DKRON_JOBS, NAME)["spec"].get("owner") is None


async def test_refusal_by_kubernetes_is_passed_on() -> None:
    world = Scene()
    world.kube.fail("create dkronjobs", NotFound("namespaces not found", status=404))
    with pytest.raises(NotFound, match="namespaces not found"):
        await world.writes.upsert(BODY)
    assert len(world.job_index) == 0


@pytest.mark.parametrize("known", [(), (wire_job(name=NAME),)], ids=["a new job", "a job that exists"])
async def test_spec_over_the_bound_is_refused_unwritten(known: tuple[Object, ...]) -> None:
    world = Scene(*known)
    before = world.kube.world.version
    long = JobBody(name=NAME, schedule="@daily", executor="shell", executor_config={"command": "ä" * 40_000})
    error = await refused(world.writes.upsert(long))
    assert (error.status, "at most 65536 are allowed" in error.reason) == (400, True)
    assert world.kube.world.version == before


async def test_unanswered_create_is_hidden_and_repeatable() -> None:
    world = Scene()
    world.kube.lose_answer("create dkronjobs")
    with pytest.raises(Unavailable):
        await world.writes.upsert(BODY)
    assert len(world.job_index) == 0
    await world.writes.upsert(BODY)
    assert world.job().raw["spec"]["owner"] == "REST"


async def test_delete_by_name_deletes_a_recreated_job() -> None:
    world = Scene(wire_job(name=NAME))
    known = world.job()
    world.create_anew()
    await world.writes.delete(known)
    assert world.stored() is None
    assert world.job_index.get(NAME) is None


async def test_delete_with_a_stale_version_is_refused() -> None:
    world = Scene(wire_job(name=NAME))
    known = world.job()
    world.edit()
    assert (await refused(world.writes.delete(known, Terms(match=str(known.version))))).status == 412
    assert world.stored() is not None


ACTS = st.sampled_from((Scene.edit, Scene.write_status, Scene.delete, Scene.create_anew))
CALLS = st.sampled_from(("patch dkronjobs", "create dkronjobs", "get dkronjobs"))


@settings(max_examples=examples(150), deadline=None)
@given(st.booleans(), st.lists(st.tuples(CALLS, ACTS), max_size=8), st.sampled_from(("upsert", "toggle", "delete")))
def test_any_interleaving_leaves_the_index_right(
    there: bool, others: list[tuple[str, Callable[[Scene], None]]], write: str
) -> None:
    async def run() -> None:
        world = Scene(*([wire_job(name=NAME)] if there else []))
        for call, act in others:
            world.kube.meanwhile(call, lambda act=act: act(world))  # type: ignore[misc]
        refusal = await _write(world, write)
        if refusal is not None:
            assert refusal.status == 404 or (refusal.status == 409 and len(others) >= ATTEMPTS), refusal
            return
        stored, known = world.stored(), world.job_index.get(NAME)
        if write == "delete":
            assert (stored, known) == (None, None)
            return
        assert stored is not None
        assert known is not None
        assert (known.uid, known.version) == (stored["metadata"]["uid"], int(stored["metadata"]["resourceVersion"]))
        assert write == "toggle" or stored["spec"]["owner"] == "REST"

    asyncio.run(run())


async def _write(world: Scene, write: str) -> ApiError | None:
    known = world.job_index.get(NAME)
    try:
        if write == "upsert":
            await world.writes.upsert(BODY, FREELY)
        elif known is not None:
            await (world.writes.toggle(known) if write == "toggle" else world.writes.delete(known))
        else:
            return ApiError(404, "there is no job")
    except ApiError as refusal:
        return refusal
    return None
