"""The pulse of the machine."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos import pulse
from tests.chaos.environment import LAST_CALM, MOST_CALM, Patience, last_calm
from tests.chaos.history import Fault
from tests.chaos.plan import LATENESS


class Clock:
    """Time that jumps."""

    def __init__(self, *steps: float) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._steps = list(steps)

    def now(self, _: object) -> datetime:
        self._now += timedelta(seconds=self._steps.pop(0) if self._steps else 0)
        return self._now


def test_a_machine_that_stands_still_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Fault] = []
    heard = threading.Event()

    def hear(fault: Fault) -> None:
        told.append(fault)
        heard.set()

    monkeypatch.setattr(pulse, "datetime", Clock(0, 0.1, 5, 0.1))
    with pulse.pulse(hear):
        assert heard.wait(10)
    assert [(fault.end - fault.begin).total_seconds() for fault in told if fault.end] == [5]


@pytest.mark.parametrize(
    ("load", "stretch", "overload"),
    [
        pytest.param(0.1, 1.0, 1.0, id="idle"),
        pytest.param(8.0, 1.0, 1.0, id="two for each core"),
        pytest.param(12.0, 1.5, 1.0, id="three"),
        pytest.param(96.0, 3.0, 4.0, id="never more than three times as long"),
    ],
)
def test_everything_may_take_longer_on_a_busy_machine(
    monkeypatch: pytest.MonkeyPatch, load: float, stretch: float, overload: float
) -> None:
    loads = iter([0.0, load])
    monkeypatch.setattr(os, "getloadavg", lambda: (next(loads, 0.0), 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    heart = pulse.Pulse()
    for _ in range(3):
        heart.look()
    terms = Patience().terms(datetime.now(UTC), heart=heart, rivals=False)
    assert (terms.lateness, terms.overload) == (timedelta(seconds=LATENESS * stretch), overload)


@pytest.mark.parametrize(
    ("broken", "lasted", "wanted", "seconds"),
    [
        pytest.param(40, 120, 0.5, LAST_CALM, id="as planned"),
        pytest.param(100, 150, 0.5, 80, id="a slow machine: 230 s, of which 100 are not calm"),
        pytest.param(1000, 1100, 0.5, MOST_CALM, id="not for ever"),
        pytest.param(100, 100, 0.0, LAST_CALM, id="none is wanted"),
    ],
)
def test_more_faults_need_a_longer_calm_end(broken: float, lasted: float, wanted: float, seconds: float) -> None:
    assert last_calm(broken, lasted, wanted=wanted) == pytest.approx(seconds)
