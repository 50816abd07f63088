"""The attempts in a job's status: those that have begun, and those that have ended. The docstring under each field is
its description in the CRD."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dkron_crds.base import Count, Instant, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Reason
from dkron_crds.stops import never_began

MAX_OUTPUT = 16384

JobName = Annotated[str, Field(max_length=63)]
Nanoseconds = Count
Member = Annotated[str, Field(max_length=253)]


class Trigger(StrEnum):
    """The cause of a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    DEPENDENT = "dependent"
    BACKFILL = "backfill"


class Active(WireModel):
    """An attempt that has begun, or a claim for one."""

    id: Annotated[str, Field(max_length=96)]
    """Identifies the execution: start in Unix nanoseconds, "-", name of the Job."""

    job: JobName
    """Name of the batch/v1 Job."""

    uid: Annotated[str, Field(max_length=64)] = ""
    """The uid of the Job, once the operator has seen it. An entry without it is a claim: the Job has yet to be
    created. For a call that the operator makes itself, without a Job, this is the process that makes it."""

    slot: Instant
    """The scheduled time that this attempt belongs to; for a run on request, the time of the request."""

    trigger: Trigger
    """The cause of the run: schedule, manual, dependent or backfill."""

    group: Nanoseconds
    """The time of the trigger in Unix nanoseconds. All attempts and members of one run share it."""

    attempt: Annotated[int, Field(ge=1, le=2**32)]
    """1 for the first attempt, 2 for the first retry and so on."""

    started_at: Instant
    """When the Job was created; if it waited in a queue of Kueue, when it was first admitted. For a claim, when the
    attempt is due: for a retry that waits for its backoff, this is in the future."""

    node_name: Annotated[str, Field(max_length=253)] = ""
    """The node to which tags pin the attempt; empty if Kubernetes may choose."""

    member: Member = ""
    """Distinguishes the Jobs of a group if tags ask for several: the name of the node, or a number. All attempts of a
    member share it."""

    queued_at: Instant | None = None
    """When the run began to wait, in line (see spec.queue) or in a queue of Kueue (see spec.queueName). While it waits
    in line, the entry has no uid, and the same time in startedAt. Absent if it did not wait."""

    queue: Annotated[str, Field(max_length=63)] = ""
    """The LocalQueue of Kueue in which the Job waits now, see spec.queueName. Empty if it does not."""

    evictions: Count = 0
    """How often Kueue has stopped the Job after its admission, so that it waits again. The attempt goes on."""

    given_up: Reason = ""
    """Why Kueue does not start the Job any more: the reason of the execution once the Job is deleted. Empty while it
    may."""

    parameters_given: bool = False
    """True if the DkronRun that asked for the run gives values to parameters. No attempt begins after that object was
    deleted."""

    @property
    def waits_in_line(self) -> bool:
        """Whether it is a claim of a run that waits in line. When the run begins, `startedAt` becomes later."""
        return not self.uid and self.queued_at is not None and self.started_at == self.queued_at

    @property
    def leaves_line(self) -> bool:
        """Whether the run has left the line, and its Job is still to be created: a ResourceQuota may refuse it."""
        return not self.uid and self.queued_at is not None and self.attempt == 1 and not self.waits_in_line


class Execution(WireModel):
    """An attempt that has ended."""

    id: Annotated[str, Field(max_length=96)]
    """Identifies the execution: start in Unix nanoseconds, "-", name of the Job."""

    job: JobName
    """Name of the batch/v1 Job, which may have been deleted since, see spec.history."""

    slot: Instant
    """The scheduled time that this attempt belongs to; for a run on request, the time of the request."""

    trigger: Trigger
    """The cause of the run: schedule, manual, dependent or backfill."""

    group: Nanoseconds
    """The time of the trigger in Unix nanoseconds. All attempts and members of one run share it."""

    attempt: Annotated[int, Field(ge=1, le=2**32)]
    """1 for the first attempt, 2 for the first retry and so on."""

    started_at: Instant
    """When the container started; if it never did, when the Job was created, or admitted by Kueue."""

    queued_at: Instant | None = None
    """When the run began to wait, in line (see spec.queue) or in a queue of Kueue (see spec.queueName). Absent if it
    did not wait."""

    finished_at: Instant
    """When the attempt ended."""

    success: bool
    """True if the Job completed."""

    exit_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """Exit code of the container, if one ran to its end."""

    reason: Reason = ""
    """Why it failed, in one word: for example Error, DeadlineExceeded, OOMKilled, Stopped, JobLost, JobRejected."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """Why it failed, as a sentence: the API server's message if it rejected the Job; the requester if the execution
    was stopped."""

    node_name: Annotated[str, Field(max_length=253)] = ""
    """The node that ran it, or to which tags pinned it."""

    member: Member = ""
    """Distinguishes the Jobs of a group if tags ask for several: the name of the node, or a number."""

    output: Annotated[str, Field(max_length=MAX_OUTPUT)] = ""
    """The end of the container's output, see spec.history.outputBytes."""

    output_truncated: bool = False
    """True if the container printed more than output shows."""

    @property
    def never_began(self) -> bool:
        """Whether it was stopped before it began."""
        return never_began(self.reason, self.exit_code, self.started_at, self.finished_at)
