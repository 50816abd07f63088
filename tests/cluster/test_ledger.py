"""The account by which tests at a cluster judge: it has to notice a Job that was made twice under one name."""

from datetime import UTC, datetime, timedelta

import pytest

from dkron_crds.base import rfc3339
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support import ledger
from tests.support.jobs import at, dkron_job, simulated
from tests.support.kube import Kube, Object

pytestmark = [pytest.mark.cluster(nodes="none"), pytest.mark.promise]


def claimed(job: Object, slot: datetime) -> Object:
    """A Job as the operator makes it for that slot."""
    owner = {"apiVersion": "dkron.io/v1alpha1", "kind": "DkronJob", "controller": True}
    metadata = job["metadata"]
    notes = {"dkron.io/slot": rfc3339(slot), "dkron.io/trigger": "schedule", "dkron.io/attempt": "1"}
    container = {"name": "job", "image": "none"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{metadata['name']}-{slot:%M%S}",
            "labels": {"dkron.io/job": metadata["name"]},
            "annotations": notes,
            "ownerReferences": [owner | {"name": metadata["name"], "uid": metadata["uid"]}],
        },
        "spec": {"suspend": True, "template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
    }


@pytest.fixture
def job(kube: Kube) -> Object:
    """A job whose status says that its only slot has run, and that is disabled."""
    made = kube.create(DKRON_JOBS, dkron_job("a", schedule="@every 1s", jobTemplate=simulated()))
    slot = at(made["metadata"]["creationTimestamp"]) + timedelta(seconds=1)
    suspended = {
        "type": "Suspended", "status": "True", "reason": "Disabled", "message": "it is disabled",
        "lastTransitionTime": rfc3339(datetime.now(UTC).replace(microsecond=0)),
    }  # fmt: skip
    kube.write_status("a", lastScheduleTime=rfc3339(slot), conditions=[suspended])
    return made


def slot_of(job: Object) -> datetime:
    return at(job["metadata"]["creationTimestamp"]) + timedelta(seconds=1)


def delete(kube: Kube, job: Object) -> None:
    kube.delete(JOBS, job["metadata"]["name"])
    kube.wait_for("it to go", lambda: kube.all(JOBS), lambda left: not left)


def test_recreated_kubernetes_job_counts_as_a_second_run(kube: Kube, job: Object) -> None:
    made = claimed(job, slot_of(job))
    kube.create(JOBS, made)
    delete(kube, made)
    kube.create(JOBS, made)
    account = ledger.close(kube, "a", every=1)
    assert account.fired[slot_of(job)] == 2
    with pytest.raises(AssertionError, match="fired without being due, or twice"):
        account.assert_balanced()


def test_jobs_of_another_of_the_same_name_do_not_count(kube: Kube, job: Object) -> None:
    before = {"metadata": {"name": "a", "uid": "00000000-0000-0000-0000-000000000000"}}
    made = claimed(before, slot_of(job))
    kube.create(JOBS, made | {"metadata": made["metadata"] | {"name": "of-another"}})
    kube.create(JOBS, claimed(job, slot_of(job)))
    ledger.close(kube, "a", every=1).assert_balanced()
