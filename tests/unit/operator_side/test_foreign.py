"""Jobs that name a DkronJob as their owner and were not made for it: which ones are reported, and how often."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_crds.status import MAX_ACTIVE
from dkron_operator.act import foreign
from dkron_operator.act.foreign import PAUSE, ForeignJobs
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.actions import Report
from dkron_operator.plan.advance import advance
from dkron_operator.plan.situation.read import read_attempt
from dkron_operator.plan.situation.view import JobView
from dkron_operator.plan.status.changes import Started
from dkron_operator.plan.status.unknown_jobs import split
from tests.support.builders import NAMESPACE, NOON, UID, claim, job_view, situation, wire_job, wire_run

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
    reasons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        reporter = ForeignJobs(clock=Clock(lambda: self.now), report=self.report)
        self.store = Store()
        self.store.on_foreign.add(reporter.report)
        self.store.upsert_job(wire_job())

    def report(self, _: JobView, report: Report) -> None:
        """Take an Event."""
        self.reasons.append(report.reason)
        self.told.append(report.message)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(unannotated(), "annotations are not", id="no annotations"),
        pytest.param(misannotated(**{SLOT: "soon"}), "annotations are not", id="a slot that is no time"),
        pytest.param(misannotated(**{"dkron.io/trigger": "Magic"}), "annotations are not", id="an unknown trigger"),
        pytest.param(misannotated(**{"dkron.io/group": "7"}), "namespace or name is not", id="of another group"),
        pytest.param(misannotated(**{"dkron.io/attempt": "2"}), "namespace or name is not", id="of another attempt"),
        pytest.param(wire_run(ENTRY, namespace="elsewhere"), "namespace or name is not", id="of another namespace"),
        pytest.param(wire_run(ENTRY, owner_name="other"), "namespace or name is not", id="of an owner of another name"),
        pytest.param(wire_run(ENTRY.model_copy(update={"job": "x"})), "namespace or name is not", id="another name"),
        pytest.param(unannotated(owner="of a CronJob"), "", id="of an owner that is no known job"),
        pytest.param(unannotated(namespace="elsewhere"), "", id="in another namespace"),
        pytest.param(without_controller(), "", id="without a controller"),
        pytest.param(wire_run(ENTRY), "", id="one of ours"),
    ],
)
def test_job_not_created_for_its_owner_is_reported(body: Object, told: str) -> None:
    scene = Scene()
    affected = list(scene.store.upsert_attempt(body))
    assert [told in each for each in scene.told] == ([True] if told else [])
    if told:
        (cached,) = scene.store
        assert (affected, cached.observed.attempts) == ([], {})
        metadata = body["metadata"]
        assert f"Job {metadata['namespace']}/{metadata['name']} names this job" in scene.told[0]
        assert scene.reasons == ["ForeignJob"]


def test_foreign_job_is_reported_once_and_rate_limited_by_owner() -> None:
    scene = Scene()
    for version in (1, 2):
        scene.store.upsert_attempt(unannotated(uid="a", version=version))
        scene.store.upsert_attempt(unannotated(uid="b", version=version))
    assert len(scene.told) == 1, "b waits for its turn"
    scene.now += PAUSE
    scene.store.upsert_attempt(unannotated(uid="a", version=3))
    assert len(scene.told) == 1
    scene.store.upsert_attempt(unannotated(uid="b", version=3))
    scene.now += timedelta(days=1)
    for uid in ("a", "b"):
        scene.store.upsert_attempt(unannotated(uid=uid, version=4))
    assert len(scene.told) == 2


def test_memory_of_foreign_jobs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MOST", 2)
    scene = Scene()
    for uid in ("a", "b", "c", "a"):
        scene.store.upsert_attempt(unannotated(uid=uid))
        scene.now += PAUSE
    assert len(scene.told) == 4


def forged(number: int) -> Object:
    """A Job as the operator makes it for a slot."""
    return wire_run(claim(NOON + timedelta(seconds=number)), created=NOON + timedelta(seconds=number))


def aside(scene: Scene) -> float:
    return scene.store.metrics.registry.get_sample_value("dkron_operator_jobs_set_aside_total") or 0.0


def test_surplus_jobs_of_one_job_are_set_aside() -> None:
    scene = Scene()
    affected = [list(scene.store.upsert_attempt(forged(number))) for number in range(MAX_ACTIVE + 3)]
    (cached,) = scene.store
    assert (len(cached.observed.attempts), affected[-3:], aside(scene)) == (MAX_ACTIVE, [[], [], []], 3)
    assert scene.reasons == ["JobsSetAside"]
    assert f"but so do {MAX_ACTIVE} others" in scene.told[0]


def test_job_known_to_the_status_is_never_set_aside() -> None:
    scene, known = Scene(), MAX_ACTIVE + 3
    (cached,) = scene.store
    cached.record(Started(claim(NOON + timedelta(seconds=known))))
    for number in range(known + 1):
        scene.store.upsert_attempt(forged(number))
    assert len(cached.observed.attempts) == MAX_ACTIVE + 1


def test_a_job_that_was_set_aside_gets_room() -> None:
    scene = Scene()
    for number in range(MAX_ACTIVE + 1):
        scene.store.upsert_attempt(forged(number))
    (cached,) = scene.store
    cached.observed.attempts.popitem()
    assert list(scene.store.upsert_attempt(forged(MAX_ACTIVE))) == [UID]


def test_a_status_takes_no_more_jobs_than_it_can_show() -> None:
    job, claims = job_view(), [claim(NOON - timedelta(seconds=n)) for n in range(1, 1001)]
    jobs = [read_attempt(forged(number)) for number in range(MAX_ACTIVE)]
    runs = {attempt.name: attempt for attempt in jobs if attempt is not None}
    status = JobStatus(since=NOON, fingerprint=job.fingerprint, active=tuple(claims))
    later = NOON + timedelta(hours=1)
    counting, ahead = split(runs, status, later)
    assert (len(counting), ahead) == (MAX_ACTIVE - len(claims), ())
    oldest = sorted(runs.values(), key=lambda attempt: attempt.created)[: len(counting)]
    assert counting == {attempt.name: attempt for attempt in oldest}
    plan = advance(situation(job, status, now=later, runs=list(counting.values())))
    assert len(plan.status.active) == MAX_ACTIVE
