"""Whatever fails while one object is read concerns that object: it is logged once, and the others are read."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from dkron_crds.backfill import BackfillSpec
from dkron_crds.pause import PauseSpec, PauseStatus
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_PAUSES
from dkron_operator.act.status_sweep import DEBOUNCE
from dkron_operator.backfill.view import Known, View
from dkron_operator.cache import requested_runs, store, views
from dkron_operator.cache.requested_runs import RequestedRuns
from dkron_operator.cache.store import Store
from dkron_operator.kit import object_guard
from dkron_operator.kit.object_guard import FAULT, ObjectGuard
from dkron_operator.plan.situation.read import read_job, read_node, read_status
from dkron_operator.plan.situation.requested_runs import read_requested_run
from dkron_operator.watch import nodes
from dkron_operator.watch.requested_runs import run_informer
from tests.support.builders import NAME, NAMESPACE, UID, wire_job
from tests.support.edges import begin, until
from tests.support.watching import listed
from tests.unit.operator_side.test_backfill import BACKFILL, looks, operator
from tests.unit.operator_side.test_nodes import wire_node
from tests.unit.operator_side.test_pause_watch import Scene, wire_pause
from tests.unit.operator_side.test_requested_runs import wire

Object = dict[str, Any]
log = logging.getLogger(__name__)


class Odd(Exception):
    """An error that no code expects."""


ERRORS = [Odd(), RecursionError(), MemoryError()]
any_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


def failing(read: Callable[..., Any], name: str, error: BaseException) -> Callable[..., Any]:
    """Reads what does not mention this name."""

    def odd(body: Object, *args: Any, **options: Any) -> Any:
        if name in str(body):
            raise error
        return read(body, *args, **options)

    return odd


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def plain(name: str, version: int = 1) -> Object:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    }


# --- the guard -----------------------------------------------------------------------------------------------------


@any_error
def test_each_version_of_an_object_is_logged_once(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    guard, odd = ObjectGuard(log), failing(len, "uid-of-x", error)
    read = [guard.read("Thing", thing, odd) for thing in (plain("x"), plain("x"), plain("x", version=2))]
    with guard.each("Thing", plain("x", version=2)):
        odd(plain("x"))
    assert (read, guard.read("Thing", plain("y"), len)) == ([None] * 3, 1)
    assert warnings(caplog) == [f"cannot process Thing {NAMESPACE}/x"] * 2


def test_it_remembers_a_bounded_number_of_versions(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_guard, "REMEMBERED", 2)
    guard = ObjectGuard(log)
    for version in (1, 2, 3, 3, 1):
        guard.read("Thing", plain("x", version), failing(len, "x", Odd()))
    assert (len(warnings(caplog)), len(guard._told)) == (4, 2)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()], ids=["cancelled", "interrupted"])
def test_it_lets_signals_stop_the_process(error: BaseException) -> None:
    guard = ObjectGuard(log)
    with pytest.raises(type(error)):
        guard.read("Thing", plain("x"), failing(len, "x", error))
    with pytest.raises(type(error)), guard.each("Thing", plain("x")):
        failing(len, "x", error)(plain("x"))


# --- DkronPauses ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the operator fails while it reads a DkronPause."""

    id: str
    where: object
    attribute: str
    said: str = "Invalid"
    """The reason of its condition; empty if nothing can be written."""
    holds: bool = False


PAUSES = (
    Place(id="its spec", where=PauseSpec, attribute="from_wire"),
    Place(id="its status", where=PauseStatus, attribute="from_wire", said="", holds=True),
)


@any_error
@pytest.mark.looptime
@pytest.mark.parametrize("place", PAUSES, ids=lambda place: place.id)
async def test_unreadable_pause_is_reported_and_others_hold(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, place: Place
) -> None:
    scene = Scene()
    bodies = [wire_pause(name, created=number, jobs=[name, "backup"]) for number, name in enumerate(("a", "odd", "z"))]
    for body in bodies:
        scene.kube.put(DKRON_PAUSES, {**body, "status": {"jobs": 7, "message": body["metadata"]["name"]}})
    real = getattr(place.where, place.attribute)
    monkeypatch.setattr(place.where, place.attribute, failing(real, "odd", error))
    expected = ["a", "odd", "z"] if place.holds else ["a", "z"]
    await scene.pauses.read()
    assert scene.names() == expected, "at the start"
    scope = scene.pauses.informers[0]
    await scope.replace([scene.kube.has(DKRON_PAUSES, name) for name in ("a", "odd", "z")], scene.kube.world.version)
    scope.upsert(scene.kube.has(DKRON_PAUSES, "odd"))
    assert (scene.names(), len(warnings(caplog))) == (expected, 1)
    async with scene.running():
        scene.pauses.on_change()
        await until(3 * DEBOUNCE)
    if place.said:
        assert scene.said("odd") == (place.said, 0)
        assert FAULT in scene.kube.has(DKRON_PAUSES, "odd")["status"]["message"]
    else:
        assert scene.kube.has(DKRON_PAUSES, "odd")["status"] == {"jobs": 7, "message": "odd"}
    assert scene.said("z") == ("Paused", 1)


async def test_pause_read_earlier_holds_until_its_spec_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    body = wire_pause("odd", jobs=["backup"])
    await scene.pauses.informers[0].replace([body], 1)
    monkeypatch.setattr(PauseSpec, "from_wire", failing(PauseSpec.from_wire, "backup", Odd()))
    body["metadata"]["resourceVersion"] = "2"
    scene.pauses.informers[0].upsert(body)
    assert scene.names() == ["odd"]
    body["metadata"].update(resourceVersion="3", generation=2)
    scene.pauses.informers[0].upsert(body)
    assert scene.names() == [], "as one that is not valid"


async def test_pause_with_unreadable_metadata_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    scene, odd = Scene(), wire_pause("odd")
    odd["metadata"]["creationTimestamp"] = "at some time"
    scene.kube.put(DKRON_PAUSES, odd)
    scene.kube.put(DKRON_PAUSES, wire_pause("p"))
    await scene.pauses.read()
    assert (scene.names(), len(warnings(caplog))) == (["p"], 1)


# --- nodes, DkronRuns and DkronBackfills ---------------------------------------------------------------------------


@any_error
@pytest.mark.looptime
async def test_a_node_that_cannot_be_read_takes_no_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def bodies(version: int) -> list[Object]:
        found = [wire_node(name) for name in ("n1", "odd", "n2")]
        for body in found:
            body["metadata"]["resourceVersion"] = str(version)
        return found

    watched = begin(tags={"dc": "eu"}).parts.nodes
    informer = watched.informer
    listed(informer, bodies(1))
    monkeypatch.setattr(nodes, "read_node", failing(read_node, "odd", error))
    for body in bodies(2):
        informer.upsert(body)
    informer.alive()
    informer.alive()
    assert list(watched.view or ()) == ["n1", "n2"], "by an event"
    listed(informer, bodies(2))
    assert list(watched.view or ()) == ["n1", "n2"], "by a list"
    assert warnings(caplog) == ["cannot process Node odd"]


@any_error
def test_a_run_that_cannot_be_read_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(requested_runs, "read_requested_run", failing(read_requested_run, "odd", error))
    runs, changed = RequestedRuns(), list[Any]()
    watch = run_informer(cast("KubeClient", None), runs, None, changed=changed.append)
    bodies = [wire(name) for name in ("a", "odd", "z")]
    listed(watch, bodies)
    watch.upsert(bodies[1])
    assert [run.name for run in runs.of_job((NAMESPACE, NAME)).undecided] == ["a", "z"]
    assert warnings(caplog) == [f"cannot process DkronRun {NAMESPACE}/odd"]
    watch.upsert(wire("b"))
    assert len(runs) == 3


def test_a_run_that_is_not_valid_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    runs = RequestedRuns()
    for version in (1, 1, 2):
        assert runs.read(wire("a", version=version, ttlSecondsAfterFinished="soon")) is None
    assert warnings(caplog) == [f"DkronRun {NAMESPACE}/a does not match its definition"] * 2


@any_error
def test_a_backfill_that_cannot_be_read_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(Known, "read", failing(Known.read, "odd", error))
    backfills = operator().backfills
    watch = backfills.informer(None)
    bodies = [plain(name) for name in ("a", "odd", "z")]
    listed(watch, bodies)
    watch.upsert(bodies[1])
    assert set(backfills._places) == {"uid-of-a", "uid-of-z"}
    assert warnings(caplog) == [f"cannot process DkronBackfill {NAMESPACE}/odd"]


@any_error
@pytest.mark.parametrize(
    ("place", "reports"),
    [
        pytest.param((BackfillSpec, "from_wire"), ["BackfillRefused"], id="its spec"),
        pytest.param((View, "read"), [], id="its metadata"),
    ],
)
def test_backfill_with_an_unreadable_spec_stops(
    caplog: pytest.LogCaptureFixture, error: Exception, place: tuple[object, str], reports: list[str]
) -> None:
    tested = operator()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(*place, failing(len, "", error))
        looks(tested, 2)
    assert (tested.reports, tested.active(), BACKFILL in tested.backfills._places) == (reports * 2, [], True)
    assert warnings(caplog) == [f"cannot process DkronBackfill {NAMESPACE}/again"]


@any_error
def test_backfill_of_several_jobs_skips_an_unreadable_one(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    jobs = [wire_job(name=name, uid=name, schedule="0 0 * * * *") for name in ("a", "odd")]
    for job in jobs:
        job["metadata"]["labels"] = {"team": "data"}
    monkeypatch.setattr(views, "read_job", failing(read_job, "odd", error))
    tested = operator(jobs=tuple(jobs), job=None, selector={"team": "data"})
    looks(tested, 2)
    assert {job for job, _ in tested.kube.created} == {"a"}


# --- DkronJobs -----------------------------------------------------------------------------------------------------


@any_error
def test_a_status_that_cannot_be_read_counts_as_wiped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(store, "read_status", failing(read_status, NAME, error))
    found = Store()
    for version in (1, 2, 2):
        found.upsert_job(wire_job(version=version))
    assert list(found.upsert_job(wire_job(uid="other", name="other"))) == ["other"]
    entry = found.get(UID)
    assert entry is not None
    assert (entry.unreadable, entry.version, entry.job.problem) == (True, 2, None)
    assert warnings(caplog) == [f"cannot process the status of DkronJob {NAMESPACE}/{NAME}"] * 2
