"""An attempt, as `status.active` and `status.executions` of a job and the status of a DkronRun show it. The docstring
under each field is its description in the CRD."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dkron_crds.attempt_state import CLAIMS, ENDS, WAITS, AttemptState, leaves_line
from dkron_crds.base import Count, Instant, WireModel
from dkron_crds.conditions import MAX_MESSAGE, Reason

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


class Attempt(WireModel):
    """One attempt of a run: a batch/v1 Job, or a call that the operator makes itself."""

    id: Annotated[str, Field(max_length=96)]
    """Identifies the execution: start in Unix nanoseconds, "-", name of the Job."""

    job: JobName
    """Name of the batch/v1 Job, which may have been deleted since, see spec.history."""

    state: AttemptState
    """Waiting (in line, see spec.queue), Claimed (decided: its Job has yet to be created, for a retry after its
    backoff), Queued (its Job waits in a queue of Kueue, see spec.queueName), Running, Succeeded, Failed, or Cancelled
    (stopped before it began)."""

    slot: Instant
    """The scheduled time that this attempt belongs to; for a run on request, the time of the request."""

    trigger: Trigger
    """The cause of the run: schedule, manual, dependent or backfill."""

    group: Nanoseconds
    """The time of the trigger in Unix nanoseconds. All attempts and members of one run share it."""

    attempt: Annotated[int, Field(ge=1, le=2**32)]
    """1 for the first attempt, 2 for the first retry and so on."""

    started_at: Instant
    """When it began: when its container started; while that is not known, when its Job was created, or first admitted
    by Kueue. Of a claim, when it is due: of a retry that waits for its backoff, this is in the future."""

    finished_at: Instant | None = None
    """When it ended. Absent while it is active."""

    member: Member = ""
    """Distinguishes the Jobs of a group if tags ask for several: the name of the node, or a number. All attempts of a
    member share it."""

    node_name: Annotated[str, Field(max_length=253)] = ""
    """The node that ran it, or to which tags pin it. Empty while Kubernetes may choose."""

    queued_at: Instant | None = None
    """When the run began to wait, in line or in a queue of Kueue. Absent if it did not wait."""

    uid: Annotated[str, Field(max_length=64)] = ""
    """The uid of the Job while the attempt is active, once the operator has seen it. For a call that the operator makes
    itself, without a Job, this is the process that makes it."""

    queue: Annotated[str, Field(max_length=63)] = ""
    """The LocalQueue of Kueue in which the Job waits now. Empty if it does not."""

    evictions: Count = 0
    """How often Kueue has stopped the Job after its admission, so that it waits again. The attempt goes on."""

    given_up: Reason = ""
    """Why Kueue does not start the Job any more: the reason of the execution once the Job is deleted. Empty while it
    may."""

    parameters_given: bool = False
    """True if the DkronRun that asked for the run gives values to parameters. No attempt begins after that object was
    deleted. Only active attempts have it."""

    exit_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """Exit code of the container, if one ran to its end."""

    reason: Reason = ""
    """Why it failed, in one word: for example Error, DeadlineExceeded, OOMKilled, Stopped, JobLost, JobRejected."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE)] = ""
    """Why it failed, as a sentence: the API server's message if it rejected the Job; the requester if the execution
    was stopped."""

    output: Annotated[str, Field(max_length=MAX_OUTPUT)] = ""
    """The end of the container's output, see spec.history.outputBytes."""

    output_truncated: bool = False
    """True if the container printed more than output shows."""

    @property
    def is_claim(self) -> bool:
        """Whether it has neither a Job nor a process that makes its call."""
        return self.state in CLAIMS

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDS

    @property
    def success(self) -> bool:
        """Whether it has succeeded."""
        return self.state is AttemptState.SUCCEEDED

    @property
    def waits(self) -> bool:
        """Whether it waits for its turn: in line, in a queue of Kueue, or for its Job once its run has left the line,
        which a ResourceQuota may refuse."""
        leaving = leaves_line(self.state, queued=self.queued_at is not None, attempt=self.attempt)
        return leaving or self.state in WAITS

    @property
    def ended_at(self) -> datetime:
        """When it ended. While it is active, when it began."""
        return self.started_at if self.finished_at is None else self.finished_at
