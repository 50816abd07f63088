"""What the documentation shows as a job would be in order: the operator's own judgement of it."""

import pytest

from dkron_operator.plan.read import read_job
from tests.support.manifests import Shown, completed, manifests, shown

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


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("executor: http\n", {"executor": "http", "schedule": "@manually"}),
        ("spec:\n  parentJob: a\n", {"parentJob": "a", "executorConfig": {"command": "date"}}),
        ("kind: DkronJob\nspec: {schedule: x, executor: y}\n", {"schedule": "x", "executor": "y"}),
    ],
)
def test_a_part_of_a_job_is_completed(block: str, expected: dict[str, object]) -> None:
    (found,) = manifests(f"words\n\n```yaml\n{block}```\n", page="p")
    assert (found.document["kind"], found.document["spec"], found.line) == ("DkronJob", expected, 3)


def test_what_no_server_knows_is_left_alone() -> None:
    assert completed({"operator": {"replicas": 1}}) is None
    assert completed({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor"}) is None
    assert list(manifests("```yaml\n- a list\n```\n```console\nkind: DkronJob\n```\n", page="p")) == []


def test_a_block_that_is_no_yaml_is_found() -> None:
    with pytest.raises(ValueError, match="p:2 is no YAML"):
        list(manifests("\n```yaml\na: b: c\n```\n", page="p"))
