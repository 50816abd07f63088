"""Calls of an informer's callbacks, and what it knows and logs of its watch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from dkron_kube.client import KubeClient
from dkron_kube.errors import Expired, KubeError, NotFound, Rejected, Unavailable
from dkron_kube.informer import Callbacks, Informer, WatchState
from dkron_kube.paths import DKRON_JOBS
from tests.support.fake_kube import FakeKube
from tests.support.watching import Object, added, bookmark, error, event, thing
from tests.unit.crds_kube.test_watch_pace import Answer, Lives, OverError, TellingClient

FORBIDDEN = Rejected("forbidden", status=403)
DOWN = Unavailable("no answer")
UNKNOWN_KIND = "the cluster does not know this kind; install it with kubectl apply -f crds/"


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
        self.informer = Informer(client, DKRON_JOBS, "ns", callbacks, state=self.state)

    @staticmethod
    def read(item: Object) -> str | None:
        name = str(item["metadata"]["name"])
        return None if name == "odd" else name


@dataclass(frozen=True, kw_only=True)
class Course:
    """Answers of the API server, and what the callbacks are told."""

    lists: Sequence[Answer] = (2,)
    watches: Sequence[Lives] = ()
    told: Sequence[str]
    refused: bool = False


COURSES = {
    "each change": Course(
        watches=[[added("a", 3) + event("MODIFIED", thing("a", 4)), event("DELETED", thing("a", 5))]],
        told=["synced  @2", "upsert a", "upsert a", "remove a"],
    ),
    "an object that cannot be read": Course(
        watches=[[event("MODIFIED", thing("odd", 3)), added("b", 4)]], told=["synced  @2", "remove odd", "upsert b"]
    ),
    "a bookmark": Course(watches=[[bookmark(7)]], told=["synced  @2"]),
    "a version that is too old": Course(lists=[2, 3], watches=[[error(410)]], told=["synced  @2", "synced  @3"]),
    "versions that went back": Course(
        lists=[9, 3], watches=[[error(410)]], told=["synced  @9", "went back", "synced  @3"]
    ),
    "no answer": Course(lists=[DOWN, 2], told=["failed Unavailable", "synced  @2"]),
    "no such kind": Course(lists=[NotFound("404")], told=["failed NotFound"], refused=True),
    "no right to watch": Course(watches=[FORBIDDEN], told=["synced  @2", "failed Rejected"], refused=True),
}


@pytest.mark.looptime
@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
async def test_callbacks_are_told_what_the_server_sends(course: Course) -> None:
    told = Told(cast("KubeClient", TellingClient(course.lists, course.watches)))
    with pytest.raises(OverError):
        await told.informer.run()
    assert told.told == course.told
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
    for name in ("a", "odd"):
        kube.put(DKRON_JOBS, thing(name, 1))
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
    "a right that is withdrawn": Signs(
        signs=(*BEGUN, FORBIDDEN), refused=True, logged=["cannot watch things: forbidden; going on"],
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
