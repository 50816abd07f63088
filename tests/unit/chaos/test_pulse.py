"""The pulse of the machine."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos import pulse
from tests.chaos.history import Fault


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
