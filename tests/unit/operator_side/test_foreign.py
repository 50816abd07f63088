"""Jobs that name a DkronJob as their owner and were not made for it: which ones are reported, and how often."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_operator.act import foreign
from dkron_operator.act.foreign import PAUSE, ForeignJobs
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report
from dkron_operator.plan.view import JobView
from tests.support.builders import NAMESPACE, NOON, UID, claim, wire_job, wire_run

Object = dict[str, Any]
ENTRY = claim()
SLOT = "dkron.io/slot"


def unannotated(*, owner: str = UID, namespace: str = NAMESPACE, uid: str = "", version: int = 1) -> Object:
    """A Job with our labels and owner, as a user may write it."""
    body = wire_run(ENTRY, owner=owner, namespace=namespace, uid=uid, version=version)
    del body["metadata"]["annotations"]
    return body


def misannotated(**annotations: str) -> Object:
    body = wire_run(ENTRY)
    body["metadata"]["annotations"].update(annotations)
    return body


def without_controller() -> Object:
    body = unannotated()
    del body["metadata"]["ownerReferences"][0]["controller"]
    return body


@dataclass
class Scene:
    """A store with one job, and the Events about foreign Jobs."""

    now: datetime = NOON
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        reporter = ForeignJobs(clock=Clock(lambda: self.now), report=self.report)
        self.store = Store(foreign=reporter.see)
        self.store.see_job(wire_job())

    def report(self, _: JobView, report: Report) -> None:
        """Take an Event."""
        assert report.reason == "ForeignJob"
        self.told.append(report.message)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(unannotated(), "annotations are not", id="no annotations"),
        pytest.param(misannotated(**{SLOT: "soon"}), "annotations are not", id="a slot that is no time"),
        pytest.param(misannotated(**{"dkron.io/trigger": "Magic"}), "annotations are not", id="an unknown trigger"),
        pytest.param(misannotated(**{"dkron.io/group": "7"}), "namespace or name is not", id="another name"),
        pytest.param(unannotated(owner="of a CronJob"), "", id="of an owner that is no known job"),
        pytest.param(unannotated(namespace="elsewhere"), "", id="in another namespace"),
        pytest.param(without_controller(), "", id="without a controller"),
        pytest.param(wire_run(ENTRY), "", id="one of ours"),
    ],
)
def test_a_job_that_was_not_made_for_its_owner_is_reported(body: Object, told: str) -> None:
    scene = Scene()
    affected = list(scene.store.see_run(body))
    assert [told in each for each in scene.told] == ([True] if told else [])
    if told:
        (cached,) = scene.store
        assert (affected, cached.observed.attempts) == ([], {})
        assert f"Job {NAMESPACE}/{ENTRY.job} names this job" in scene.told[0]


def test_each_foreign_job_is_reported_once_and_one_in_a_while_for_each_job() -> None:
    scene = Scene()
    for version in (1, 2):
        scene.store.see_run(unannotated(uid="a", version=version))
        scene.store.see_run(unannotated(uid="b", version=version))
    assert len(scene.told) == 1, "b waits for its turn"
    scene.now += PAUSE
    scene.store.see_run(unannotated(uid="a", version=3))
    assert len(scene.told) == 1
    scene.store.see_run(unannotated(uid="b", version=3))
    scene.now += timedelta(days=1)
    for uid in ("a", "b"):
        scene.store.see_run(unannotated(uid=uid, version=4))
    assert len(scene.told) == 2


def test_what_is_remembered_of_foreign_jobs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST", 2)
    scene = Scene()
    for uid in ("a", "b", "c", "a"):
        scene.store.see_run(unannotated(uid=uid))
        scene.now += PAUSE
    assert len(scene.told) == 4
