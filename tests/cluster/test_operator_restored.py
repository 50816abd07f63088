"""etcd is restored from a snapshot while operator and REST API run: what came after it is forgotten, and the numbers of
versions go back. Both notice, and go by what there is. No slot runs twice that has a Job left, and none is lost.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from tests.support import ledger, rollback
from tests.support.api_sites import ApiSite, api_for
from tests.support.births import Births
from tests.support.cluster import Clusters
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import Kube, Object, finished, marked_after
from tests.support.ledger import Ledger
from tests.support.sites import install, site
from tests.support.waiting import nothing, wait_for

pytestmark = [
    pytest.mark.promise,
    pytest.mark.timeout(420),
    pytest.mark.skipif(os.environ.get("CLUSTER", "auto") not in {"auto", "local"}, reason="needs an etcd of its own"),
]

EVERY = 2
OTHERS = 2000
"""Versions that others write after the snapshot: what is deaf until they are caught up is deaf for minutes."""
KEPT = ("all", "latest", "skip", "single")
DELETED, LATE, EDITED = "deleted", "late", "edited"
NOTICED = "the resource versions went back"
PATIENCE = 60.0
"""Seconds until the REST API has tried again to reach the API server, on a busy machine."""


def recurring(name: str, **spec: Any) -> Object:
    """A job that is due every two seconds."""
    return dkron_job(name, **{"schedule": f"@every {EVERY}s", "history": KEEP_ALL, "jobTemplate": simulated(), **spec})


@dataclass(frozen=True, slots=True)
class Story:
    """The story so far. `before` are the Jobs that the history that is lost knew, by job, as uid and slot."""

    kube: Kube
    api: ApiSite
    snapshot: datetime
    restored: datetime
    words: str
    code: int
    before: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def own_cluster(clusters: Clusters) -> Iterator[localcluster.Cluster]:
    """A cluster whose history no other test depends on."""
    clusters.build("kwok")
    cluster = localcluster.up(f"restored-{os.getpid()}", nodes="kwok", provider="local")
    try:
        install(cluster)
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(scope="module")
def story(own_cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All of it, up to the operator that was started again as Kubernetes does."""
    folder = tmp_path_factory.mktemp("restored")
    with site(own_cluster.kubeconfig, purpose="restored", folder=folder) as place, api_for(place.kube, folder) as api:
        kube, operator = place.kube, place.operator
        operator.start()
        kube.apply(*(recurring(name, missedRuns=name) for name in KEPT[:3]))
        kube.apply(recurring("single", concurrency="forbid", missedRuns="latest"))
        kube.apply(recurring(DELETED), dkron_job(EDITED, schedule="@every 1h"))
        for name in (*KEPT, DELETED):
            kube.wait_status(name, "two runs", finished(2))
        copy = rollback.snapshot(own_cluster, folder)
        snapshot = datetime.now(UTC)
        _go_on(kube, snapshot)
        rollback.advance(own_cluster, OTHERS)
        before = {name: slots_by_uid(kube, name) for name in KEPT}
        kube.guard = nothing
        rollback.restore(own_cluster, copy)
        restored = datetime.now(UTC)
        words = str(operator.wait_for_line(NOTICED, seconds=60, may_end=True)["msg"])
        code = operator.wait()
        assert "Traceback" not in operator.text(), operator.tail()
        mark = operator.mark()
        operator.start()
        kube.guard = operator.check
        with Births(own_cluster.kubeconfig, kube.namespace) as kube.births:
            yield Story(kube, api, snapshot, restored, words, code, before)
        operator.stop()
        operator.assert_clean(mark)


def _go_on(kube: Kube, since: datetime) -> None:
    """What will be forgotten: runs, a new job, an edit, and that a job was deleted."""
    kube.apply(recurring(LATE))
    kube.edit(EDITED, displayName="after the snapshot")
    kube.delete(DKRON_JOBS, DELETED)
    for name in KEPT:
        kube.wait_status(name, "to go on", marked_after(since + timedelta(seconds=3 * EVERY)))
    kube.wait_status(LATE, "a run", finished(1))


def slots_by_uid(kube: Kube, name: str) -> dict[str, str]:
    """The Jobs of a job that the API server has now, each with its slot."""
    return {job["metadata"]["uid"]: job["metadata"]["annotations"]["dkron.io/slot"] for job in kube.jobs_of(name)}


@pytest.fixture(scope="module")
def accounts(story: Story) -> dict[str, Ledger]:
    """What became of the slots in the history that counts now, when all jobs have gone on for a while."""
    goal = datetime.now(UTC) + timedelta(seconds=2 * EVERY)
    for name in KEPT:
        story.kube.wait_status(name, "to go on", marked_after(goal))
    return ledger.close_all(story.kube, KEPT, every=EVERY)


def test_operator_notices_a_restore_and_exits(story: Story) -> None:
    assert story.code == 1
    assert "restore of etcd" in story.words, story.words


@pytest.mark.parametrize("name", KEPT)
def test_restore_loses_no_slot_and_repeats_none_with_a_job(accounts: dict[str, Ledger], name: str) -> None:
    accounts[name].assert_balanced()


@pytest.mark.usefixtures("accounts")
def test_forgotten_runs_repeat_only_where_missed_runs_allows_it(story: Story) -> None:
    """`skip` runs nothing for a second time, `latest` one slot at most, also of those that the history has lost."""
    again = {}
    for name in ("skip", "latest"):
        ran, now = story.before[name], slots_by_uid(story.kube, name)
        again[name] = sorted({slot for uid, slot in now.items() if uid not in ran} & set(ran.values()))
    assert again["skip"] == []
    assert len(again["latest"]) <= 1, again


def test_jobs_match_the_snapshot(story: Story) -> None:
    kube = story.kube
    kube.wait_status(DELETED, "to run again", marked_after(story.restored))
    assert kube.find(DKRON_JOBS, LATE) is None
    kube.wait_for("no Jobs of the job that never was", lambda: kube.jobs_of(LATE), lambda jobs: not jobs)


def test_rest_api_shows_the_restored_state(story: Story) -> None:
    def shown() -> dict[str, str]:
        answer = story.api.rest.get("/v1/jobs")
        return {job["name"]: job["displayname"] for job in answer.json()} if answer.status == 200 else {}

    def right(found: dict[str, str]) -> bool:
        return LATE not in found and DELETED in found and found.get(EDITED) == ""

    wait_for("the jobs of the snapshot", shown, right, seconds=PATIENCE, guard=story.api.api.check)
    story.api.api.wait_for_line("the resource versions of dkronjobs went back")
    known = int(story.api.rest.get(f"/v1/jobs/{DELETED}").json()["success_count"])

    def count() -> int:
        return int(story.api.rest.get(f"/v1/jobs/{DELETED}").json()["success_count"])

    wait_for("new runs to be shown", count, lambda seen: seen > known, seconds=30)
    story.api.api.assert_clean()
