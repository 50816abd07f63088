"""The kind DkronJob: one scheduled job, its desired state and its history."""

from typing import Literal

from pydantic import ConfigDict

from dkron_crds.attempt_state import AttemptState
from dkron_crds.attempts import Attempt, Trigger
from dkron_crds.base import ObjectMeta, Resource
from dkron_crds.conditions import Condition, ConditionStatus, ConditionType, ReadyReason, SuspendedReason
from dkron_crds.depends import Dependency, When
from dkron_crds.names import API_VERSION
from dkron_crds.rules import (
    NAME_IS_IMMUTABLE,
    NOT_AFTER_ITSELF,
    NOT_ITS_OWN_PARENT,
    OBJECT_NAME_FITS,
    validations,
)
from dkron_crds.spec import (
    Concurrency,
    History,
    JobSpec,
    JobTemplate,
    MissedRuns,
    Queue,
    QueueOrder,
    RetryBackoff,
)
from dkron_crds.status import (
    AcceptedSchedule,
    Consumed,
    Day,
    DeferredSlots,
    Ended,
    GroupStatus,
    Heard,
    JobStatus,
    NotedPause,
    OutboxEntry,
    Published,
    Receiver,
    Skipped,
    SkipReason,
    Unarchived,
    UnarchivedSlots,
    Window,
)

__all__ = [
    "AcceptedSchedule",
    "Attempt",
    "AttemptState",
    "Concurrency",
    "Condition",
    "ConditionStatus",
    "ConditionType",
    "Consumed",
    "Day",
    "DeferredSlots",
    "Dependency",
    "DkronJob",
    "Ended",
    "GroupStatus",
    "Heard",
    "History",
    "JobSpec",
    "JobStatus",
    "JobTemplate",
    "MissedRuns",
    "NotedPause",
    "ObjectMeta",
    "OutboxEntry",
    "Published",
    "Queue",
    "QueueOrder",
    "ReadyReason",
    "Receiver",
    "RetryBackoff",
    "SkipReason",
    "Skipped",
    "SuspendedReason",
    "Trigger",
    "Unarchived",
    "UnarchivedSlots",
    "When",
    "Window",
]


class DkronJob(Resource):
    """A job that runs on a schedule, after other jobs, or on request.

    Every run becomes a batch/v1 Job. To run it now: `kubectl annotate dkj NAME run.dkron.io/ID="$(date -u +%FT%TZ)"`.
    """

    model_config = ConfigDict(
        json_schema_extra=validations(OBJECT_NAME_FITS, NAME_IS_IMMUTABLE, NOT_ITS_OWN_PARENT, NOT_AFTER_ITSELF)
    )

    api_version: Literal["dkron.io/v1alpha1"] = API_VERSION
    kind: Literal["DkronJob"] = "DkronJob"
    spec: JobSpec
    status: JobStatus = JobStatus()

    @property
    def dkron_name(self) -> str:
        """The name of the job in the Dkron API."""
        return self.spec.name or self.metadata.name
