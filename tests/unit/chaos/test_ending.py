"""A storm ends with a verdict, or says in one line why there is none, whatever breaks the harness."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.chaos import cronjobs, outages, storm
from tests.chaos import probe as probing
from tests.chaos.ending import DETAILS, NO_VERDICT
from tests.chaos.environment import Bed, Journal
from tests.chaos.probe import probe
from tests.chaos.reading import line
from tests.unit.chaos.facts import history, made, ran, spec, told

GOOD = history(
    made(spec(concurrency="forbid", missedRuns="all")), ran(10), ran(20), ran(30), told(ran(10), ran(20), ran(30))
)
BAD = history(made(spec()), ran(10), ran(15))
LATE = TimeoutError("the API server\nis too slow")


class Harness:
    """A storm without a cluster, which leaves this history. `breaks` are errors by where they are raised: `end` is
    where everything is put away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.breaks: dict[str, BaseException] = {}
        self.left = GOOD
        self.folder = folder
        bed = SimpleNamespace(
            path=folder / "history.jsonl", live=self._live, history=lambda: self.left, complaints=list
        )
        values = {
            "own_cluster": SimpleNamespace(kubeconfig=Path("k")),
            "namespace": SimpleNamespace(namespace="n"),
            "bed": bed,
        }
        for module in (storm, outages, cronjobs):
            for place, value in values.items():
                monkeypatch.setattr(module, place, self._entered(place, value), raising=False)
            for place in ("judge", "figures", "show"):
                if hasattr(module, place):
                    monkeypatch.setattr(module, place, self._called(place, getattr(module, place)))
        monkeypatch.setattr(cronjobs, "compare", lambda *_, **__: (self._live(), {"DkronJob": self.left})[1])

    def run(self, program: ModuleType) -> int:
        """The exit code."""
        seed = [] if program is outages else ["--seed", "7"]
        code: int = program.main(["--duration", "5m", *seed, "--folder", str(self.folder)])
        return code

    def _break(self, place: str) -> None:
        if place in self.breaks:
            raise self.breaks[place]

    def _live(self, *_: object) -> list[str]:
        self._break("live")
        return []

    def _called(self, place: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*arguments: Any, **more: Any) -> Any:
            self._break(place)
            return call(*arguments, **more)

        return broken

    def _entered(self, place: str, value: object) -> Callable[..., Any]:
        @contextlib.contextmanager
        def enter(*_: Any, **__: Any) -> Iterator[Any]:
            self._break(place)
            try:
                yield value
            finally:
                if place == "namespace":
                    self._break("end")

        return enter


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Harness:
    return Harness(monkeypatch, tmp_path)


STORM = "python -m tests.chaos.storm --duration 300s --seed 7 --replicas 2"
OUTAGES = "python -m tests.chaos.outages --duration 300s"
CRON_JOBS = "python -m tests.chaos.cronjobs --duration 300s --seed 7"
STAGES = {
    "own_cluster": "starting the cluster", "namespace": "preparing the storm", "bed": "preparing the storm",
    "live": "the storm", "judge": "the checker", "figures": "the checker", "show": "telling the verdict",
}  # fmt: skip
SIDE_BY_SIDE = {"own_cluster": "starting the cluster", "live": "the comparison", "figures": "the checker"}


class Failure(NamedTuple):
    """A program whose harness fails at this place, and what its last line says about that."""

    program: ModuleType
    place: str
    stage: str
    again: str


FAILURES = (
    *(Failure(storm, *each, f", seed 7, repeat with {STORM}") for each in STAGES.items()),
    *(Failure(outages, *each, f", repeat with {OUTAGES}") for each in STAGES.items()),
    *(Failure(cronjobs, *each, f", seed 7, repeat with {CRON_JOBS}") for each in SIDE_BY_SIDE.items()),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: f"{each.program.__name__.split('.')[-1]} {each.place}")
def test_a_harness_that_fails_gives_no_verdict(
    failure: Failure, harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.breaks = {failure.place: LATE, "end": OSError("and so is the namespace")}
    assert harness.run(failure.program) == NO_VERDICT
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"no verdict: {failure.stage} failed with TimeoutError: the API server{failure.again}; the history and "
        f"{DETAILS} are in {harness.folder}"
    )
    assert "is too slow" in (harness.folder / DETAILS).read_text(encoding="utf-8")


@pytest.mark.parametrize("program", [storm, outages, cronjobs], ids=["storm", "outages", "cronjobs"])
@pytest.mark.parametrize(
    ("left", "breaks", "code"),
    [
        pytest.param(GOOD, {}, 0, id="nothing to object to"),
        pytest.param(BAD, {}, 1, id="objections"),
        pytest.param(GOOD, {"end": LATE}, 0, id="nothing, and the end fails"),
        pytest.param(BAD, {"end": LATE}, 1, id="objections, and the end fails"),
        pytest.param(GOOD, {"live": KeyboardInterrupt()}, NO_VERDICT, id="Ctrl-C"),
    ],
)
def test_a_verdict_stands(program: ModuleType, harness: Harness, left: Any, breaks: Any, code: int) -> None:  # noqa: PLR0917 - fields of a row
    harness.left, harness.breaks = left, breaks
    assert harness.run(program) == code


def test_a_storm_that_breaks_off_keeps_its_history(tmp_path: Path) -> None:
    journal, run = Journal(tmp_path / "history.jsonl"), ran(10)

    def fail() -> None:
        raise LATE

    witness, crew = SimpleNamespace(facts=lambda _: iter([run])), SimpleNamespace(start=fail)
    others: Any = dict.fromkeys(("clients", "users", "prober", "heart", "setup", "say"))
    bed = Bed(None, None, crew=crew, witness=witness, journal=journal, **others)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        bed.live(SimpleNamespace(bodies=()))  # type: ignore[arg-type]
    assert journal.path.read_text(encoding="utf-8") == line(run)


def test_dying_recorder_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "EVERY", 0.0)
    asked = threading.Event()

    def run(_: str) -> None:
        asked.set()
        raise LATE

    recorder: Any = SimpleNamespace(run=run)
    with pytest.raises(TimeoutError), probe(recorder):
        assert asked.wait(30)
