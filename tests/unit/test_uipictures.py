"""The example of the pictures is what the cluster could have."""

from dkron_crds.job import JobSpec, JobStatus
from uipictures.example import objects


def test_each_job_of_the_example_is_valid_and_has_what_its_page_shows() -> None:
    for job in objects()["dkronjobs"]:
        JobSpec.from_wire(job["spec"])
        status = JobStatus.from_wire(job["status"])
        assert status.executions or status.conditions[0].reason == "Invalid", job["metadata"]["name"]
