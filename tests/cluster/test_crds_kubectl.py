"""Output of kubectl for a person, and a status that survives the way there and back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dkron_crds.job import (
    Attempt,
    AttemptState,
    Condition,
    ConditionStatus,
    ConditionType,
    DkronJob,
    GroupStatus,
    JobStatus,
    ReadyReason,
    Trigger,
)
from localcluster import Cluster
from tests.support.documents import installation, job, policy
from tests.support.judge import Judge
from tests.support.kstatus import kstatus
from tests.support.kubectl_yaml import READ, YAML

pytestmark = pytest.mark.cluster(nodes="none")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def running() -> JobStatus:
    """Return a status with something in each column."""
    done = Attempt(
        id="1767268800000000000-columns-1767268800-abcde",
        job="columns-1767268800-abcde",
        slot=NOON,
        trigger=Trigger.SCHEDULE,
        group=1767268800000000000,
        attempt=1,
        started_at=datetime.now(UTC) - timedelta(days=3, hours=1, minutes=30),
        finished_at=NOON,
        state=AttemptState.FAILED,
        exit_code=3,
        reason="Error",
        node_name="node-1",
        output="no space left\n",
    )
    claim = Attempt(
        state=AttemptState.CLAIMED,
        id="1-columns-1-abcde",
        job="columns-1-abcde",
        slot=NOON,
        trigger=Trigger.MANUAL,
        group=1767268800000000000,
        attempt=2,
        started_at=NOON,
    )
    ready = Condition(
        type=ConditionType.READY, status=ConditionStatus.TRUE, reason=ReadyReason.SCHEDULED, last_transition_time=NOON
    )
    suspended = ready.model_copy(update={"type": ConditionType.SUSPENDED, "status": ConditionStatus.FALSE})
    return JobStatus(
        conditions=(ready, suspended),
        next=datetime(2108, 2, 20, 12, tzinfo=UTC),
        runs_after="first",
        executions=(done,),
        active=(claim, claim),
        status=GroupStatus.PARTIALLY_FAILED,
        success_count=41,
        error_count=7,
    )


@pytest.fixture
def listed(cluster: Cluster, judge: Judge) -> JobStatus:
    """Store a job with a status, as the operator would write it, beside one without a status."""
    judge.store(job("columns", name="co_lumns", timezone="Europe/Madrid", parentJob="first", owner="ops"))
    judge.store(job("untouched", disabled=True))
    status = running()
    write_status(cluster, judge, status)
    return status


def write_status(cluster: Cluster, judge: Judge, status: JobStatus) -> None:
    where = ("-n", judge.namespace, "patch", "dkj", "columns", "--subresource=status", "--type=merge")
    cluster.kubectl(*where, "-p", json.dumps({"status": status.to_wire()}))


def test_status_reads_back_and_replaces_the_one_before(cluster: Cluster, judge: Judge, listed: JobStatus) -> None:
    later = JobStatus(success_count=1)
    for status in (listed, later):
        write_status(cluster, judge, status)
        stored = json.loads(cluster.kubectl("-n", judge.namespace, "get", "dkronjob", "columns", "-o", "json"))
        assert DkronJob.from_wire(stored).status == status


SELECTORS = {
    "spec.disabled=true": "untouched",
    "spec.name=co_lumns": "columns",
    "spec.owner=ops,spec.executor=shell": "columns",
    "spec.parentJob=first": "columns",
    "status.status=partially_failed": "columns",
}


@pytest.mark.usefixtures("listed")
def test_kubectl_get_has_columns_and_field_selectors(cluster: Cluster, judge: Judge) -> None:
    def get(*arguments: str) -> list[list[str]]:
        said = cluster.kubectl("-n", judge.namespace, "get", "dkj", *arguments)
        return [line.split() for line in said.splitlines()]

    head, shown, untouched = get("columns", "untouched")
    assert head == ["NAME", "SCHEDULE", "PARENT", "READY", "SUSPENDED", "LAST", "NEXT", "STATUS", "ACTIVE", "AGE"]
    values = "columns @daily first Scheduled False 3d1h 2108-02-20T12:00:00Z partially_failed 2"
    assert (shown[:-1], untouched[:-1]) == (values.split(), ["untouched", "@daily"])
    head, wide = get("columns", "-o", "wide")
    assert head[9:] == ["TIMEZONE", "SUCCESS", "ERRORS", "AGE"]
    assert wide[9:-1] == ["Europe/Madrid", "41", "7"]
    for selector, name in SELECTORS.items():
        assert get("--field-selector", selector, "-o", "name") == [[f"dkronjob.dkron.io/{name}"]], selector


LEAN = (
    job("lean", schedule="", parameters=[{"name": "day"}, {"name": "to", "type": "enum", "values": ["a"]}],
        dependsOn=[{"job": "a"}, {"job": "b", "when": "always"}]),
    installation(
        receivers={"mail": [{"name": "default", "host": "smtp", "sender": "dkron@example.com"}]},
        notifications=[{"name": "ops", "url": "https://example.org"}],
    ),
)  # fmt: skip
OLDER = job(
    "older", parameters=[{"name": "day", "type": "string", "description": "", "required": False, "values": []}]
)  # fmt: skip


def test_a_manifest_applied_again_is_unchanged(cluster: Cluster, judge: Judge) -> None:
    def apply(document: dict[str, Any]) -> str:
        return cluster.kubectl("-n", judge.namespace, "apply", "-f", "-", input=json.dumps(document)).split()[-1]

    for document in LEAN:
        assert (apply(document), apply(document)) == ("created", "unchanged")
        where = ("-n", judge.namespace, "get", document["kind"], document["metadata"]["name"], "-o", "json")
        stored = json.loads(cluster.kubectl(*where))
        assert {key: stored["spec"][key] for key in document["spec"] if key != "receivers"} == {
            key: value for key, value in document["spec"].items() if key != "receivers"
        }
        if document["kind"] != "DkronJob":
            assert (stored["status"], kstatus(stored["status"])) == ({"observedGeneration": 0}, "InProgress")
    # Fields that an older definition has completed are dropped by one write.
    judge.store(OLDER)
    plain = job("older", parameters=[{"name": "day"}])
    assert [apply(plain) for _ in range(2)] == ["configured", "unchanged"]


@pytest.mark.usefixtures("judge")
def test_kubectl_explain_is_the_manual_of_schedules(cluster: Cluster) -> None:
    manual = " ".join(cluster.kubectl("explain", "dkronjob.spec.schedule").split())
    for part in ("second (0-59)", "@every 1h30m", "0 30 2 * * *", "InvalidSchedule", "spec.timezone"):
        assert part in manual


def test_the_category_lists_all_kinds(cluster: Cluster, judge: Judge) -> None:
    judge.store(installation("dkron"))
    judge.store(policy({}))
    judge.store(job("in-category"))
    listing = set(cluster.kubectl("-n", judge.namespace, "get", "dkron", "-o", "name").split())
    assert {"dkroncluster.dkron.io/dkron", "dkronpolicy.dkron.io/readonly", "dkronjob.dkron.io/in-category"} <= listing


def test_kubectl_reads_yaml_as_lint_does(cluster: Cluster) -> None:
    template = "".join(f"      {line}\n" for line in YAML.splitlines())
    head = "apiVersion: dkron.io/v1alpha1\nkind: DkronJob\nmetadata: {name: read}\nspec:\n  jobTemplate:\n    spec:\n"
    asked = ("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-")
    said = cluster.kubectl(*asked, input=head + template)
    assert json.loads(said)["spec"]["jobTemplate"]["spec"] == READ
