"""The lines of `dkronctl run --wait` while its run waits: where, and that it begins."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dkron_cli.commands import run as command
from dkron_cli.commands.run import Request, _run
from dkron_cli.core.order import Order
from dkron_cli.core.run import wait_of
from dkron_cli.edge import rest, run_remarks
from dkron_cli.edge.backend import Asked
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.run_remarks import RunRemarks
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt as Entry
from dkron_crds.job import AttemptState, JobStatus
from dkron_from_dkron.moments import ZERO
from dkron_kube.paths import DKRON_JOBS, DKRON_POOLS, DKRON_RUNS
from dkron_reports.job import Job, from_object
from dkron_reports.pools import PoolPlace
from dkron_reports.run import Attempt, Run
from tests.support.builders import NAME, NAMESPACE, NOON, after, execution, request_claim, seen, wire_job
from tests.support.fake_kube import FakeKube
from tests.support.opened_cluster import by_kubeconfig

WAITS = Attempt("1-a", 1, 1, None, state=AttemptState.WAITING, queued=NOON)
POOL = PoolPlace("database", 3, 12)
RUNS = replace(WAITS, started=after(60), state=AttemptState.RUNNING)
ENDED = replace(RUNS, finished=after(120), state=AttemptState.SUCCEEDED)


@pytest.mark.parametrize(
    ("attempts", "told"),
    [
        pytest.param([replace(WAITS, place=2)], "waits in line, place 2", id="in the line of its job"),
        pytest.param([replace(WAITS, pools=(POOL,))], "waits in line, 3rd of 12 for pool database", id="of a pool"),
        pytest.param(
            [replace(WAITS, place=2, pools=(POOL._replace(place=0),))],
            "waits in line, place 2, not among the first ten of 12 for pool database", id="behind both",
        ),
        pytest.param([WAITS], "waits in line", id="at no place that is known"),
        pytest.param(
            [replace(WAITS, queue="team-a", place=3)],
            "waits in LocalQueue team-a, place 3 in its ClusterQueue", id="in a queue of Kueue",
        ),
        pytest.param(
            [replace(ENDED, state=AttemptState.FAILED), replace(WAITS, number=2, queue="team-a")],
            "waits in LocalQueue team-a", id="a retry in a queue of Kueue",
        ),
        pytest.param(
            [replace(WAITS, queue="team-a", evictions=1, place=3)],
            "waits again in LocalQueue team-a (evicted once), place 3 in its ClusterQueue", id="evicted by Kueue",
        ),
        pytest.param([WAITS, replace(RUNS, member="b")], "", id="another member runs"),
        pytest.param([RUNS], "", id="it runs"),
        pytest.param([ENDED], "", id="it is over"),
    ],
)  # fmt: skip
def test_wait_is_told_with_its_place(attempts: list[Attempt], told: str) -> None:
    assert wait_of(Run(1, tuple(attempts))) == told


SECOND, THIRD = replace(WAITS, place=2), replace(WAITS, place=3)
NEVER = replace(WAITS, started=after(9), finished=after(9), state=AttemptState.CANCELLED, reason="Stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Looks at a run at these seconds, and the lines that they give after the first one."""

    at: tuple[tuple[float, Attempt], ...]
    lines: list[str] = field(default_factory=list)


LOOKS = {
    "it begins at once": Looks(at=((0, RUNS), (1, ENDED))),
    "the place is told once": Looks(at=((0, SECOND), (9, SECOND)), lines=["a: waits in line, place 2"]),
    "another place is told": Looks(
        at=((0, THIRD), (9, SECOND)), lines=["a: waits in line, place 3", "a: waits in line, place 2"]
    ),
    "not each moment": Looks(
        at=((0, THIRD), (1, SECOND), (2, WAITS), (3, SECOND)),
        lines=["a: waits in line, place 3", "a: waits in line, place 2"],
    ),
    "its turn is told at once": Looks(at=((0, SECOND), (0.5, RUNS)), lines=["a: waits in line, place 2", "a: begins"]),
    "it is over before it is seen to run": Looks(
        at=((0, SECOND), (1, ENDED)), lines=["a: waits in line, place 2", "a: begins"]
    ),
    "it never begins": Looks(at=((0, SECOND), (1, NEVER)), lines=["a: waits in line, place 2"]),
    "it waits again": Looks(
        at=((0, SECOND), (4, RUNS), (8, SECOND)),
        lines=["a: waits in line, place 2", "a: begins", "a: waits in line, place 2"],
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in LOOKS.items()])
def test_lines_are_few_and_never_repeated(case: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    remarks = RunRemarks("a", clock=lambda: now)
    for now, attempt in case.at:  # noqa: B007 - the clock reads it
        remarks.look(Run(1, (attempt,)), placed=remarks.is_due())
    assert capsys.readouterr().err.splitlines() == ["requested a run of a", *case.lines]


ENTRY = request_claim("a", NOON)
LINE = ENTRY.model_copy(update={"state": AttemptState.WAITING, "queued_at": NOON})
TURN = seen(LINE).model_copy(update={"started_at": after(30)})
QUEUE = seen(LINE).model_copy(update={"state": AttemptState.QUEUED, "queue": "team-a"})
OVER = execution(TURN)


def pool(place: int) -> dict[str, Any]:
    """The pool, with the run at this place of its line."""
    ids = [*(f"9-other-{number}" for number in range(place - 1)), LINE.id]
    line = [{"namespace": NAMESPACE, "job": NAME, "id": each, "queuedAt": rfc3339(NOON)} for each in ids]
    return {"metadata": {"name": "db", "namespace": NAMESPACE}, "spec": {}, "status": {"waiting": 4, "line": line}}


def job(*entries: Entry, over: bool = False) -> dict[str, Any]:
    return wire_job(pools=["db"], status=JobStatus(active=entries, executions=(OVER,) if over else ()))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between two looks."""
    monkeypatch.setattr(command, "PAUSE", 0)
    monkeypatch.setattr(run_remarks, "INTERVAL", 0)
    monkeypatch.setattr(rest, "LOOK", 0)


WAITING = Request(NAME, wait=True, follow=False, seconds=30, force=False, order=Order())
BEGINS = [f"{NAME}: begins", f"{NAME}: success after 5.0s"]


class Seat:
    """A user who has requested the run, as the DkronRun `r`. Before each look at it, one more of `steps` is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, reads: bool = True) -> None:
        self.kube = FakeKube()
        self.kube.put(DKRON_RUNS, {"metadata": {"name": "r", "creationTimestamp": rfc3339(NOON)}, "status": {}})
        known = from_object(self.kube.put(DKRON_JOBS, job()))
        asked = Asked(known if reads else replace(known, raw={}), ENTRY.group, object_name="r")

        async def run(*_: Any, **__: Any) -> Asked:
            return asked

        async def job_to_run(*_: Any) -> Job:
            return asked.job

        by_kubeconfig(monkeypatch, self.kube)
        monkeypatch.setattr(Cluster, "run", run)
        monkeypatch.setattr(command, "job_to_run", job_to_run)

    def steps(self, *steps: Callable[[], object]) -> None:
        for step in steps:
            self.kube.meanwhile("get dkronruns", step)

    def shows(self, *entries: Entry, over: bool = False, place: int = 0) -> Callable[[], object]:
        """The step in which the job shows these entries, and the pool the run at this place."""

        def step() -> None:
            self.kube.put(DKRON_JOBS, job(*entries, over=over))
            if place:
                self.kube.put(DKRON_POOLS, pool(place))

        return step

    def says(self, **status: Any) -> Callable[[], object]:
        """The step in which the DkronRun has this status."""
        return lambda: self.kube.edit(DKRON_RUNS, "r", lambda run: run.update(status=status))


@pytest.mark.usefixtures("quick")
class TestByKubeconfig:
    async def test_a_run_tells_its_place_until_it_begins(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seat = Seat(monkeypatch)
        first, next_one = seat.shows(LINE, place=3), seat.shows(LINE, place=1)
        seat.steps(lambda: None, first, first, next_one, seat.shows(TURN), seat.shows(over=True))
        assert await _run(Options(), WAITING) == Code.OK
        assert capsys.readouterr().err.splitlines() == [
            f"requested a run of {NAME}: DkronRun r",
            f"{NAME}: waits in line, 3rd of 4 for pool db", f"{NAME}: waits in line, 1st of 4 for pool db", *BEGINS,
        ]  # fmt: skip

    async def test_pools_are_read_only_while_the_run_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seat = Seat(monkeypatch)
        other = request_claim("b", NOON).model_copy(update={"state": AttemptState.WAITING, "queued_at": NOON})
        seat.steps(seat.shows(TURN, other), seat.shows(LINE, other, place=3), seat.shows(over=True))
        await _run(Options(), WAITING)
        assert [call for call in seat.kube.calls if "dkronpools" in call] == ["get dkronpools db"]

    async def test_log_is_not_followed_while_kueue_holds_the_job(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seat = Seat(monkeypatch)
        seat.steps(seat.shows(QUEUE), seat.shows(QUEUE), seat.shows(over=True))
        await _run(Options(), replace(WAITING, wait=False, follow=True))
        assert f"{NAME}: waits in LocalQueue team-a\n" in capsys.readouterr().err
        told = [call.split()[1] for call in seat.kube.calls]
        assert told[: told.index("pods")].count("dkronruns") == 3, "the pod is looked for when the Job is admitted"

    async def test_a_user_who_may_not_read_the_job_hears_the_dkronrun(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seat, why = Seat(monkeypatch, reads=False), "the run has waited in line since noon"
        ended = {"job": "a-1", "attempt": 1, "startedAt": rfc3339(NOON), "finishedAt": rfc3339(after(5))}
        waits, over = seat.says(phase="Waiting", message=why), {"attempts": [{**ended, "state": "Succeeded"}]}
        seat.steps(waits, waits, seat.says(phase="Succeeded", group=ENTRY.group, **over))
        assert await _run(Options(), WAITING) == Code.OK
        assert capsys.readouterr().err.splitlines()[1:] == [f"{NAME}: {why}", *BEGINS]

    async def test_dropped_run_does_not_begin(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seat = Seat(monkeypatch)
        drop, tell = seat.shows(), seat.says(phase="Refused", message="a newer run took its turn")
        seat.steps(seat.shows(LINE), seat.says(phase="Waiting", message="it waits"), drop, tell)
        with pytest.raises(CliError, match="a newer run took its turn"):
            await _run(Options(), WAITING)
        assert capsys.readouterr().err.splitlines()[1:] == [f"{NAME}: waits in line"]


EXECUTION = {"id": "3-n", "group": 2_000_000_123, "attempt": 1, "success": False, "node_name": "", "finished_at": ZERO}
IN_LINE = {"started_at": ZERO, "queued_at": rfc3339(NOON), "place": 2}
IN_POOL = {**IN_LINE, "pools": [{"name": "db", "place": 3, "waiting": 12}]}
BEGUN = {"started_at": rfc3339(NOON), "queued_at": rfc3339(NOON)}
SUCCESS = {**BEGUN, "finished_at": rfc3339(after(5)), "success": True}


class Api:
    """A REST API that answers a run when it is over. It shows these executions, one for each look; None fails."""

    def __init__(self, *shown: dict[str, Any] | None) -> None:
        self.shown = list(shown)
        self.over = asyncio.Event()
        self.is_asked = False

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.is_asked = True
            await self.over.wait()
        elif request.path.endswith("/executions"):
            return self._executions()
        return web.json_response({"name": NAME})

    def _executions(self) -> web.Response:
        if not self.is_asked:
            return web.json_response([])
        one = self.shown[0] if len(self.shown) == 1 else self.shown.pop(0)
        if len(self.shown) == 1:
            self.over.set()
        return web.Response(status=503) if one is None else web.json_response([EXECUTION | one])


@pytest.mark.usefixtures("quick")
class TestByRest:
    @pytest.mark.parametrize(
        ("shown", "lines"),
        [
            pytest.param(
                [IN_POOL, None, IN_POOL, IN_LINE, BEGUN, SUCCESS, SUCCESS],
                [f"{NAME}: waits in line, 3rd of 12 for pool db", f"{NAME}: waits in line, place 2", *BEGINS],
                id="it waits",
            ),
            pytest.param([BEGUN, SUCCESS], BEGINS[1:], id="it does not wait"),
        ],
    )
    async def test_a_run_tells_its_place_before_the_answer(
        self, shown: list[dict[str, Any] | None], lines: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", Api(*shown).answer)
        async with TestServer(app) as server:
            assert await _run(Options(server=str(server.make_url("/"))), WAITING) == Code.OK
        assert capsys.readouterr().err.splitlines() == [f"requested a run of {NAME}", *lines]
