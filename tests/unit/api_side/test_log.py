"""The log of an execution: which pod it is of, what is answered when there is none, and how it flows."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import ClientError

from dkron_api.edge.keys import GATE
from dkron_api.routes import log
from dkron_api.routes.events import send_away
from dkron_crds.job import JobStatus
from dkron_kube.errors import KubeError, Unavailable
from dkron_kube.paths import PODS
from tests.support.api_app import Api, running_api
from tests.support.builders import NOON, after, claim, execution, of_job, seen, terminated, wire_job, wire_pod
from tests.support.lasting_server import LastingServer

RUNNING = seen(claim(NOON))
RUN = f"/v1/jobs/backup/executions/{RUNNING.id}"
PATH = f"{RUN}/log"
GONE = f'the pod of the execution "{RUNNING.id}" is gone, and its log with it;'
BEGUN = {"job": {"running": {"startedAt": "2026-03-01T12:00:01Z"}}}
WAITING = {"job": {"waiting": {"reason": "ContainerCreating"}}}
NO_IMAGE = {"job": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}


class Source:
    """The log of a pod: pieces, of which each is read only when it is asked for. It goes on until `ended`."""

    def __init__(self, *pieces: bytes, error: KubeError | None = None, endless: bool = False) -> None:
        self.pieces = list(pieces)
        self.error = error
        self.asked: list[dict[str, Any]] = []
        self.taken = 0
        self.closed = False
        self.ended = asyncio.Event()
        if not endless:
            self.ended.set()

    async def follow_log(self, resource: Any, namespace: str, pod: str, **options: Any) -> AsyncIterator[bytes]:
        assert resource == PODS
        self.asked.append({"namespace": namespace, "pod": pod, **options})
        try:
            for piece in self.pieces:
                self.taken += 1
                yield piece
            if self.error is not None:
                raise self.error
            await self.ended.wait()
        finally:
            self.closed = True


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr("tests.support.api_app.TestServer", LastingServer)
    monkeypatch.setattr(log, "PAUSE", 0.01)
    async with running_api(log.ROUTES) as running:
        yield running


def has(api: Api, source: Source | None = None, *, pods: Sequence[Any] = (), status: JobStatus | None = None) -> None:
    """The cluster has these pods, and a job whose one run is under way."""
    api.know_jobs(wire_job(status=status or GOES_ON))
    for pod in pods:
        api.kube.put(PODS, of_job(pod, RUNNING.job))
    api.kube.follow_log = (source or Source()).follow_log  # type: ignore[method-assign,assignment]  # a stream of its own


def over(**fields: Any) -> JobStatus:
    return JobStatus(executions=(execution(RUNNING, **fields),))


GOES_ON = JobStatus(active=(RUNNING,))
PENDING = f'the execution "{RUNNING.id}" has not started:'
NO_RUN = f'the job "backup" has no execution "{RUNNING.id[:40]}…" (any more)'
NEVER = f'the container of the execution "{RUNNING.id}" never started; GET {RUN} says why'
OF_IMAGE = "ErrImagePull: no such image"


class TestWhatIsAnswered:
    async def test_log_is_plain_text_that_no_browser_interprets(self, api: Api) -> None:
        source = Source(b"caf\xc3\xa9 <b>\n", b"\xff\x00 bytes as they are\n")
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(PATH)
        assert (answer.status, await answer.read()) == (200, b"".join(source.pieces))
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        asked = {"namespace": "default", "pod": "pod", "container": "job", "follow": False, "query": None}
        assert source.asked == [asked]
        assert source.closed

    @pytest.mark.parametrize(
        ("containers", "expected"),
        [
            pytest.param(("proxy", "job"), "job", id="ours, of the newest pod"),
            pytest.param(("main", "proxy"), "main", id="the first of a template without ours"),
        ],
    )
    async def test_log_is_from_a_container(self, api: Api, containers: tuple[str, ...], expected: str) -> None:
        source, running = Source(), {expected: BEGUN["job"]}
        pods = [
            wire_pod(name=name, created=after(seconds), containers=containers, states=running)
            for name, seconds in (("old", 0), ("new", 9), ("mid", 5))
        ]
        has(api, source, pods=pods)
        assert (await api.client.get(PATH)).status == 200
        assert [(each["pod"], each["container"]) for each in source.asked] == [("new", expected)]

    @pytest.mark.parametrize(
        ("flag", "query"),
        [("?timestamps", {"timestamps": "true"}), ("?timestamps=false", None), ("?timestamps=x&tailLines=1", None)],
    )
    async def test_times_of_lines_are_asked_for(self, api: Api, flag: str, query: dict[str, str] | None) -> None:
        source = Source(b"2026-03-01T12:00:01.5Z hello\n")
        has(api, source, pods=[wire_pod(states=BEGUN)])
        assert await (await api.client.get(PATH + flag)).read() == b"2026-03-01T12:00:01.5Z hello\n"
        assert source.asked[0]["query"] == query

    @pytest.mark.parametrize("flag", ["?follow", "?follow=1", "?follow=true"])
    async def test_following_goes_on_until_the_container_ends(self, api: Api, flag: str) -> None:
        source = Source(b"one\n", endless=True)
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(PATH + flag)
        assert await answer.content.readany() == b"one\n"
        assert source.asked[0]["follow"] is True
        source.ended.set()
        assert await answer.content.read() == b""

    async def test_log_of_a_finished_run_lives_as_long_as_its_pod(self, api: Api) -> None:
        has(api, Source(b"done\n"), pods=[wire_pod(states={"job": {"terminated": terminated()}})], status=over())
        assert await (await api.client.get(PATH)).read() == b"done\n"

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            pytest.param("/v1/jobs/none/executions/1-x/log", 'there is no job "none"', id="no such job"),
            pytest.param("/v1/jobs/backup/executions/1/log", 'the job "backup" has no execution "1"', id="no such run"),
        ],
    )
    async def test_missing_job_or_run_is_404(self, api: Api, path: str, sentence: str) -> None:
        has(api)
        answer = await api.client.get(path)
        assert (answer.status, (await answer.text()).startswith(sentence)) == (404, True)
        assert api.kube.calls == []

    @pytest.mark.parametrize(
        ("status", "pods", "answer"),
        [
            pytest.param(JobStatus(active=(claim(NOON),)), [], (404, NO_RUN), id="it is only claimed"),
            pytest.param(over(output="end\n"), [], (404, f"{GONE} GET {RUN} has the end of its output"), id="an end"),
            pytest.param(over(), [], (404, f"{GONE} none of its output was kept"), id="the pod is gone"),
            pytest.param(over(success=False), [wire_pod(states=NO_IMAGE)], (404, NEVER), id="it never started"),
            pytest.param(GOES_ON, [], (409, f"{PENDING} its pod does not exist yet"), id="no pod"),
            pytest.param(GOES_ON, [wire_pod()], (409, f"{PENDING} its pod is starting"), id="nothing is known of it"),
            pytest.param(GOES_ON, [wire_pod(states=WAITING)], (409, f"{PENDING} ContainerCreating"), id="it waits"),
            pytest.param(GOES_ON, [wire_pod(states=NO_IMAGE)], (409, f"{PENDING} {OF_IMAGE}"), id="no image"),
            pytest.param(GOES_ON, [wire_pod(init_states=NO_IMAGE, states=WAITING)], (409, f"{PENDING} {OF_IMAGE}"),
                         id="an init container"),
            pytest.param(GOES_ON, [wire_pod(containers=("proxy", "job"), states={"proxy": {"running": {}}, **WAITING})],
                         (409, f"{PENDING} ContainerCreating"), id="only its sidecar runs"),
            pytest.param(GOES_ON, [wire_pod(conditions=[UNSCHEDULABLE])], (409, f"{PENDING} Unschedulable: no node"),
                         id="no node"),
        ],
    )  # fmt: skip
    async def test_missing_log_has_a_reason(
        self, api: Api, status: JobStatus, pods: list[Any], answer: tuple[int, str]
    ) -> None:
        has(api, pods=pods, status=status)
        found = await api.client.get(PATH)
        assert (found.status, await found.text()) == answer
        assert found.headers.get("Retry-After") == ("1" if answer[0] == 409 else None)

    async def test_unreadable_log_is_a_separate_error(self, api: Api) -> None:
        has(api, Source(error=Unavailable("no kubelet", status=502)), pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(PATH)
        assert (answer.status, await answer.text()) == (503, "no kubelet")


class TestWaitingForTheBeginning:
    async def test_following_waits_for_the_container(self, api: Api) -> None:
        has(api, Source(b"at last\n"), pods=[wire_pod(states=WAITING)])
        answer = await _following(api, times=3)
        assert not answer.done()
        api.kube.edit(PODS, "pod", lambda pod: pod.update(status=wire_pod(states=BEGUN)["status"]))
        assert await answer == "at last\n"

    async def test_not_for_ever(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(log, "PATIENCE", 0.05)
        has(api, pods=[wire_pod(states=NO_IMAGE)])
        answer = await api.client.get(f"{PATH}?follow=1")
        assert (answer.status, (await answer.text()).endswith("ErrImagePull: no such image")) == (409, True)

    async def test_run_that_ends_without_a_container_is_not_awaited(self, api: Api) -> None:
        has(api, pods=[wire_pod(states=NO_IMAGE)])
        answer = await _following(api)
        ended = over(success=False, reason="DeadlineExceeded")
        api.know_jobs(wire_job(version=2, status=ended))
        assert "never started" in await answer

    async def test_a_client_that_leaves_is_not_waited_for(self, api: Api) -> None:
        has(api, pods=[wire_pod(states=WAITING)])
        answer = await _following(api)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)
        await _no_stream(api)

    async def test_the_stop_of_the_server_ends_the_wait(self, api: Api) -> None:
        has(api, pods=[wire_pod(states=WAITING)])
        answer = await _following(api)
        await send_away(api.app)
        assert await answer == "the server is stopping; retry"


class TestTheFlow:
    async def test_silent_container_is_answered_at_once(self, api: Api) -> None:
        source = Source(endless=True)
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(f"{PATH}?follow=1")
        assert answer.status == 200
        source.ended.set()
        assert await answer.read() == b""

    async def test_no_more_is_read_than_the_client_takes(self, api: Api) -> None:
        pieces = [b"x" * 65536] * 2000
        source = Source(*pieces)
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(PATH)
        before = -1
        while before != source.taken:
            before = source.taken
            await asyncio.sleep(0.05)
        assert source.taken < 1000, "the log is piled up in the server"
        assert len(await answer.read()) == 2000 * 65536

    async def test_a_client_that_leaves_a_silent_log_is_noticed(self, api: Api) -> None:
        source = Source(b"one\n", endless=True)
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(f"{PATH}?follow=1")
        await answer.content.readany()
        assert api.app[GATE].streams.taken == 1
        answer.close()
        await _no_stream(api)
        assert source.closed

    @pytest.mark.parametrize("why", ["the API server breaks off", "our server stops"])
    async def test_a_log_that_is_cut_does_not_look_whole(
        self, api: Api, why: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        breaks = why == "the API server breaks off"
        source = Source(b"one\n", error=Unavailable("reset") if breaks else None, endless=not breaks)
        has(api, source, pods=[wire_pod(states=BEGUN)])
        answer = await api.client.get(f"{PATH}?follow=1")
        if not breaks:
            assert await answer.content.readany() == b"one\n"
            await send_away(api.app)
        with pytest.raises(ClientError):
            await answer.read()
        await _no_stream(api)
        assert ("ended early: reset" in caplog.text) == breaks
        assert "Traceback" not in caplog.text


async def _following(api: Api, *, times: int = 2) -> asyncio.Task[str]:
    """A client that follows the log, once the pod was looked at so often for it."""

    async def text() -> str:
        return await (await api.client.get(f"{PATH}?follow=1")).text()

    answer = asyncio.create_task(text())
    for _ in range(1000):
        if len(api.kube.calls) >= times:
            return answer
        await asyncio.sleep(0.005)
    pytest.fail(f"the pod was not looked at {times} times: {api.kube.calls}")


async def _no_stream(api: Api) -> None:
    """Wait until no answer stays open any more."""
    for _ in range(1000):
        if not api.app[GATE].streams.taken:
            return
        await asyncio.sleep(0.005)
    pytest.fail("the answer is still open")
