"""The process about itself: status, pause, health, variables, metrics (Dkron behaviour §1.3, §1.8, §1.9)."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dkron_api import metrics
from dkron_api.cache.object_cache import ObjectCache
from dkron_api.edge.keys import CLUSTERS, LEASES, NODES, SUPERVISOR
from dkron_api.metrics import VERSION
from dkron_api.routes import cluster, health
from dkron_api.stream.subscription import Interest
from dkron_api.translate.status import CacheState
from dkron_api.translate.status import health as judged
from dkron_crds.base import rfc3339
from dkron_kube.client import Call
from dkron_kube.informer import WatchState
from dkron_kube.paths import DKRON_CLUSTERS
from tests.support.api_app import Api, object_of
from tests.support.builders import NOON, wire_job

ROUTES = (cluster.ROUTES, health.ROUTES)
LEASE = object_of("dkron", spec={"holderIdentity": "replica-a", "renewTime": rfc3339(NOON)})


def stored_job(name: str, *, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    job = wire_job(name=name, uid=f"uid-of-{name}", **spec)
    return job if status is None else {**job, "status": status}


# --- GET /v1 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
async def test_the_status_is_true(api: Api, path: str) -> None:
    assert (await api.client.get(path)).status == 503, "the jobs are not known yet"
    active = [{"id": f"{state}-a", "job": "a", "state": state} for state in ("Running", "Claimed", "Waiting", "Queued")]
    api.know_jobs(stored_job("a", status={"active": active}), stored_job("b"))
    api.know(LEASES, LEASE)
    shown = await (await api.client.get(path)).json()
    assert [list(texts) for texts in shown.values()] == [sorted(texts) for texts in shown.values()]
    assert shown["agent"] == {"name": "replica-a", "version": VERSION}
    assert shown["serf"].pop("cache_age")
    assert shown["serf"] == {"active": "1", "jobs": "2", "leader": "replica-a", "members": "1"}
    assert shown["tags"]["namespace"] == "default"


# --- pause -----------------------------------------------------------------------------------------------------------


async def paused(api: Api, method: str, path: str) -> object:
    answer = await api.client.request(method, path)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_pause_changes_nothing_else_of_the_dkroncluster(api: Api) -> None:
    assert (await api.client.get("/v1/pause")).status == 503, "the object could not be read yet"
    api.kube.put(DKRON_CLUSTERS, object_of("dkron", spec={"paused": False, "more": 1}, status={"jobs": 3}))
    assert await paused(api, "POST", "/v1/pause") == {"paused": True}
    stored = api.kube.has(DKRON_CLUSTERS, "dkron")
    assert (stored["spec"], stored["status"]) == ({"paused": True, "more": 1}, {"jobs": 3})


async def test_a_pause_that_kubernetes_refuses_is_none(api: Api) -> None:
    api.know(CLUSTERS)
    answer = await api.client.post("/v1/pause")
    assert (answer.status, await answer.text()) == (404, cluster.ABSENT.format("default"))
    assert await paused(api, "GET", "/v1/pause") == {"paused": False}
    assert api.kube.calls[-1] == "patch dkronclusters dkron"


# --- /health ---------------------------------------------------------------------------------------------------------


SILENT = "the API server has not responded for"
INCOMPLETE = "not all DkronJobs have been read from the API server yet"


@pytest.mark.parametrize(
    ("cache", "issue"),
    [
        pytest.param(CacheState(ready=True, age=0), "", id="fresh"),
        pytest.param(CacheState(ready=True, age=300), "", id="silent for five minutes"),
        pytest.param(CacheState(ready=True, age=1, trouble="watch has ended"), "", id="in trouble just now"),
        pytest.param(CacheState(ready=True, age=301), f"{SILENT} 301 seconds", id="silent"),
        pytest.param(
            CacheState(ready=True, age=400, trouble="no route"),
            f"{SILENT} 400 seconds: no route",
            id="silent for longer, with the reason",
        ),
        pytest.param(CacheState(ready=False, age=0), INCOMPLETE, id="incomplete"),
        pytest.param(
            CacheState(ready=False, age=0, trouble="forbidden"),
            f"{INCOMPLETE}: forbidden",
            id="incomplete, with the reason",
        ),
    ],
)
def test_health_with_a_cache_that_is(cache: CacheState, issue: str) -> None:
    healthy = {"leader": True, "status": "healthy"}
    expected = (503, {"issues": [issue], "leader": True, "status": "unhealthy"}) if issue else (200, healthy)
    assert judged(cache, leader=True) == expected


async def test_livez_fails_only_when_a_part_of_the_process_ends(api: Api) -> None:
    answer = await api.client.get("/livez")
    assert (answer.status, await answer.text()) == (200, '{"status":"healthy"}'), "nothing is known yet"

    async def end() -> None:
        return

    part = api.app[SUPERVISOR].start("watch of jobs", end)
    while not api.app[SUPERVISOR].troubles:  # noqa: ASYNC110 - the supervisor has no event
        await asyncio.sleep(0)
    answer = await api.client.get("/livez")
    assert (answer.status, (await answer.json())["status"]) == (503, "unhealthy")
    assert "watch of jobs (it returned)" in await answer.text()
    part.cancel()


async def test_health_reports_leadership(api: Api) -> None:
    answer = await api.client.get("/health")
    assert (answer.status, (await answer.json())["status"]) == (503, "unhealthy"), "the jobs are not known yet"
    api.know_jobs()
    api.know(LEASES, LEASE)
    assert (await (await api.client.get("/health")).json())["leader"] is True
    api.app[LEASES].upsert(object_of("dkron", version=2, spec={**LEASE["spec"], "holderIdentity": "replica-b"}))
    assert (await (await api.client.get("/health")).json())["leader"] is False


# --- /debug/vars -----------------------------------------------------------------------------------------------------


async def test_variables_match_dkron(api: Api) -> None:
    api.know_jobs(
        stored_job("a", schedule="@every 1m"),
        stored_job("b", disabled=True),
        stored_job("c", parentJob="a", schedule=""),
    )
    answer = await api.client.get("/debug/vars?pretty")
    shown = json.loads(await answer.text())
    assert list(shown) == ["cmdline", "cron_entries", "memstats", "node", "scheduler_started"]
    assert shown["cron_entries"] == {"a": "@every 1m"}
    assert (shown["node"], shown["scheduler_started"]) == ("replica-a", False)
    assert shown["memstats"]["peak_resident_bytes"] > 1_000_000
    assert all(isinstance(word, str) for word in shown["cmdline"])
    api.know(LEASES, LEASE)
    assert (await (await api.client.get("/debug/vars")).json())["scheduler_started"] is True


# --- /metrics --------------------------------------------------------------------------------------------------------


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and label values, in the order of the labels' names."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(api: Api) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = await api.client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return samples(await answer.text())


async def test_metrics_tell_of_requests_by_their_route(api: Api) -> None:
    before = await scraped(api)
    await api.client.get("/health")
    await api.client.get("/nowhere/1")
    await api.client.get("/nowhere/2")
    after = await scraped(api)
    counted = {
        key[1]: after[key] - before.get(key, 0) for key in after if key[0] == "dkron_api_requests_total"
    }  # fmt: skip
    # Labels are code, method, route.
    assert counted["503", "GET", "/health"] == 1
    assert counted["404", "GET", "unknown"] == 2
    timed = ("dkron_api_request_duration_seconds_count", ("GET", "/health"))
    assert after[timed] - before.get(timed, 0) == 1
    assert after["dkron_api_requests_in_flight", ()] == 1


async def test_metrics_cover_jobs_cache_api_server_and_process(api: Api) -> None:
    api.know(NODES, object_of("n1"), object_of("n2"))
    api.know_jobs(stored_job("a", status={"successCount": 3, "errorCount": 1}), stored_job("never-run"))
    api.own.job_index.object_cache.watch.alive()
    api.own.event_log.subscribe(Interest(frozenset()), "")
    api.kube.calls = {Call("list", "nodes", 200): 4}  # type: ignore[assignment]  # what a KubeClient counts
    found = await scraped(api)
    assert found["dkron_api_cache_objects", ("nodes",)] == 2
    assert found["dkron_api_cache_objects", ("dkronjobs",)] == 2
    assert found["dkron_job_executions_succeeded_total", ("a",)] == 3
    assert found["dkron_job_executions_failed_total", ("a",)] == 1
    assert found["dkron_job_executions_succeeded_total", ("never-run",)] == 0
    assert found["dkron_api_cache_age_seconds", ("dkronjobs",)] >= 0
    # Labels are code, resource, verb.
    assert found["dkron_api_kube_calls_total", ("200", "nodes", "list")] == 4
    assert found["dkron_api_build_info", (VERSION,)] == 1
    assert found["dkron_api_open_answers", ()] == 0
    assert found["dkron_api_sse_clients", ()] == 1
    assert ("process_cpu_seconds_total", ()) in found


def test_an_unknown_method_makes_no_series_of_its_own() -> None:
    for method in ("FIND", "SEEK"):
        metrics.observe(method, "/made-up", 404, 0.1)
    found = samples(metrics.page(metrics.ProcessState([], [], {}, 0, 0, 0)).decode())
    series = [labels for name, labels in found if name == "dkron_api_requests_total" and labels[-1] == "/made-up"]
    assert series == [("404", "other", "/made-up")]


def test_object_cache_measures_its_age_by_its_own_clock() -> None:
    clock = iter((10.0, 12.5))
    object_cache = ObjectCache("nodes", lambda item: item, watch=WatchState("nodes", clock=lambda: next(clock)))
    assert metrics.cache_of(object_cache) == metrics.Cache("nodes", 0, 2.5)
