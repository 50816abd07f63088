"""Other installations at work in our namespaces: told once, and spoken of as long as they are seen."""

import logging
from datetime import datetime

import pytest

from dkron_crds.base import rfc3339
from dkron_operator.cluster.conflicts import MEMORY, MOST, Conflicts
from dkron_operator.kit.clock import Clock
from tests.support.builders import NOON, after

LATER = after(60)


class World:
    """Rivals with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON
        self.changes = 0
        self.conflicts = Conflicts("home", clock=Clock(lambda: self.now), changed=self._change)

    def _change(self) -> None:
        self.changes += 1

    def meet(self, home: str) -> None:
        notes = {"dkron.io/installation": home}
        metadata = {"namespace": "team", "creationTimestamp": rfc3339(LATER), "annotations": notes}
        self.conflicts.observe({"metadata": metadata})


def test_job_of_another_installation_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.meet("elsewhere")
    world.meet("elsewhere")
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert ("namespace elsewhere" in line.message, "namespace team" in line.message) == (True, True)
    assert (world.conflicts.complaint, world.changes) == (line.message, 1)


@pytest.mark.parametrize(
    ("notes", "created"),
    [
        pytest.param({"dkron.io/installation": "home"}, LATER, id="of ours"),
        pytest.param({"dkron.io/slot": "x"}, LATER, id="of a version that did not say"),
        pytest.param(None, LATER, id="without annotations"),
        pytest.param({"dkron.io/installation": "x"}, after(hours=-1), id="of one that was there before us"),
    ],
)
def test_jobs_that_say_nothing(
    notes: dict[str, str] | None, created: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    metadata = {"namespace": "team", "creationTimestamp": rfc3339(created)}
    world.conflicts.observe({"metadata": metadata if notes is None else {**metadata, "annotations": notes}})
    assert (world.conflicts.complaint, world.changes, caplog.text) == ("", 0, "")


def test_vanished_installation_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.meet("elsewhere")
    world.now += MEMORY / 2
    world.meet("elsewhere")
    world.now += MEMORY / 2
    assert world.conflicts.complaint, "it was seen since"
    world.now += MEMORY
    assert world.conflicts.complaint == ""
    world.meet("elsewhere")
    assert len(caplog.records) == 2, "it has come back"


def test_conflicts_are_counted_and_bounded() -> None:
    world = World()
    for number in range(MOST + 5):
        world.meet(f"other-{number:02}")
    assert "namespace other-00" in world.conflicts.complaint
    assert world.conflicts.complaint.endswith(f"(and {MOST - 1} more)")
    assert world.changes == MOST
