"""What `dkronctl can` asks the API server for: each right that the command takes."""

from typing import Any

import pytest

from dkron_cli.commands.rights import lacks
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.reviews import ACCESS
from dkron_crds.job import JobStatus, Skipped, SkipReason
from dkron_kube.errors import Rejected
from dkron_kube.paths import DKRON_JOBS, DKRON_PAUSES, Resource
from dkron_reports.explain import Question
from tests.support.builders import NAME, NAMESPACE, NOON, after, wire_job
from tests.support.fake_kube import FakeKube

READ, RUN, LIST = "get dkronjobs", "create dkronruns", "list dkronruns"
VALUES = {"parameters": [{"name": "day"}]}


class Reviewing(FakeKube):
    """A cluster whose user has these rights: a verb, a resource and, if it is for one object only, its name."""

    def __init__(self, *rights: str) -> None:
        super().__init__()
        self.rights = rights

    async def create(
        self, resource: Resource, _namespace: str | None, body: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        assert (resource, dry_run) == (ACCESS, False)
        asked = body["spec"]["resourceAttributes"]
        right = f"{asked['verb']} {asked['resource']}"
        return {"status": {"allowed": not {right, f"{right} {asked.get('name')}"}.isdisjoint(self.rights)}}


@pytest.mark.parametrize(
    ("verb", "job", "rights", "spec", "lacking"),
    [
        pytest.param("run", NAME, [RUN], {}, None, id="run"),
        pytest.param("run", NAME, [READ], {}, RUN, id="run, and may not"),
        pytest.param("retry", NAME, [RUN], {}, READ, id="retry, and may not read the job"),
        pytest.param("retry", NAME, [READ], {}, RUN, id="retry, and may not run it"),
        pytest.param("retry", NAME, [RUN, f"{READ} {NAME}"], {}, None, id="retry only this job"),
        pytest.param("retry", NAME, [RUN, f"{READ} other"], {}, READ, id="retry only another job"),
        pytest.param("retry", NAME, [RUN, READ], VALUES, LIST, id="retry with values that it may not read"),
        pytest.param("retry", NAME, [RUN, READ, LIST], VALUES, None, id="retry with values"),
        pytest.param("retry", "", [RUN, READ], {}, LIST, id="retry any job"),
        pytest.param("retry", "none", [RUN, READ], {}, LIST, id="retry a job that is not there yet"),
    ],
)
async def test_rights_of_a_command(
    *, verb: str, job: str, rights: list[str], spec: dict[str, Any], lacking: str | None
) -> None:
    kube = Reviewing(*rights)
    kube.put(DKRON_JOBS, wire_job(**spec))
    cluster = Cluster(kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
    found = await lacks(cluster, verb, job)
    assert (None if found is None else str(found[0]).removesuffix(".dkron.io")) == lacking


async def test_a_name_that_may_not_be_looked_for() -> None:
    """The object has another name, and the user may read only objects that are named."""
    kube = Reviewing(RUN, READ)
    kube.fail("list dkronjobs", Rejected("forbidden", status=403))
    found = await lacks(Cluster(kube, NAMESPACE, everywhere=False), "retry", "none")  # type: ignore[arg-type]
    assert found is not None
    assert str(found[0]) == f"{LIST}.dkron.io"


@pytest.mark.parametrize(
    ("may_list", "why"),
    [
        pytest.param(True, "held by the pause moves, from 2026-03-01T11:30:00Z to 2026-03-01T12:30:00Z", id="may"),
        pytest.param(False, "it was missed by the operator's absence or a pause", id="may not"),
    ],
)
async def test_explain_names_a_pause_if_the_user_may_list_them(*, may_list: bool, why: str) -> None:
    kube = FakeKube()
    skipped = Skipped(count=9, last_time=NOON, last_reason=SkipReason.MISSED)
    status = JobStatus(since=after(hours=-1), last_schedule_time=NOON, skipped=skipped)
    kube.put(DKRON_JOBS, wire_job(schedule="0 0 * * * *", created=after(hours=-1), status=status))
    made = {"name": "moves", "namespace": NAMESPACE, "creationTimestamp": "2026-03-01T11:30:00Z"}
    over = {"conditions": [{"type": "Active", "status": "False", "reason": "Expired"}]}
    kube.put(DKRON_PAUSES, {"metadata": made, "spec": {"until": "2026-03-01T12:30:00Z"}, "status": over})
    if not may_list:
        kube.fail("list dkronpauses", Rejected("forbidden", status=403))
    cluster = Cluster(kube, NAMESPACE, everywhere=False)  # type: ignore[arg-type]
    found = await cluster.explain(NAME, Question(NOON, NOON, moment=True))
    assert found["slots"][0]["why"].startswith(why)
