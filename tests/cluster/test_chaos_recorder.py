"""The recorder of storms at a real API server: it notes each request as it was answered."""

from collections.abc import Iterator
from contextlib import closing

import pytest

import localcluster
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS
from tests.chaos.history import Act, Paused
from tests.chaos.recorder import Fact, Recorder
from tests.support.jobs import dkron_job
from tests.support.kube import Kube
from tests.support.sites import Site

pytestmark = [pytest.mark.cluster(nodes="kwok"), pytest.mark.promise]


@pytest.fixture
def hands(cluster: localcluster.Cluster, own_site: Site) -> Iterator[Kube]:
    """A client that sends each request once."""
    with closing(Kube(cluster.kubeconfig, own_site.kube.namespace, once=True)) as kube:
        yield kube


def test_requests_are_noted_as_they_were_answered(own_site: Site, hands: Kube) -> None:
    kube = own_site.kube
    told: list[Fact] = []
    recorder = Recorder(hands, told.append)
    made = recorder.create(dkron_job("a", schedule="@every 1h"))
    assert (made.uid, made.refused) == (kube.get(DKRON_JOBS, "a")["metadata"]["uid"], False)
    assert recorder.create(dkron_job("a")).refused
    assert recorder.delete("b").refused
    assert recorder.wipe("a").answered
    assert [op.act for op in recorder.operations] == [Act.CREATE, Act.CREATE, Act.DELETE, Act.WIPE]
    assert told == recorder.operations
    run, unfit = recorder.ask("a", force=True), recorder.ask("a", scheduledTime="2300-01-01T00:00:00Z")
    assert (run.uid, unfit.refused) == (kube.get(DKRON_RUNS, run.name)["metadata"]["uid"], True)
    backfill = recorder.backfill(job="a", **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})
    assert backfill.uid == kube.get(DKRON_BACKFILLS, backfill.name)["metadata"]["uid"]
    held, ends = recorder.pause(["a"], {"jobs": ["a"]}), recorder.pause(["a", "b"], {"until": "2026-01-01T00:00:00Z"})
    recorder.resume(ends)
    recorder.resume_all()
    assert not {each["metadata"]["name"] for each in kube.all(DKRON_PAUSES)} & {held, ends}
    pauses = [(fact.job, fact.by_itself) for fact in told if isinstance(fact, Paused)]
    assert pauses == [("a", True), ("b", True), ("a", False)]
