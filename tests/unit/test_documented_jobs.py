"""Jobs on pages of the documentation are in order, as the operator judges them."""

import pytest

from dkron_operator.plan.situation.read import read_job
from tests.support.manifests import Shown, shown

JOBS = [each for each in shown() if each.document["kind"] == "DkronJob"]
WRONG_ON_PURPOSE = {"docs/quick-start.md:backup": "InvalidSpec"}
STORED = {"uid": "1", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1}


def test_the_pages_show_jobs() -> None:
    assert len(JOBS) >= 19
    assert {each.name for each in JOBS} >= WRONG_ON_PURPOSE.keys()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.page}:{job.line}")
def test_a_job_on_a_page_is_in_order(job: Shown) -> None:
    problem = read_job({**job.document, "metadata": {**STORED, **job.document["metadata"]}}).problem
    assert (problem.reason if problem else None) == WRONG_ON_PURPOSE.get(job.name), problem
