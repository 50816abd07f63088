"""What an informer tells its callbacks of objects, and what it knows and logs of its watch."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from aiohttp import web

from dkron_kube.client import KubeClient
from dkron_kube.errors import Expired, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_JOBS
from dkron_kube.watch import Pace
from tests.support.fake_kube import FakeKube
from tests.support.kube_server import opened, refusal, served
from tests.support.watching import SECONDS, Object, added, bookmark, error, event, thing

HASTE = Pace(brief=0.0, first_delay=0.001, last_delay=0.001)
FORBIDDEN = Rejected("forbidden", status=403)
DOWN = Unavailable("no answer")
UNKNOWN_KIND = "the cluster does not know this kind; install it with kubectl apply -f crds/"

Answer = int | bytes | tuple[int, Sequence[Object]]
"""The status of a refusal; or the bytes of a watch; or the version of a list, and its objects."""


class Told:
    """An informer whose callbacks write down what they are told. The object called "odd" cannot be read."""

    def __init__(self, client: KubeClient) -> None:
        self.told: list[str] = []
        self.state = WatchState("things")
        callbacks = Callbacks(
            read=self.read,
            synced=lambda names, version: self.told.append(f"synced {' '.join(names)} @{version}"),
            upsert=lambda name: self.told.append(f"upsert {name}"),
            remove=lambda item: self.told.append(f"remove {item['metadata']['name']}"),
            went_back=lambda: self.told.append("went back"),
            on_failure=lambda error: self.told.append(f"failed {type(error).__name__}"),
        )
        self.informer = Informer(client, DKRON_JOBS, "ns", callbacks, state=self.state, pace=HASTE)

    @staticmethod
    def read(item: Object) -> str | None:
        name = str(item["metadata"]["name"])
        return None if name == "odd" else name


class Script:
    """A server that gives its answers in turn. The request after the last one waits."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []
        self.over, self._end = asyncio.Event(), asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"watch {request.query['resourceVersion']}" if "watch" in request.query else "list")
        if not self._answers:
            self.over.set()
            await self._end.wait()
            return refusal(503)
        match self._answers.pop(0):
            case int() as status:
                return refusal(status)
            case bytes() as lines:
                response = await opened(request)
                await response.write(lines)
                return response
            case version, items:
                return web.json_response({"items": items, "metadata": {"resourceVersion": str(version)}})

    def end(self) -> None:
        """Let go of the request that waits."""
        self._end.set()


@dataclass(frozen=True, kw_only=True)
class Course:
    """The answers of the server, what the callbacks are told, and the last request."""

    answers: Sequence[Answer]
    told: Sequence[str]
    last: str
    refused: bool = False


A, B = thing("a", 1), thing("b", 2)
COURSES = {
    "a list and each change": Course(
        answers=[(2, [A, B]), event("MODIFIED", thing("a", 3)) + event("DELETED", thing("b", 4)) + added("c", 5)],
        told=["synced a b @2", "upsert a", "remove b", "upsert c"],
        last="watch 5",
    ),
    "objects that cannot be read": Course(
        answers=[(2, [A, thing("odd", 2)]), event("MODIFIED", thing("odd", 3)) + added("b", 4)],
        told=["synced a @2", "remove odd", "upsert b"],
        last="watch 4",
    ),
    "a bookmark, which tells nothing": Course(answers=[(1, [A]), bookmark(7)], told=["synced a @1"], last="watch 7"),
    "a version that is too old": Course(
        answers=[(1, [A]), error(410), (3, [B])], told=["synced a @1", "synced b @3"], last="watch 3"
    ),
    "versions that went back": Course(
        answers=[(9, [A]), error(410), (3, [B])], told=["synced a @9", "went back", "synced b @3"], last="watch 3"
    ),
    "no answer": Course(answers=[503, (1, [A])], told=["failed Unavailable", "synced a @1"], last="watch 1"),
    "no such kind": Course(answers=[404], told=["failed NotFound"], last="list", refused=True),
    "no right to watch": Course(
        answers=[(1, [A]), 403], told=["synced a @1", "failed Rejected"], last="list", refused=True
    ),
}


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
async def test_callbacks_are_told_what_the_server_sends(course: Course) -> None:
    script = Script(course.answers)
    async with served(script.answer) as client:
        told = Told(client)
        task = asyncio.create_task(told.informer.run())
        try:
            await asyncio.wait_for(script.over.wait(), SECONDS)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            script.end()
    assert (told.told, script.asked[-1]) == (course.told, course.last)
    assert (told.state.refused is not None) is course.refused


@pytest.mark.parametrize(
    ("error", "told", "trouble"),
    [
        pytest.param(None, ["synced a @0"], "", id="a list"),
        pytest.param(DOWN, ["failed Unavailable"], "cannot watch things: no answer", id="no answer"),
        pytest.param(Expired("too old"), ["failed Expired"], "cannot watch things: too old", id="half a list"),
    ],
)
async def test_a_first_list_is_told_or_why_not(error: KubeError | None, told: list[str], trouble: str) -> None:
    kube = FakeKube()
    kube.put(DKRON_JOBS, thing("a", 1))
    if error is not None:
        kube.fail("list dkronjobs", error)
    scene = Told(cast("KubeClient", kube))
    await scene.informer.list_once()
    assert (scene.told, scene.state.trouble, scene.state.synced) == (told, trouble, error is None)
    assert scene.state.answered.is_set()


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What happens to a watch, and what is known and logged of it therefore."""

    signs: Sequence[str | KubeError]
    logged: Sequence[str] = ()
    watching: bool = False
    refused: bool = False


LISTED = ("list", "alive")
BEGUN = (*LISTED, "alive")
SIGNS = {
    "nothing yet": Signs(signs=()),
    "a list, and no watch": Signs(signs=LISTED),
    "a watch": Signs(signs=BEGUN, watching=True),
    "no answer, again and again": Signs(
        signs=(*BEGUN, DOWN, Unavailable("busy"), DOWN), watching=True,
        logged=["cannot watch things: no answer; going on"],
    ),
    "a list, and no right to watch, again and again": Signs(
        signs=(*LISTED, FORBIDDEN) * 3, refused=True, logged=["cannot watch things: forbidden; going on"],
    ),
    "an outage that ends": Signs(
        signs=(*BEGUN, DOWN, "alive"), watching=True,
        logged=["cannot watch things: no answer; going on", "watch of things: works again"],
    ),
    "a refusal that ends": Signs(
        signs=(FORBIDDEN, *BEGUN), watching=True,
        logged=["cannot watch things: forbidden; going on", "watch of things: works again"],
    ),
    "another cause": Signs(
        signs=(DOWN, NotFound("404")), refused=True,
        logged=[
            "cannot watch things: no answer; going on",
            f"cannot watch things: {UNKNOWN_KIND}; going on",
        ],
    ),
    "no answer after a refusal": Signs(
        signs=(FORBIDDEN, DOWN), refused=True,
        logged=["cannot watch things: forbidden; going on", "cannot watch things: no answer; going on"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SIGNS.values(), ids=SIGNS)
def test_an_outage_is_logged_once_until_the_watch_works(case: Signs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = 100.0
    state = WatchState("things", meanwhile="going on", clock=lambda: now)
    now = 107.0
    for sign in case.signs:
        if isinstance(sign, KubeError):
            state.failed(sign)
        elif sign == "list":
            state.listed()
        else:
            state.alive()
    assert caplog.messages == list(case.logged)
    assert (state.watching, state.refused is not None) == (case.watching, case.refused)
    assert state.age() == (0.0 if "alive" in case.signs else 7.0)
    assert bool(state.trouble) is bool(case.signs and isinstance(case.signs[-1], KubeError))
