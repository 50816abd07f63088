"""The example of the pictures is what the cluster could have."""

from dkron_crds.backfill import BackfillSpec, BackfillStatus
from dkron_crds.base import WireModel
from dkron_crds.job import JobSpec, JobStatus
from dkron_crds.pause import PauseSpec, PauseStatus
from dkron_crds.policy import PolicySpec
from dkron_crds.run import RunSpec, RunStatus
from uipictures.example import objects


def test_each_example_job_is_valid_and_has_what_its_page_shows() -> None:
    for job in objects()["dkronjobs"]:
        JobSpec.from_wire(job["spec"])
        status = JobStatus.from_wire(job["status"])
        assert status.executions or status.conditions[0].reason == "Invalid", job["metadata"]["name"]


def test_example_lists_are_valid() -> None:
    models: dict[str, tuple[type[WireModel], type[WireModel]]] = {
        "dkronbackfills": (BackfillSpec, BackfillStatus), "dkronruns": (RunSpec, RunStatus),
        "dkronpauses": (PauseSpec, PauseStatus),
    }  # fmt: skip
    for plural, (spec, status) in models.items():
        for each in objects()[plural]:
            spec.from_wire(each["spec"])
            status.from_wire(each["status"])
    for policy in objects()["dkronpolicies"]:
        PolicySpec.from_wire(policy["spec"])
