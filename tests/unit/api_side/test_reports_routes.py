"""The routes of explain, agenda, failing and summary, and what a table of many jobs asks of the list; what they say is
tried in `test_reports`."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import jsonschema_rs
import pytest

from dkron_api.cache import health_index as health_index_module
from dkron_api.cache.health_index import Slices
from dkron_api.edge.keys import CLUSTERS, LEASES
from dkron_api.routes import jobs, reports
from dkron_api.routes.openapi import document
from dkron_crds.job import Condition, JobStatus, Skipped, SkipReason
from dkron_kube.paths import DKRON_PAUSES, PODS
from dkron_reports.health import health_of
from tests.support.api_app import Api, object_of, running_api
from tests.support.builders import NOON, after, claim, execution, of_job, seen, wire_job, wire_pod

READY = Condition(type="Ready", status="True", reason="Scheduled", last_transition_time=NOON)
DAY = {"date": "2026-02-28", "success": 9, "failed": 9}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(reports.ROUTES, jobs.ROUTES) as running:
        running.know(CLUSTERS, object_of("dkron", spec={"paused": True}, status={"days": [DAY]}))
        lease = {"holderIdentity": "op", "renewTime": "2026-03-01T12:00:00.000000Z", "leaseDurationSeconds": 15}
        running.know(LEASES, object_of("dkron", spec=lease))
        yield running


def job(name: str, **fields: Any) -> dict[str, Any]:
    defaults = {"since": after(hours=-1), "observed_generation": 1, "last_schedule_time": NOON, "conditions": (READY,)}
    status = JobStatus(**{**defaults, "next": after(60), "last_success": NOON, **fields})
    return wire_job(name=name, uid=name, created=after(hours=-1), status=status)


async def answer(api: Api, path: str) -> Any:
    found = await api.client.get(path)
    assert found.status == 200, await found.text()
    return await found.json()


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        pytest.param("/v1/jobs/a/explain?from=10m&to=2026-03-01T12:05:00Z", "explanation", id="a period"),
        pytest.param("/v1/jobs/a/explain?at=now", "explanation", id="a moment"),
        pytest.param("/v1/agenda?within=5m&count=3&crowded=2", "agenda", id="agenda"),
        pytest.param("/v1/failing?since=1h&count=2", "failing", id="failing"),
        pytest.param("/v1/summary", "summary", id="summary"),
        pytest.param("/v1/jobs?fields=name,states&state=failing", "fields_of_a_job", id="fields"),
    ],
)
async def test_an_answer_is_as_it_is_described(api: Api, path: str, schema: str) -> None:
    api.know_jobs(job("a"), job("b", status="failed"))
    found = await answer(api, path)
    described = {"$ref": f"#/components/schemas/{schema}", "components": document()["components"]}
    for each in found if isinstance(found, list) else [found]:
        jsonschema_rs.validator_for(described).validate(each)


async def test_slots_are_explained_and_the_agenda_covers_all_jobs(api: Api) -> None:
    api.know_jobs(job("a"), job("b"))
    explained = await answer(api, "/v1/jobs/a/explain?from=2026-03-01T12:01:00Z&to=2026-03-01T12:03:00Z")
    assert [each["what"] for each in explained["slots"]] == ["to come"] * 3
    agenda = await answer(api, "/v1/agenda?within=3m&count=2&crowded=2")
    assert ([each["job"] for each in agenda["due"]], agenda["total"], len(agenda["crowded"])) == (["a", "b"], 6, 3)


async def test_a_slot_that_came_due_in_a_pause_names_it(api: Api) -> None:
    skips = Skipped(count=60, last_time=NOON, last_reason=SkipReason.MISSED)
    api.know_jobs(job("a", skipped=skips))
    active = {"type": "Active", "status": "False", "reason": "Expired"}
    made = {"creationTimestamp": "2026-03-01T11:30:00Z"}
    spec = {"jobs": ["a"], "until": "2026-03-01T12:00:30Z"}
    api.kube.put(DKRON_PAUSES, object_of("moves", metadata=made, spec=spec, status={"conditions": [active]}))
    (slot,) = (await answer(api, "/v1/jobs/a/explain?at=2026-03-01T12:00:00Z"))["slots"]
    assert slot["why"] == "held by the pause moves, from 2026-03-01T11:30:00Z to 2026-03-01T12:00:30Z"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        pytest.param("/v1/jobs/none/explain", 404, 'there is no job "none"', id="no job"),
        pytest.param("/v1/jobs/a/explain?at=noon", 400, 'at: "noon" is not a time', id="no time"),
        pytest.param("/v1/agenda?within=soon", 400, 'within: "soon" is not a duration', id="no duration"),
        pytest.param("/v1/agenda?count=2001", 400, "count: ", id="too many"),
        pytest.param("/v1/agenda?crowded=1", 400, 'crowded: "1" is not allowed; use a whole number from 2', id="one"),
        pytest.param("/v1/failing?since=yesterday", 400, 'since: "yesterday" is not a duration', id="no period"),
        pytest.param("/v1/failing?count=0", 400, 'count: "0" is not allowed; use a whole number from 1', id="none"),
        pytest.param("/v1/jobs?fields=name,secret", 400, 'fields: "secret" is not known; use id, name', id="a field"),
        pytest.param("/v1/jobs?state=odd", 400, 'state: "odd" is not known; use ready, pending', id="a state"),
    ],
)
async def test_refusals(api: Api, path: str, status: int, sentence: str) -> None:
    api.know_jobs(job("a"))
    found = await api.client.get(path)
    assert found.status == status
    assert sentence in await found.text()


async def test_summary_has_the_installation_and_follows_the_jobs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_index_module, "SHARE", 0)
    api.know_jobs(job("a"), job("b", status="failed"))
    found = await answer(api, "/v1/summary")
    assert (found["jobs"], found["counts"]["failing"], found["leader"], found["paused"]) == (2, 1, "op", True)
    assert found["days"][-2] == {"date": "2026-02-28", "success_count": 9, "failed_count": 9}
    api.own.job_index.upsert({**job("b"), "metadata": {**job("b")["metadata"], "resourceVersion": "2"}})
    assert (await answer(api, "/v1/summary"))["counts"]["failing"] == 0


async def test_summary_names_the_nodes_of_running_executions(api: Api) -> None:
    runs = seen(claim(after(-60)))
    api.know_jobs(job("a", active=(runs,)))
    api.kube.put(PODS, of_job(wire_pod(node="n7"), runs.job))
    assert [each["node_name"] for each in (await answer(api, "/v1/summary"))["running"]["executions"]] == ["n7"]


async def test_overview_is_computed_once_for_many_clients(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_index_module, "SHARE", 1e9)
    api.know_jobs(job("a"))
    first, again = await asyncio.gather(api.own.health_index.summary(), api.own.health_index.summary())
    assert first is again


async def test_changed_spec_is_unobserved_only_after_a_delay(api: Api) -> None:
    unseen = {**job("a"), "metadata": {**job("a")["metadata"], "generation": 2}}
    api.know_jobs(unseen)
    times = iter((NOON, after(20)))
    health_index = health_index_module.HealthIndex(api.own.job_index, lambda: next(times), Slices())
    (health,) = await health_index.all()
    assert [[each.kind for each in health.troubled(after(seconds))] for seconds in (30, 61)] == [[], ["unseen"]]
    api.own.job_index.upsert({**unseen, "metadata": {**unseen["metadata"], "resourceVersion": "2"}})
    (again,) = await health_index.all()
    since = [each.troubled(after(61))[0].since for each in (health, again)]
    assert since == [after(60)] * 2


async def test_unreadable_job_is_counted_as_pending(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = health_of

    def broken(raw: Any, **options: Any) -> Any:
        if raw["metadata"]["name"] == "b" and "status" in raw:
            raise OverflowError
        return whole(raw, **options)

    monkeypatch.setattr(health_index_module, "health_of", broken)
    api.know_jobs(job("a"), job("b"))
    counts = (await answer(api, "/v1/summary"))["counts"]
    assert (counts["ready"], counts["pending"]) == (1, 1)


async def test_a_list_shows_the_fields_that_a_table_needs(api: Api) -> None:
    api.know_jobs(job("a"), job("b", status="failed"), job("c", status="failed", next=after(30)))
    path = "/v1/jobs?state=failing&fields=next,name,states&_sort=next&_end=1"
    found = await api.client.get(path)
    assert found.headers["X-Total-Count"] == "2"
    assert await found.text() == '[{"next":"2026-03-01T12:00:30Z","name":"c","states":["ready","failing"]}]'
    assert list((await answer(api, "/v1/jobs?fields=name,problem"))[0]) == ["name"]


async def test_a_list_may_be_of_jobs_that_are_slow(api: Api) -> None:
    long = tuple(execution(claim(after(minutes=-each)), seconds=30 if each == 1 else 10) for each in range(1, 5))
    api.know_jobs(job("a"), job("b", executions=long), job("c", executions=long[1:]))
    assert [each["name"] for each in await answer(api, "/v1/jobs?state=slow&fields=name")] == ["b"]
    refused = await api.client.get("/v1/jobs?state=slower")
    assert refused.status == 400
    assert (await refused.text()).endswith(", paused, slow")


@pytest.mark.parametrize("query", ["", "?_start=0&_end=9", "?_sort=schedule", "?pretty"])
async def test_list_of_any_query_is_compressed_for_who_asks(api: Api, query: str) -> None:
    api.know_jobs(*(job(f"job-{number}") for number in range(9)))
    for _ in range(2):
        plain = await api.client.get(f"/v1/jobs{query}", headers={"Accept-Encoding": "identity"})
        packed = await api.client.get(f"/v1/jobs{query}", headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert [each.headers.getall("Vary") for each in (plain, packed)] == [["Accept-Encoding"]] * 2
        assert packed.headers["Content-Length"] == str(len(await packed.read()))
        assert gzip.decompress(await packed.read()) == await plain.read()


async def test_list_page_reads_the_health_of_only_its_jobs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(raw: Any, **options: Any) -> Any:
        read.append(raw["metadata"]["name"])
        return health_of(raw, **options)

    monkeypatch.setattr(health_index_module, "health_of", noted)
    api.know_jobs(job("a"), job("b", status="failed"), job("c"))
    path = "/v1/jobs?fields=name,states&_start=1&_end=2"
    assert await answer(api, path) == await answer(api, path) == [{"name": "b", "states": ["ready", "failing"]}]
    assert read == ["b"]
    await answer(api, "/v1/summary")
    assert sorted(read) == ["a", "b", "c"]


async def test_long_computations_yield_to_other_requests() -> None:
    slices = Slices()
    ran: list[str] = []

    def steps(name: str) -> Any:
        while "other" not in ran or len({*ran}) < 4:
            ran.append(name)
            yield
        return name

    async def other() -> None:
        ran.append("other")

    async with asyncio.timeout(10):
        assert await asyncio.gather(*(slices.run(steps(each)) for each in "abc"), other()) == ["a", "b", "c", None]
    turns = [name for name, _ in groupby(ran)]
    assert turns[:2] == ["a", "other"], "one slice at most comes before another request"
