"""Many namespaces in one API: each route below the prefix, no word of one namespace in the answers of another."""

import asyncio
import gc
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any, cast

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from dkron_api.app import make_tenants, routes
from dkron_api.auth.guard import Guard
from dkron_api.auth.routes import NO_RESOURCE, PUBLIC, TABLE
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import Prerenderer
from dkron_api.edge.keys import CLUSTERS, LEASES, NODES, POLICIES, TENANTS
from dkron_api.edge.urls import PREFIX
from dkron_api.settings import Settings
from dkron_api.stream.event_log import EventLog, LogRoom, Message
from dkron_api.stream.subscription import Interest
from dkron_api.tenants.tenants import EveryTenant, JobWatch, TenantFactory, Tenants
from dkron_api.translate.events import Topic
from dkron_crds.job import JobStatus
from dkron_crds.status import Day
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS
from dkron_kube.watch import Cache
from tests.support.api_app import Api, object_of, running_api
from tests.support.api_callers import JOB, VALID, OneCaller, backup, send
from tests.support.builders import NOON, claim, execution, seen, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.sse import parsed

Object = dict[str, Any]
A, B = "/ns/team-a", "/ns/team-b"
OF_A = "the-job-of-a"
LISTED: Object = {"namespaces": ["team-a", "team-b", "team-c"], "cluster_namespace": "home"}
EVERY: Object = {"namespaces": ["*"], "cluster_namespace": "home"}
BELOW = [(each.method, each.path) for each in routes(Settings(namespaces=["team-a"])) if each.path.startswith("/ns/")]
ROOT_ONLY = {*PUBLIC, *NO_RESOURCE, "/ui/{path:.*}"}
"""Routes about the process, which exist once."""
RUNNING = seen(claim(NOON))


class Namespaced:
    """A fake API server with several namespaces."""

    def __init__(self) -> None:
        self.of: defaultdict[str | None, FakeKube] = defaultdict(FakeKube)
        self.calls: dict[object, int] = {}

    def __getattr__(self, verb: str) -> Any:
        def call(resource: Any, namespace: str | None, *rest: Any, **options: Any) -> Any:
            return getattr(self.of[namespace], verb)(resource, namespace, *rest, **options)

        return call


def job(name: str, version: int = 1, namespace: str = "team-a", **fields: Any) -> Object:
    made = wire_job(name=name, uid=f"{namespace}/{name}", version=version, **fields)
    made["metadata"]["namespace"] = namespace
    return made


@pytest.fixture
def scheme() -> OneCaller:
    return OneCaller()


@pytest.fixture(params=[LISTED, EVERY], ids=["listed", "every"])
async def api(scheme: OneCaller, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """The own namespace and team-b have the job `backup`, team-a has another one, which runs."""
    kube = Namespaced()
    guard = Guard([scheme])
    chosen = request.param
    async with running_api(routes(Settings(**chosen)), guard=guard, kube=cast("FakeKube", kube), **chosen) as running:
        for key in (CLUSTERS, LEASES, NODES, POLICIES):
            running.know(key)
        days = (Day(date=NOON.date(), success=3, failed=0),)
        status = JobStatus(active=(RUNNING,), executions=(execution(),), success_count=1, days=days)
        jobs = [job(OF_A, status=status), job("backup", 2, "team-b"), job("backup", 3, "default")]
        for each in jobs:
            kube.of[each["metadata"]["namespace"]].put(DKRON_JOBS, each)
        for watch in running.app[TENANTS].watches:
            await list_jobs(watch, *(each for each in jobs if watch.namespace in (None, each["metadata"]["namespace"])))
        yield running


async def list_jobs(watch: JobWatch, *jobs: Object, version: int = 10) -> None:
    """A watch begins with a complete list."""
    taking_in = watch.cache.replace(list(jobs), version)
    if taking_in is not None:
        await taking_in
    watch.state.listed()


def test_each_route_is_below_the_prefix_or_about_the_process() -> None:
    here = {(each.method, each.path) for each in routes(Settings()) if isinstance(each, web.RouteDef)}
    below = {(method, "/v1" + path.partition("/v1")[2]) for method, path in BELOW}
    interface = {("GET", path) for path in ("/ui", "/ui/{path}", "/ui/{path:.*}")}
    assert here - below - interface == {("GET", path) for path in ROOT_ONLY} - interface
    assert below - here == set()
    assert {(each.method, each.path) for each in TABLE} <= below


async def test_each_route_checks_the_right_in_its_namespace(api: Api, scheme: OneCaller) -> None:
    scheme.allowed = "nothing"
    for rule in TABLE:
        scheme.asked.clear()
        scheme.paths.clear()
        status, _ = await send(api, rule.method, rule.path, VALID, B)
        path = (rule.judged or rule.path).format(job="backup", execution="1-x", name="readers", generation="1")
        of_jobs = not rule.resource.startswith(("dkronclusters", "dkronpolicies"))
        where = scheme.asked[0].rpartition(" ")[2]
        expected = (403, "team-b", B + path) if of_jobs else (403, "home", path)
        assert (status, where, scheme.paths[0]) == expected, f"{rule.method} {rule.path}"


async def test_only_authorized_callers_learn_of_unserved_namespaces(scheme: OneCaller) -> None:
    async with running_api(routes(Settings(**LISTED)), guard=Guard([scheme]), **LISTED) as api:
        for watch in api.app[TENANTS].watches:
            await list_jobs(watch, version=1)
        api.know(CLUSTERS)
        for rule in TABLE:
            scheme.allowed, route = "nothing", (rule.method, rule.path)
            status, text = await send(api, *route, VALID, A)
            refused = await send(api, *route, VALID, "/ns/odd")
            assert (status, refused) == (403, (403, text.replace("team-a", "odd"))), route
            scheme.allowed = None
            told = await send(api, *route, VALID, "/ns/odd")
            assert told == (404, 'the namespace "odd" is not served here; see --namespaces'), route


async def test_each_route_answers_below_the_prefix(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    cast("Namespaced", api.kube).of["home"].put(DKRON_CLUSTERS, object_of("dkron"))
    found = [(each.method, each.path) for each in TABLE if each.path != "/v1/events"]
    # The job is needed until the end.
    for method, template in sorted(found, key=("DELETE", "/v1/jobs/{job}").__eq__):
        status, text = await send(api, method, template, VALID, B)
        # There is no leader, archive, policy, backfill, pause or run, no such execution, and a job is none of these.
        other = {"/v1/leader": 500, "/v1/isleader": 404, "/v1/leave": 409}
        is_list = method == "GET" and "{name}" not in template
        if not is_list and template.startswith(("/v1/acl/policies", "/v1/backfills", "/v1/pauses", "/v1/runs")):
            other[template] = 400 if method in {"POST", "PATCH"} else 404
        if "{execution}" in template or "/revisions" in template:
            other[template] = 404
        assert status == other.get(template) or (status < 300 and template not in other), f"{method} {template}: {text}"
    assert "without a look" not in caplog.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/ns/Team_A/v1/jobs", 404, id="no name of a namespace"),
        pytest.param(f"/ns/{'a' * 64}/v1/jobs", 404, id="a long one"),
        pytest.param("/ns/..%2Fteam-a/v1/jobs", 404, id="a path"),
        pytest.param("/ns/team-a/health", 404, id="a route about the process"),
        pytest.param("/ns/team-a/metrics", 404, id="metrics"),
        pytest.param("/ns/team-a/v1/jobs/", 301, id="a slash too many"),
        pytest.param("/ns/team-a/v1/", 200, id="the state"),
        pytest.param("/ns/default/v1/jobs/backup", 200, id="the own namespace"),
    ],
)
async def test_paths(api: Api, scheme: OneCaller, path: str, status: int) -> None:
    async with api.client.get(path, headers=VALID, allow_redirects=False) as answer:
        assert answer.status == status
        assert answer.headers.get("Location", "/ns/team-a/v1/jobs") == "/ns/team-a/v1/jobs"
    assert (scheme.asked == []) == (status != 200)


async def test_requests_for_odd_names_leave_nothing_behind(scheme: OneCaller) -> None:
    async with running_api(routes(Settings(**EVERY)), guard=Guard([scheme]), **EVERY) as api:
        api.know(CLUSTERS)
        every = api.app[TENANTS]
        await list_jobs(every.watches[0], version=1)
        for number in range(20):
            async with api.client.get(f"/ns/odd-{number}/v1/jobs", headers=VALID) as answer:
                assert (answer.status, await answer.text()) == (200, "[]")
        scheme.allowed = "nothing"
        await send(api, "POST", "/v1/jobs", VALID, "/ns/odd-x")
        # aiohttp keeps the last request of a connection until the next one.
        async with api.client.get("/health") as answer:
            assert answer.status == 200
        assert there(every) == {"default": []}


async def test_without_the_option_there_is_no_prefix() -> None:
    async with running_api(routes(Settings())) as api, api.client.get("/ns/default/v1/jobs") as answer:
        assert (answer.status, await answer.text()) == (404, "404 page not found")


@pytest.mark.parametrize(
    ("base", "name", "count"),
    [
        pytest.param(B, "team-b", 1, id="another one"),
        pytest.param("", "default", 1, id="the own one"),
        pytest.param("/ns/default", "default", 1, id="the own one by its name"),
        pytest.param("/ns/team-c", "team-c", 0, id="an empty one"),
    ],
)
async def test_answer_has_nothing_of_another_namespace(api: Api, base: str, name: str, count: int) -> None:
    async def get(base: str, path: str) -> tuple[Any, str | None]:
        async with api.client.get(f"{base}/v1{path}", headers=VALID) as answer:
            text = await answer.text()
            return (json.loads(text) if answer.status == 200 else text), answer.headers.get("X-Total-Count")

    for path in ("/jobs", "/jobs?q=the", "/busy"):
        (mine, _), (theirs, total) = await get(A, path), await get(base, path)
        assert OF_A in json.dumps(mine)
        assert OF_A not in json.dumps(theirs)
        assert (total, len(theirs)) == (str(len(theirs)), count if path == "/jobs" else 0)
    for path in ("/agenda", "/summary"):
        shown = [OF_A in json.dumps((await get(each, path))[0]) for each in (A, base)]
        assert shown == [True, False], path
    for path in ("", "/executions", "/next", "/explain", "/details", "/executions/1-x", "/executions/1-x/log"):
        assert await get(base, f"/jobs/{OF_A}{path}") == (f'there is no job "{OF_A}"', None)
    states = {each: (await get(each, ""))[0] for each in (A, base)}
    assert states[A]["serf"]["active"] == "1"
    found = states[base]["tags"]["namespace"], states[base]["serf"]["jobs"], states[base]["serf"]["active"]
    assert found == (name, str(count), "0")
    counts = [(await get(each, "/stats?days=1"))[0]["stats"][0]["success_count"] for each in (A, base)]
    assert counts == [3, 0]


async def test_cluster_totals_need_the_right_to_read_the_dkroncluster(api: Api, scheme: OneCaller) -> None:
    days = [{"date": NOON.date().isoformat(), "success": 7, "failed": 0}]
    api.know(CLUSTERS, object_of("dkron", status={"days": days}))
    own = {**job("own", 30, "default"), "status": {"days": [days[0] | {"success": 2}]}}
    api.own.job_index.object_cache.upsert(own)
    found = []
    for base, lacking in (("", ""), ("", 'get dkronclusters "dkron" in namespace home'), (A, "")):
        scheme.lacking = lacking
        async with api.client.get(f"{base}/v1/stats?days=1", headers=VALID) as answer:
            found.append((await answer.json())["stats"][0]["success_count"])
        async with api.client.get(f"{base}/v1/summary", headers=VALID) as answer:
            assert (await answer.json())["days"][-1]["success_count"] == found[-1]
    assert found == [7, 2, 3], "of all; of the own namespace; of another one"


async def test_write_below_the_prefix_goes_into_its_namespace(api: Api, scheme: OneCaller) -> None:
    kube = cast("Namespaced", api.kube)
    async with api.client.post(f"{B}/v1/jobs?runoncreate", json=JOB | {"name": "made"}, headers=VALID) as answer:
        assert (answer.status, answer.headers["Location"]) == (201, "/ns/team-b/v1/jobs/made")
    async with api.client.post(f"{B}/v1/jobs/made/run", headers=VALID) as answer:
        assert (answer.status, answer.headers["Location"]) == (202, "/ns/team-b/v1/jobs/made/run")
    async with api.client.post(f"{B}/v1/restore", data=backup([JOB | {"name": "restored"}]), headers=VALID) as answer:
        assert await answer.json() == ["success create restored"]
    async with api.client.delete(f"{A}/v1/jobs/{OF_A}", headers=VALID) as answer:
        assert answer.status == 200
    there = {namespace: server.names(DKRON_JOBS) for namespace, server in kube.of.items()}
    assert there == {"team-a": [], "team-b": ["backup", "made", "restored"], "default": ["backup"]}
    async with api.client.get("/v1/jobs/made", headers=VALID) as answer:
        assert answer.status == 404
    assert {right.rpartition(" ")[2] for right in scheme.asked[:-2]} == {"team-b"}


async def test_further_rights_are_checked_in_the_prefix_namespace(api: Api, scheme: OneCaller) -> None:
    with_all = JOB | {"executor": "kubernetes", "executor_config": {"env": "P=secretRef:db/pw"}}
    await api.client.post(f"{B}/v1/jobs?runoncreate&force", json=with_all, headers=VALID)
    assert {each for each in scheme.paths if not each.startswith(f"{B}/v1/jobs")} == {
        f"{B}/secrets/db",
        f"{B}/executors/kubernetes",
    }
    assert {f"{B}/v1/jobs/backup/force", f"{B}/v1/jobs/backup/run"} <= set(scheme.paths)


async def test_errors_and_audit_lines_say_where(api: Api, scheme: OneCaller, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("dkron_api.audit").setLevel(logging.INFO)
    headers = VALID | {"Accept": "application/problem+json"}
    async with api.client.get(f"{B}/v1/jobs/missing", headers=headers) as answer:
        assert (await answer.json())["instance"] == f"{B}/v1/jobs/missing"
    scheme.allowed = "nothing"
    await api.client.post(f"{B}/v1/jobs/backup/toggle", headers=VALID)
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines() if "dkron_api.audit" in line)
    assert (line["namespace"], line["msg"]) == ("team-b", f"POST {B}/v1/jobs/backup/toggle refused")


async def test_events_belong_to_their_namespace(api: Api) -> None:
    """The end of a stream is the stop of the server."""
    tenants = api.app[TENANTS]
    caches: dict[str | None, Cache] = {watch.namespace: watch.cache for watch in tenants.watches}
    streams = {base: await api.client.get(f"{base}/v1/events", headers=VALID) for base in (A, B, "")}
    for version, each in enumerate(("team-a", "team-b", "default", "team-a"), 20):
        caches.get(each, caches.get(None, tenants.own.feed)).upsert(job(f"new-in-{each}-{version}", version, each))
    tenants.lead("replica-a")
    await asyncio.sleep(0)
    found = {}
    for base, stream in streams.items():
        piece = b""
        async with asyncio.timeout(10):
            while b"replica-a" not in piece:
                piece += await stream.content.readany()
        found[base] = [told.data["job"]["name"] for told in parsed(piece) if told.type == Topic.JOB]
        stream.close()
    assert found == {
        A: ["new-in-team-a-20", "new-in-team-a-23"],
        B: ["new-in-team-b-21"],
        "": ["new-in-default-22"],
    }


async def test_job_metrics_of_further_namespaces_have_a_label(api: Api) -> None:
    async with api.client.get("/metrics", headers=VALID) as answer:
        families = list(text_string_to_metric_families(await answer.text()))
    samples = [sample for family in families for sample in family.samples]
    jobs = [each.labels for each in samples if each.name == "dkron_job_executions_succeeded_total"]
    assert {(each["job_name"], each["namespace"]) for each in jobs} == {
        ("backup", ""),
        (OF_A, "team-a"),
        ("backup", "team-b"),
    }
    found = {(each.name, each.labels.get("kind")): each.value for each in samples}
    assert found["dkron_api_cache_objects", "dkronjobs"] == 3
    await api.client.get(f"{B}/v1/jobs/backup", headers=VALID)
    async with api.client.get("/metrics", headers=VALID) as answer:
        assert f'route="{PREFIX}/v1/jobs/{{job}}"' in await answer.text()


async def test_unwatchable_namespace_does_not_hide_the_others() -> None:
    async with running_api(routes(Settings(**LISTED)), **LISTED) as api:

        async def health() -> int:
            async with api.client.get("/health") as answer:
                return answer.status

        watches = {watch.namespace: watch for watch in api.app[TENANTS].watches}
        await list_jobs(watches["default"])
        await list_jobs(watches["team-a"], job(OF_A))
        await list_jobs(watches["team-c"])
        assert await health() == 503, "not all watches are known"
        watches["team-b"].state.failed(Rejected("forbidden", status=403))
        assert await health() == 200
        async with api.client.get(f"{A}/v1/jobs/{OF_A}") as answer:
            assert answer.status == 200
        async with api.client.get(f"{B}/v1/jobs") as answer:
            assert answer.status == 503
            assert await answer.text() == "not ready yet: cannot watch dkronjobs in namespace team-b: forbidden"


def tenants(kube: Any = None) -> EveryTenant:
    factory = TenantFactory(kube, lambda: NOON, Prerenderer(), Slices())
    made = make_tenants(Settings(namespace="default", namespaces=["*"]), factory)
    assert isinstance(made, EveryTenant)
    return made


def there(every: Tenants) -> dict[str, list[str]]:
    gc.collect()
    return {tenant.namespace: tenant.job_index.names for tenant in every}


class TestEveryNamespace:
    async def test_a_watch_is_split(self) -> None:
        every = tenants()
        await every.replace([job("a", 1), job("b", 2, "team-b")], 10)
        every.upsert(job("c", 11, "team-c"))
        every.remove(job("b", 12, "team-b"))
        assert there(every) == {"default": [], "team-a": ["a"], "team-c": ["c"]}
        await every.replace([job("b", 20, "team-b")], 20)
        assert there(every) == {"default": [], "team-b": ["b"]}
        every.went_back()
        await every.replace([job("b", 5, "team-b")], 6)
        assert there(every) == {"default": [], "team-b": ["b"]}
        assert every.get("team-b").job_index.object_cache.by_name("b").version == 5  # type: ignore[union-attr]

    @pytest.mark.parametrize("version", [pytest.param(1, id="the first list"), pytest.param(20, id="a later one")])
    async def test_requests_while_a_list_is_taken_in(self, version: int) -> None:
        every = tenants()
        if version > 1:
            await every.replace([job("a", 1)], 1)
        jobs = [job("b", version, "team-b"), job("c", version, "team-c")]
        taking_in = asyncio.create_task(every.replace(jobs, version))
        await asyncio.sleep(0)
        early = [every.get(name) for name in ("team-c", "empty")]
        assert [tenant.job_index.ready for tenant in early] == [version > 1] * 2
        await taking_in
        assert [(tenant.job_index.ready, tenant.job_index.names) for tenant in early] == [(True, ["c"]), (True, [])]
        assert there(every) == {"default": [], "team-b": ["b"], "team-c": ["c"], "empty": []}

    async def test_own_write_is_visible_before_the_watch_shows_it(self) -> None:
        every = tenants()
        await every.replace([], 10)
        needed = every.get("team-a")
        needed.job_index.upsert(job("a", 11))
        del needed
        assert there(every)["team-a"] == ["a"]
        every.remove(job("a", 12))
        assert there(every) == {"default": []}

    async def test_client_subscribed_before_the_first_job_gets_it(self) -> None:
        every = tenants()
        await every.replace([], 10)
        every.lead("replica-a")
        early = every.get("team-a")
        stream = early.event_log.subscribe(Interest(frozenset(Topic)))
        every.upsert(job("a", 11))
        assert every.get("team-a") is early
        leader, first = parsed(b"".join(stream._queue))
        assert (leader.data["leader"], first.data["job"]["name"]) == ("replica-a", "a")

    @pytest.mark.parametrize(
        ("last_id", "first"), [pytest.param("15-0", "job", id="known"), pytest.param("9-0", "resync", id="too old")]
    )
    async def test_late_event_log_knows_its_start(self, last_id: str, first: str) -> None:
        """Versions are of the whole cluster: nothing happened in this namespace before its first job."""
        every = tenants()
        await every.replace([], 10)
        every.upsert(job("other", 15, "team-b"))
        every.upsert(job("a", 20))
        stream = every.get("team-a").event_log.subscribe(Interest(frozenset(Topic)), last_id)
        assert parsed(b"".join(stream._queue))[0].type == first

    async def test_nothing_is_ready_before_the_list(self) -> None:
        every = tenants()
        early = every.get("team-a")
        assert (early.job_index.ready, every.answered) == (False, False)
        every.watches[0].state.failed(Unavailable("no answer"))
        assert (early.job_index.object_cache.trouble, every.answered) == ("cannot watch dkronjobs: no answer", True)
        await every.replace([], 1)
        every.watches[0].state.alive()
        assert (early.job_index.ready, early.job_index.object_cache.trouble) == (True, "")

    async def test_unknown_name_does_not_hide_an_api_server_outage(self) -> None:
        every = tenants()
        await every.replace([], 1)
        every.watches[0].state.failed(Unavailable("no answer"))
        assert every.get("odd").job_index.ready
        assert every.own.job_index.object_cache.trouble == "cannot watch dkronjobs: no answer"

    def test_client_during_the_shutdown_is_refused(self) -> None:
        every = tenants()
        every.close()
        assert every.get("team-a").event_log.closed


def test_the_largest_log_makes_room_for_the_others() -> None:
    room = LogRoom(octets=10_000, step=500)
    logs = [EventLog(room=room) for _ in range(3)]
    for log in logs:
        log.begin(0)
        log.publish(1, [Message(Topic.JOB, "j", b"x" * 900)])
    for version in range(2, 40):
        logs[0].publish(version, [Message(Topic.JOB, "j", b"x" * 900)])
        assert sum(log.size for log in logs) < 11_000
    assert [log.size > 900 for log in logs] == [True] * 3


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        pytest.param("a,b", "", id="names"),
        pytest.param("*", "", id="all"),
        pytest.param("*,a", "without further names", id="all and one"),
        pytest.param("Team", '"Team" is not the name of a namespace', id="no name"),
    ],
)
def test_the_option(value: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) if wrong else nullcontext():
        assert Settings(namespaces=cast("Any", value)).namespaces == value.split(",")
