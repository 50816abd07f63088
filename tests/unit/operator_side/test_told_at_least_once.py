"""The promise to receivers: each execution that is recorded is told, whatever dies; nothing is that is not recorded.

The world of tests/support/simulation.py, with a receiver in it that remembers what it was told.
"""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_operator.plan.fold import Delivered
from tests.support.builders import job_view
from tests.support.simulation import Fault, Simulation

PERIOD = 10
HISTORY = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}


class Told(Simulation):
    """A simulation of a job with a processor. `told` counts what the receiver heard, by Job."""

    def __init__(self) -> None:
        job = job_view(schedule=f"*/{PERIOD} * * * * *", processors={"log": {}}, retries=1, history=HISTORY)
        super().__init__(job)
        self.told: Counter[str] = Counter()
        self.taken: set[str] = set()

    def restart(self) -> None:
        super().restart()
        self.taken.clear()

    def hand_on(self, *, dies: bool = False) -> None:
        """Tell the receiver what is owed, and take note; `dies`: in between."""
        for name in self.world.status.undelivered:
            if name not in self.taken:
                self.taken.add(name)
                self.told[name] += 1
                if dies:
                    self.restart()
                    return
                self.process.pending.append(Delivered(frozenset({name})))

    def end_all(self, *, success: bool) -> None:
        """The Jobs that run end."""
        for job in self.world.unfinished():
            self.world.finish(job.name, success=success)

    def heal(self) -> None:
        """Let everything come to its end."""
        self.finish_all()
        self.hand_on()
        self.process.flush()

    def recorded(self) -> set[str]:
        return {execution.job for execution in self.world.status.executions}


def promise(simulation: Told) -> None:
    assert set(simulation.told) == simulation.recorded()
    assert simulation.world.status.undelivered == ()
    again = sum(times - 1 for times in simulation.told.values())
    assert again <= simulation.deaths * len(simulation.recorded()), "only a death makes anybody hear twice"


@pytest.mark.parametrize("success", [True, False], ids=["success", "failure"])
@pytest.mark.parametrize("fault", [None, *Fault], ids=str)
def test_one_fault_at_an_end_neither_hides_it_nor_invents_one(fault: Fault | None, success: bool) -> None:
    simulation = Told()
    simulation.wait(PERIOD)
    simulation.end_all(success=success)
    simulation.world.fault, simulation.world.delay = fault, timedelta(seconds=1)
    simulation.settle()
    simulation.hand_on(dies=fault is Fault.DIES_AFTER_THE_WRITE)
    simulation.settle()
    simulation.heal()
    promise(simulation)
    if fault is None:
        assert set(simulation.told.values()) == {1}


def test_nobody_is_told_of_what_is_not_written() -> None:
    simulation = Told()
    simulation.wait(PERIOD)
    simulation.end_all(success=True)
    simulation.settle(write=False)
    simulation.hand_on()
    assert not simulation.told
    simulation.heal()
    promise(simulation)


STEPS = st.lists(
    st.tuples(st.sampled_from(["wait", "succeed", "fail", "tell", "tell and die", "die", "write"]), st.booleans()),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.sampled_from([None, *Fault]))
def test_whatever_happens_each_is_told(steps: list[tuple[str, bool]], fault: Fault | None) -> None:
    simulation = Told()
    for number, (step, write) in enumerate(steps):
        if number == len(steps) // 2:
            simulation.world.fault = fault
        match step:
            case "wait":
                simulation.wait(PERIOD, write=write)
            case "succeed" | "fail":
                simulation.end_all(success=step == "succeed")
                simulation.settle(write=write)
            case "tell" | "tell and die":
                simulation.hand_on(dies=step == "tell and die")
            case "die":
                simulation.restart()
            case "write":
                simulation.settle()
    simulation.heal()
    promise(simulation)
