"""An API server that goes back to an older state: noticed by a part that asks it for an object, and by nothing else."""

import asyncio
from typing import Any

import pytest

from dkron_crds.job import JobStatus
from dkron_kube.paths import DKRON_JOBS, LEASES
from dkron_operator.kit.rollback import RollbackDetector, RolledBack, ignore_versions
from dkron_operator.plan.status.changes import Started
from tests.support.builders import NOON, UID, claim
from tests.support.edges import begin, until
from tests.support.fake_kube import FakeKube
from tests.unit.operator_side.test_lease import Candidate

pytestmark = pytest.mark.looptime
WORDS = r"Lease home/dkron had 130 and has 103, as after a restore"


class Told(list[tuple[str, int, int]]):
    """The versions that were compared and are lower than before."""

    def __call__(self, what: str, *, known: int, found: int) -> None:
        if found < known:
            self.append((what, known, found))


def go_back(kube: FakeKube, body: dict[str, Any]) -> None:
    """Forget what came after the first version of this object."""
    kube.world.version = 1
    body["metadata"]["resourceVersion"] = "1"


async def test_lower_version_ends_the_process_and_is_named() -> None:
    past = RollbackDetector()
    task = asyncio.create_task(past.run())
    past.compare("Lease home/dkron", known=0, found=100)
    past.compare("Lease home/dkron", known=100, found=130)
    past.compare("Lease home/dkron", known=130, found=130)
    await asyncio.sleep(0)
    assert not task.done()
    past.compare("Lease home/dkron", known=130, found=103)
    past.compare("DkronJob a/b", known=7, found=3)
    with pytest.raises(RolledBack, match=WORDS):
        await task


@pytest.mark.parametrize("identity", ["me", "another"], ids=["the holder", "the replica that waits"])
async def test_restore_shows_in_the_lease_but_its_deletion_does_not(identity: str) -> None:
    kube, told = FakeKube(), Told()
    holder, waiting = (
        Candidate(kube, each, compare=told if each == identity else ignore_versions) for each in ("me", "another")
    )
    async with holder.running(1), waiting.running(19):
        kube.remove(LEASES, "dkron")
        await until(40)
        assert (holder.holds(), told) == (True, [])
        go_back(kube, kube.has(LEASES, "dkron"))
        await until(44)
    assert [what for what, _, _ in told] == ["Lease home/dkron"]


async def test_a_status_that_conflicts_shows_it() -> None:
    told = Told()
    edges = begin(status=JobStatus(since=NOON), compare=told)
    known = edges.entry().version
    go_back(edges.kube, edges.kube.has(DKRON_JOBS, "backup"))
    edges.entry().record(Started(claim()))
    with pytest.raises(Exception, match="keeps changing"):
        await edges.parts.writer._write(UID)
    assert told[0] == ("DkronJob default/backup", known, 1)


async def test_another_writer_shows_nothing() -> None:
    told = Told()
    edges = begin(status=JobStatus(since=NOON), compare=told)
    edges.kube.meanwhile("write dkronjobs", lambda: edges.edit_job(lambda body: body["metadata"].update(labels={})))
    edges.entry().record(Started(claim()))
    await edges.parts.writer._write(UID)
    assert told == []
