"""Events: what a change of a job means, in which order it is told, and how it comes to a client."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from aiohttp import ClientError, ClientResponse, web
from aiohttp.test_utils import TestClient, make_mocked_request

from dkron_api.auth.caller import ANYBODY, owner
from dkron_api.auth.guard import Grant, Guard
from dkron_api.auth.routes import Namespaces
from dkron_api.cache.health_index import Slices
from dkron_api.cache.job_index import Prerenderer
from dkron_api.cache.object_cache import ObjectCache, plain
from dkron_api.edge.access import AccessLog
from dkron_api.edge.admission import GRANT, GUARD
from dkron_api.edge.gate import Gate
from dkron_api.edge.keys import ACCESS, AUDIT, CLOCK, GATE, SETTINGS, TENANTS
from dkron_api.edge.middleware import edge
from dkron_api.edge.places import Place as HeldPlace
from dkron_api.routes import events as route
from dkron_api.settings import Settings
from dkron_api.stream.event_log import EventLog
from dkron_api.stream.feed import Leadership
from dkron_api.stream.subscription import Interest
from dkron_api.tenants.tenants import TenantFactory, Tenants
from dkron_api.translate import events as translated
from dkron_api.translate.events import Topic, differences
from dkron_api.translate.record import Job
from dkron_crds.base import rfc3339
from dkron_crds.conditions import Condition, ConditionStatus
from dkron_crds.job import AttemptState, JobStatus
from dkron_kube.client import KubeClient
from tests.support.builders import NOON, after, claim, execution, seen, wire_job
from tests.support.lasting_server import LastingServer
from tests.support.sse import Parser, Told, parsed, shown

Object = dict[str, Any]
ALL = Interest(frozenset({Topic.JOB, Topic.EXECUTION}))
RUNNING = seen(claim(NOON))
LATER = seen(claim(after(60)))
CLAIMED = claim(after(60))


def job(version: int = 1, **fields: Any) -> Object:
    return wire_job(version=version, **fields)


def told_by(before: Object | None, now: Object | None) -> list[str]:
    old, new = (None if raw is None else Job(copy.deepcopy(raw)) for raw in (before, now))
    return [_text(event) for event in differences(old, new)]


def _text(event: translated.Event) -> str:
    about = event.job if event.execution is None else event.execution["id"].partition("-")[2][-16:-6]
    return f"{event.topic} {event.action} {about}"


def slot_of(entry: Any) -> str:
    return str(entry.id.partition("-")[2][-16:-6])


STARTED, ENDED, STARTED_LATER = (
    f"execution {action} {slot_of(entry)}"
    for action, entry in (("started", RUNNING), ("finished", RUNNING), ("started", LATER))
)


UPDATED = "job updated backup"
FIRST, LAST = execution(RUNNING), execution(LATER)
WAITING = CLAIMED.model_copy(update={"state": AttemptState.WAITING, "queued_at": after(60)})
BEGUN = LATER.model_copy(update={"queued_at": after(60), "id": f"9{LATER.id}"})
QUEUED, DROPPED, ENDED_LATER = (
    f"execution {action} {slot_of(WAITING)}" for action in ("queued", "dropped", "finished")
)
IN_QUEUE = RUNNING.model_copy(update={"state": AttemptState.QUEUED, "queued_at": NOON, "queue": "team-a"})
IS_QUEUED = f"execution queued {slot_of(IN_QUEUE)}"
UNREADY = Condition(
    type="Ready", status=ConditionStatus.FALSE, reason="InvalidTags", last_transition_time=NOON, observed_generation=1
)
COUNTED: Object = {"executions": (FIRST,), "success_count": 1, "last_success": after(5)}
REMEMBERED: Object = {"next": after(60), "observed_generation": 3, "last_schedule_time": NOON, "since": NOON}


def had(version: int = 2, **status: Any) -> Object:
    return job(version, status=JobStatus(**status))


class TestDifferences:
    @pytest.mark.parametrize(
        ("before", "now", "expected"),
        [
            pytest.param(None, None, [], id="nothing before and after"),
            pytest.param(None, job(), ["job created backup"], id="a new job"),
            pytest.param(job(), None, ["job deleted backup"], id="a job that is gone"),
            pytest.param(job(), job(2), [], id="a new version in which nothing has changed"),
            pytest.param(job(), job(2, command="false"), [UPDATED], id="another command"),
            pytest.param(job(), job(2, disabled=True), [UPDATED], id="disabled"),
            pytest.param(job(), had(next=after(60)), [UPDATED], id="the next slot is known"),
            pytest.param(had(1, next=after(60)), had(**REMEMBERED), [], id="only what the operator remembers"),
            pytest.param(job(), had(conditions=(UNREADY,)), [UPDATED], id="it cannot run"),
            pytest.param(had(1, conditions=(UNREADY,)), had(conditions=(UNREADY,)), [], id="it still cannot run"),
            pytest.param(job(), had(active=(CLAIMED,)), [], id="a claim is no run yet"),
            pytest.param(job(), had(active=(RUNNING,)), [STARTED], id="a run has begun"),
            pytest.param(had(1, active=(CLAIMED,)), had(active=(LATER,)), [STARTED_LATER], id="a claim has begun"),
            pytest.param(job(), had(active=(RUNNING, WAITING)), [QUEUED, STARTED], id="a run waits in line"),
            pytest.param(had(1, active=(WAITING,)), had(active=(WAITING,)), [], id="it still waits"),
            pytest.param(had(1, active=(WAITING,)), had(active=(BEGUN,)), [STARTED_LATER], id="its turn has come"),
            pytest.param(had(1, active=(WAITING,)), had(), [DROPPED], id="it has left the line"),
            pytest.param(
                had(1, active=(WAITING,)),
                had(executions=(LAST.model_copy(update={"id": f"9{LAST.id}"}),)),
                [ENDED_LATER],
                id="it was stopped in line",
            ),
            pytest.param(job(), had(active=(IN_QUEUE,)), [IS_QUEUED], id="a Job waits in a queue of Kueue"),
            pytest.param(had(1, active=(IN_QUEUE,)), had(active=(RUNNING,)), [STARTED], id="it is admitted"),
            pytest.param(had(1, active=(RUNNING,)), had(active=(IN_QUEUE,)), [IS_QUEUED], id="it is evicted"),
            pytest.param(had(1, active=(IN_QUEUE,)), had(**COUNTED), [UPDATED, ENDED], id="it is given up"),
            pytest.param(had(1, active=(RUNNING,)), had(**COUNTED), [UPDATED, ENDED], id="a run has ended"),
            pytest.param(job(), had(**COUNTED), [UPDATED, ENDED], id="a run that was not seen has ended"),
            pytest.param(
                had(1, active=(RUNNING,)),
                had(active=(LATER,), **COUNTED),
                [UPDATED, STARTED_LATER, ENDED],
                id="and the next",
            ),
            pytest.param(had(1, **COUNTED), had(), [UPDATED], id="the executions were cleared"),
            pytest.param(had(1, executions=(LAST, FIRST)), had(executions=(LAST,)), [], id="an old one was trimmed"),
            pytest.param(
                None,
                had(active=(LATER,), **COUNTED),
                ["job created backup", STARTED_LATER, ENDED],
                id="it has run already",
            ),
            pytest.param(
                job(uid="one"),
                job(5, uid="two"),
                ["job deleted backup", "job created backup"],
                id="another of the name",
            ),
        ],
    )
    def test_change_becomes_its_event(self, before: Object | None, now: Object | None, expected: list[str]) -> None:
        assert told_by(before, now) == expected

    def test_executions_of_one_write_come_in_order_of_their_end(self) -> None:
        status = JobStatus(executions=tuple(execution(claim(after(60 * n))) for n in (3, 2, 1)))
        told = told_by(job(), job(2, status=status))
        assert told == [f"execution finished {slot_of(claim(after(60 * n)))}" for n in (1, 2, 3)]

    def test_execution_event_matches_the_list(self) -> None:
        status = JobStatus(executions=(execution(RUNNING, output="héllo\n", node_name="n1"),))
        (event,) = differences(Job(job()), Job(job(2, status=status, timezone="Europe/Madrid")))[1:]
        assert event.execution is not None
        assert event.execution["job_name"] == "backup"
        assert event.execution["output"] == "héllo\n"
        assert event.execution["finished_at"] == "2026-03-01T13:00:05+01:00"
        assert event.execution["output_truncated"] is False

    def test_event_has_the_place_in_the_whole_line(self) -> None:
        waiting = [
            claim(after(60 * number)).model_copy(
                update={"state": AttemptState.WAITING, "queued_at": after(60 * number)}
            )
            for number in (1, 2)
        ]
        before, now = had(1, active=(RUNNING, waiting[0])), had(active=(RUNNING, *waiting))
        (event,) = differences(Job(before), Job(now))
        assert event.execution is not None
        shown = {key: event.execution.get(key) for key in ("started_at", "queued_at", "queued_for", "place")}
        assert shown == {
            "started_at": "0001-01-01T00:00:00Z", "queued_at": rfc3339(after(120)), "queued_for": None, "place": 2,
        }  # fmt: skip

    def test_unreadable_status_produces_no_execution_events(self) -> None:
        raw = job(2)
        raw["status"] = {"executions": [{"id": "1-x", "startedAt": "yesterday"}], "active": None}
        assert told_by(job(), raw) == []


ITSELF = 1
"""The test listens, too."""


class Place:
    """A feed as the program has it: the watch leads to the feed, the feed to the job_index."""

    def __init__(self, *items: Object, version: int = 100) -> None:
        factory = TenantFactory(cast("KubeClient", None), lambda: NOON, Prerenderer(), Slices())
        self.tenants = Tenants(factory, "default")
        own = self.tenants.own
        self.event_log, self.job_index, self.feed = own.event_log, own.job_index, own.feed
        self.feed.replace(copy.deepcopy(list(items)), version)
        self.listener = self.event_log.subscribe(ALL)

    async def told(self) -> list[Told]:
        """The events that were published since the last call."""
        pieces = []
        for _ in range(100):
            try:
                async with asyncio.timeout(0):
                    pieces.append(await self.listener.take())
            except TimeoutError:
                break
        return parsed(b"".join(pieces))

    async def texts(self) -> list[str]:
        return [str(told) for told in await self.told()]


def named(name: str, version: int, **fields: Any) -> Object:
    return job(version, name=name, uid=f"uid-of-{name}", **fields)


class TestFeed:
    async def test_jobs_known_at_the_start_are_no_events(self) -> None:
        place = Place(named("a", 90), named("b", 80))
        assert await place.told() == []
        assert str(place.event_log.position) == "100-0"
        assert len(place.job_index) == 2

    async def test_life_of_a_job_is_published_in_order(self) -> None:
        place = Place()
        place.feed.upsert(named("a", 101))
        place.feed.upsert(named("a", 103, status=JobStatus(active=(RUNNING,))))
        place.feed.upsert(named("a", 105, status=JobStatus(executions=(execution(RUNNING),), success_count=1)))
        place.feed.remove(named("a", 107, status=JobStatus(executions=(execution(RUNNING),), success_count=1)))
        assert place.job_index.get("a") is None
        told = await place.told()
        assert [(str(event), event.id) for event in told if event.id.endswith("-0")] == [
            ("job created a", "101-0"),
            ("execution started a", "103-0"),
            ("execution finished a", "105-0"),
            ("job deleted a", "107-0"),
        ]
        assert [str(event) for event in told][2:4] == ["job updated a", "execution finished a"]
        assert told[2].data["job"]["success_count"] == 1
        assert told[-1].data == {"action": "deleted", "job": {"name": "a"}}

    async def test_own_write_is_published_only_when_the_watch_shows_it(self) -> None:
        place = Place(named("a", 90))
        place.job_index.upsert(named("a", 101, command="false"))
        place.job_index.upsert(named("b", 102))
        assert await place.told() == []
        place.feed.upsert(named("a", 101, command="false"))
        assert [(str(told), told.id) for told in await place.told()] == [("job updated a", "101-0")]
        place.feed.upsert(named("b", 102))
        assert await place.texts() == ["job created b"]

    async def test_version_before_our_write_is_published_as_it_is(self) -> None:
        place = Place(named("a", 90))
        place.job_index.upsert(named("a", 105, command="ours"))
        place.feed.upsert(named("a", 103, command="theirs"))
        place.feed.upsert(named("a", 105, command="ours"))
        told = await place.told()
        commands = [event.data["job"]["executor_config"]["command"] for event in told]
        assert commands == ["theirs", "ours"]

    async def test_own_deletion_is_published_when_the_watch_shows_it(self) -> None:
        place = Place(named("a", 90))
        known = place.job_index.get("a")
        assert known is not None
        place.job_index.remove(known)
        assert await place.told() == []
        place.feed.remove(named("a", 101))
        assert await place.texts() == ["job deleted a"]

    async def test_repeated_watch_event_is_published_once(self) -> None:
        place = Place()
        for _ in range(2):
            place.feed.upsert(named("a", 101))
        (told,) = await place.told()
        assert (str(told), told.data["job"]) == ("job created a", json.loads(place.job_index.json("a")))

    async def test_relist_publishes_what_a_broken_watch_missed(self) -> None:
        place = Place(named("gone", 80), named("same", 81), named("changed", 82), named("z-gone", 83))
        place.feed.upsert(named("late", 105))
        await place.told()
        place.feed.replace(
            [
                named("changed", 130, command="false"),
                named("late", 105),
                named("new", 120, status=JobStatus(executions=(execution(RUNNING),))),
                named("same", 81),
            ],
            140,
        )
        told = await place.told()
        assert [str(event) for event in told] == [
            "job deleted gone",
            "job deleted z-gone",
            "job created new",
            "execution finished new",
            "job updated changed",
        ]
        assert told[-1].id == "140-0"
        assert {event.id.split("-")[0] for event in told[:-1]} == {"105"}, "a client that got a part of it gets it all"

    async def test_restore_resyncs_all_clients_and_continues(self) -> None:
        place = Place(named("a", 90))
        place.feed.upsert(named("a", 150, command="lost"))
        place.feed.upsert(named("late", 160))
        await place.told()
        place.feed.went_back()
        place.feed.replace([named("a", 90)], 110)
        assert await place.texts() == ["resync"]
        assert str(place.event_log.position) == "110-0"
        found = place.job_index.get("a")
        assert found is not None
        assert (found.version, place.job_index.get("late")) == (90, None)
        place.feed.upsert(named("a", 112, command="new"))
        assert [(str(told), told.id) for told in await place.told()] == [("job updated a", "112-0")]

    async def test_job_recreated_during_an_outage_is_deleted_and_created(self) -> None:
        place = Place(job(90, name="a", uid="one"))
        place.feed.replace([job(120, name="a", uid="two", command="false")], 130)
        assert await place.texts() == ["job deleted a", "job created a"]

    async def test_a_job_that_waits_for_a_finalizer_is_gone(self) -> None:
        place = Place(named("a", 90))
        place.feed.upsert(named("a", 101, deleting=True))
        place.feed.remove(named("a", 105, deleting=True))
        assert [(str(told), told.id) for told in await place.told()] == [("job deleted a", "101-0")]

    async def test_parent_is_published_again_when_its_children_change(self) -> None:
        place = Place(named("mother", 80), named("father", 81))
        place.feed.upsert(named("child", 101, parentJob="mother"))
        place.feed.upsert(named("child", 102, parentJob="mother", command="false"))
        place.feed.upsert(named("child", 103, parentJob="father"))
        place.feed.remove(named("child", 104, parentJob="father"))
        told = await place.told()
        assert [str(event) for event in told] == [
            "job created child", "job updated mother",
            "job updated child",
            "job updated child", "job updated father", "job updated mother",
            "job deleted child", "job updated father",
        ]  # fmt: skip
        shown_children = [event.data["job"].get("dependent_jobs") for event in told if event.name == "mother"]
        assert shown_children == [["child"], None]

    async def test_changed_parent_is_published_once_and_missing_never(self) -> None:
        place = Place(named("mother", 80))
        place.feed.replace([named("mother", 120, command="false"), named("child", 110, parentJob="mother")], 130)
        assert await place.texts() == ["job created child", "job updated mother"]
        place.feed.upsert(named("orphan", 131, parentJob="gone"))
        assert await place.texts() == ["job created orphan"]

    async def test_namesake_is_published_only_when_it_becomes_the_job(self) -> None:
        first = {**job(90, name="a", uid="one")}
        second = job(101, name="copy", uid="two", created=after(60))
        second["spec"]["name"] = "a"
        place = Place(first)
        place.feed.upsert(copy.deepcopy(second))
        assert await place.told() == []
        place.feed.remove(job(102, name="a", uid="one"))
        assert await place.texts() == ["job deleted a", "job created a"]

    async def test_namesakes_that_go_at_once_are_only_deleted(self, caplog: pytest.LogCaptureFixture) -> None:
        second = job(91, name="copy", uid="two", created=after(60))
        second["spec"]["name"] = "a"
        place = Place({**job(90, name="a", uid="one")}, second)
        place.feed.replace([], 130)
        assert set(await place.texts()) == {"job deleted a"}
        assert not caplog.records

    async def test_fault_while_publishing_costs_a_resync_not_the_watch(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place(named("a", 90))
        with monkeypatch.context() as patched:
            patched.setattr("dkron_api.stream.feed.differences", lambda *_: 1 / 0)
            place.feed.upsert(named("a", 101, command="false"))
        place.feed.upsert(named("a", 102, command="true"))
        assert await place.texts() == ["resync", "job updated a"]
        assert "cannot publish the events up to version" in caplog.text
        assert place.job_index.get("a") is not None


class TestLeadership:
    @staticmethod
    def lease(version: int, holder: str, renewed: datetime) -> Object:
        spec = {"holderIdentity": holder, "renewTime": rfc3339(renewed), "leaseDurationSeconds": 5}
        return {"metadata": {"name": "dkron", "uid": "u", "resourceVersion": str(version)}, "spec": spec}

    @pytest.mark.looptime
    async def test_leader_is_published_on_change_and_lease_expiry(self) -> None:
        loop, event_log = asyncio.get_running_loop(), EventLog()
        begun = loop.time()

        def clock() -> datetime:
            return NOON + timedelta(seconds=loop.time() - begun)

        event_log.begin(100)
        lease = ObjectCache("leases", plain, changed=Leadership(event_log.lead, clock).changed)
        listener = event_log.subscribe(Interest(frozenset({Topic.LEADER})))
        lease.replace([], 100)
        for beat in range(5):
            lease.upsert(self.lease(101 + beat, "replica-a", clock()))
            await asyncio.sleep(2)
        lease.upsert(self.lease(110, "replica-b", clock()))
        taken = loop.time()
        told: list[Told] = []
        while len(told) < 4:
            told += parsed(await listener.take())
        assert [event.data["leader"] for event in told] == ["", "replica-a", "replica-b", ""]
        assert 15 < loop.time() - taken <= 25, "the Lease ran out without an event"
        lease.upsert(self.lease(111, "replica-b", clock()))
        lease.remove(self.lease(112, "replica-b", clock()))
        assert [event.data["leader"] for event in parsed(await listener.take())] == ["replica-b", ""]


class Server:
    """The route behind the edge, on a real socket, with a feed that a test drives."""

    def __init__(self, client: "TestClient[Any, Any]", place: Place, app: web.Application) -> None:
        self.client, self.place, self.app = client, place, app

    async def listen(self, query: str = "", **headers: str) -> "Stream":
        return Stream(await self.client.get(f"/v1/events{query}", headers=headers))


class Stream:
    """An answer that is read event by event. Each piece of a small stream has whole events."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.told: list[Told] = []
        self._parser = Parser()
        self._rest = b""

    async def until(self, what: str, holds: Callable[[list[Told]], object]) -> list[Told]:
        async with asyncio.timeout(10):
            while not holds(self.told):
                piece = await self.response.content.readany()
                assert piece, f"the stream ended before {what}:\n{shown(self.told)}"
                self._take(piece)
        return self.told

    async def beginning(self) -> list[Told]:
        """The events that are sent at once, in one piece that ends with where the client is and who leads."""
        async with asyncio.timeout(10):
            self._take(await self.response.content.readany())
        assert self._parser.last_id
        return self.told

    async def rest(self) -> list[Told]:
        async with asyncio.timeout(10):
            self._take(await self.response.content.read())
        return self.told

    def _take(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.told += filter(None, (self._parser.line(line.decode().rstrip("\r")) for line in lines))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    place = Place(named("a", 90))
    app = web.Application(middlewares=[edge])
    app[SETTINGS], app[TENANTS], app[CLOCK] = Settings(access_log=False), place.tenants, lambda: NOON
    app[ACCESS], app[AUDIT], app[GUARD] = None, AccessLog("json", "dkron_api.audit"), Guard(())
    app[GATE] = Gate(requests=8, streams=8, rate=0.0, clock=lambda: 0.0)
    app.add_routes(route.ROUTES)
    app.on_shutdown.append(route.send_away)
    async with TestClient(LastingServer(app)) as client:
        yield Server(client, place, app)


class TestTheRoute:
    async def test_events_come_as_a_stream_that_no_proxy_keeps(self, server: Server) -> None:
        stream = await server.listen()
        assert stream.response.status == 200
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-cache", "no")
        server.place.feed.upsert(named("b", 101))
        told = await stream.until("a job", lambda events: len(events) > 1)
        assert [str(event) for event in told] == ["leader ", "job created b"]

    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            pytest.param("", {"Last-Event-ID": "102-0"}, id="by the header"),
            pytest.param("?last_event_id=102-0", {}, id="by the query"),
            pytest.param("?last_event_id=101-0", {"Last-Event-ID": "102-0"}, id="as a browser does, with an old URL"),
        ],
    )
    async def test_a_client_comes_back(self, server: Server, query: str, headers: dict[str, str]) -> None:
        for version in range(101, 105):
            server.place.feed.upsert(named(f"j{version}", version))
        stream = await server.listen(query, **headers)
        told = await stream.until("the leader", lambda events: len(events) > 2)
        assert [str(event) for event in told] == ["job created j103", "job created j104", "leader "]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            pytest.param("?types=leader", ["leader "], id="one type"),
            pytest.param("?types=job,%20execution", ["job created a", "job created b"], id="two types and a space"),
            pytest.param("?types=job&types=execution", ["job created a", "job created b"], id="a type twice"),
            pytest.param("?types=", ["job created a", "job created b", "leader "], id="no type is all types"),
            pytest.param("?job=b", ["job created b"], id="one job, without the leader"),
            pytest.param("?job=b&types=job,leader", ["job created b", "leader "], id="one job, with the leader"),
            pytest.param("?job=a&job=b", ["job created a", "job created b"], id="two jobs"),
            pytest.param("?job=", ["job created a", "job created b", "leader "], id="no job is all jobs"),
            pytest.param("?job=gone", [], id="a job that is not there"),
        ],
    )
    async def test_client_chooses_its_event_types(self, server: Server, query: str, expected: list[str]) -> None:
        server.place.feed.remove(named("a", 101))
        server.place.feed.upsert(job(102, name="a", uid="again"))
        server.place.feed.upsert(named("b", 103))
        stream = await server.listen(f"{query}&last_event_id=101-0")
        assert [str(event) for event in await stream.beginning()] == expected

    async def test_an_unknown_type_is_refused_in_a_sentence(self, server: Server) -> None:
        response = await server.client.get("/v1/events?types=job,jobs")
        assert response.status == 400
        assert await response.text() == (
            'types: "jobs" is not an event type; use job, execution, leader, separated by commas'
        )

    async def test_client_beyond_the_limit_gets_503_until_one_leaves(self, server: Server) -> None:
        streams = [await server.listen() for _ in range(2)]
        refused = await server.client.get("/v1/events")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        streams[0].response.close()
        async with asyncio.timeout(10):
            # That it has left is noticed when something is sent.
            while server.app[GATE].streams.taken == 2:
                server.place.feed.upsert(
                    named("b", server.place.event_log.position.version + 1, command=str(id(object())))
                )
                await asyncio.sleep(0)
        assert len(server.place.event_log) == 1 + ITSELF
        assert (await server.listen()).response.status == 200

    async def test_no_client_is_served_before_the_jobs_are_known(self, server: Server) -> None:
        server.place.job_index.object_cache.complete.clear()
        response = await server.client.get("/v1/events")
        assert response.status == 503
        assert "Retry-After" in response.headers

    async def test_server_stop_ends_every_stream_in_order(self, server: Server) -> None:
        streams = [await server.listen() for _ in range(2)]
        await server.app.shutdown()
        for stream in streams:
            await stream.rest()
        late = await server.listen()
        assert await late.rest() == []

    async def test_client_that_does_not_read_is_disconnected_at_the_stop(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(route, "FAREWELL", 0.05)
        stuck = await server.listen()
        filler = "x" * 60_000
        for version in range(101, 301):
            server.place.feed.upsert(named("big", version, command=f"{version}{filler}"))
        await self._nothing_moves(server)
        assert self._waiting(server) > 200, "the client has taken all"
        await server.app.shutdown()
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if not server.app[GATE].streams.taken:
                break
        else:
            pytest.fail("the stream is still open")
        with pytest.raises(ClientError):
            await stuck.rest()

    async def _nothing_moves(self, server: Server) -> None:
        before, now = -1, 0
        while before != now:
            await asyncio.sleep(0.05)
            before, now = now, self._waiting(server)

    @staticmethod
    def _waiting(server: Server) -> int:
        return sum(len(listener._queue) for listener in server.place.event_log._subscriptions)


@pytest.mark.looptime
class TestHeartbeat:
    async def test_idle_stream_has_a_comment_every_fifteen_seconds(self) -> None:
        event_log = EventLog()
        event_log.begin(100)
        written: list[tuple[float, bytes]] = []
        loop = asyncio.get_running_loop()
        begun = loop.time()

        class Writer:
            """Where the bytes of an answer go."""

            output_size = buffer_size = length = 0

            async def write(self, data: bytes) -> None:
                written.append((loop.time() - begun, bytes(data)))

            async def drain(self) -> None: ...

            async def write_eof(self, data: bytes = b"") -> None: ...

            async def write_headers(self, *_: object) -> None: ...

            def __getattr__(self, name: str) -> Any:
                return lambda *_, **__: None

        app = web.Application()
        request = make_mocked_request("GET", "/v1/events", app=app, writer=Writer())
        request[GRANT] = Grant(Guard(()), ANYBODY, Namespaces("jobs", "home"), {})
        subscription = event_log.subscribe(ALL)
        serving = asyncio.create_task(route._serve(request, subscription, HeldPlace(owner(ANYBODY, ""))))
        await asyncio.sleep(46)
        event_log.close()
        await serving
        beats = [round(when) for when, data in written if data.startswith(b":")]
        assert beats == [15, 30, 45]
