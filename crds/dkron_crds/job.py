"""The kind DkronJob: one scheduled job, what was asked for and what became of it."""

from typing import Any, Literal

from pydantic import Field

from dkron_crds.base import Instant, WireModel
from dkron_crds.names import API_VERSION
from dkron_crds.spec import (
    Concurrency,
    History,
    JobSpec,
    JobTemplate,
    MissedRuns,
    RetryBackoff,
)
from dkron_crds.status import (
    Active,
    Condition,
    ConditionStatus,
    ConditionType,
    Day,
    Execution,
    GroupStatus,
    JobStatus,
    ReadyReason,
    Skipped,
    SkipReason,
    SuspendedReason,
    Trigger,
)

__all__ = [
    "Active",
    "Concurrency",
    "Condition",
    "ConditionStatus",
    "ConditionType",
    "Day",
    "DkronJob",
    "Execution",
    "GroupStatus",
    "History",
    "JobSpec",
    "JobStatus",
    "JobTemplate",
    "MissedRuns",
    "ObjectMeta",
    "ReadyReason",
    "RetryBackoff",
    "SkipReason",
    "Skipped",
    "SuspendedReason",
    "Trigger",
]


class ObjectMeta(WireModel):
    """The part of Kubernetes' own metadata that the project reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Instant | None = None
    deletion_timestamp: Instant | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class DkronJob(WireModel):
    """A job that runs by a schedule, after another job, or on request.

    Every run becomes a batch/v1 Job. `kubectl annotate dkj NAME run.dkron.io/ID="$(date -u +%FT%TZ)"` runs it
    now.
    """

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronJob"] = "DkronJob"
    metadata: ObjectMeta = ObjectMeta()
    spec: JobSpec
    status: JobStatus = JobStatus()

    @property
    def dkron_name(self) -> str:
        """The name of the job in the Dkron API."""
        return self.spec.name or self.metadata.name

    def to_wire(self) -> dict[str, Any]:
        """Return the object as it is sent to the API server; the status goes by its own subresource."""
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": self.metadata.to_wire(),
            "spec": self.spec.to_wire(),
        }
