"""The actions of a plan, as data. `act/effects.py` carries them out, in the order of `Plan.actions`."""

from dataclasses import dataclass
from enum import StrEnum

from dkron_crds.job import Attempt
from dkron_operator.plan.situation.view import AttemptJob
from dkron_operator.plan.status.changes import Change, Enqueued


class Severity(StrEnum):
    """The type of a Kubernetes Event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Report:
    """Report an Event on the DkronJob. `subject` is the Job or request that it is about, if any."""

    severity: Severity
    reason: str
    message: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """Read from pod and log how the Job of this name has ended."""

    job: str


@dataclass(frozen=True, slots=True)
class ReadTrouble:
    """Ask why the pod of the Job of this name does not start."""

    job: str


@dataclass(frozen=True, slots=True)
class BindRun:
    """Bind the DkronRun with this uid to the DkronJob in its status. A later status wins. The answer of the API server
    tells whether the run was decided, and the values that it gives."""

    uid: str
    job_uid: str


@dataclass(frozen=True, slots=True)
class ReadRun:
    """Read the DkronRun with this uid from the API server: the values that it gives."""

    uid: str


@dataclass(frozen=True, slots=True)
class ExplainRefusal:
    """Remember, for the status of the DkronRun with this uid, why it is refused."""

    uid: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class StopJob:
    """Read the last output of the pod of a Job, and delete the Job."""

    job: AttemptJob


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a Job in clean-up."""

    job: AttemptJob


@dataclass(frozen=True, slots=True)
class BeginCall:
    """Begin an inline call that is claimed."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Cancel the inline call of this name."""

    job: str


@dataclass(frozen=True, slots=True)
class DryRunJob:
    """Ask the API server whether it would take a Job of this spec."""


@dataclass(frozen=True, slots=True)
class RemoveAnnotation:
    """Remove an annotation of the DkronJob that has been dealt with."""

    key: str


@dataclass(frozen=True, slots=True)
class AcceptJob:
    """Write the status, then the annotation that says that the DkronJob is accepted, and plan again."""


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Write the status now, and plan again."""


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create the Job of an attempt."""

    entry: Attempt
    """The attempt."""
    before: tuple[Change, ...] = ()
    """The claim: changes that the API server has to accept first."""
    after: tuple[Change, ...] = ()
    """Noted once the Job exists."""
    replaces: tuple[AttemptJob, ...] = ()
    """Deleted between the claim and the create."""
    late: bool = False
    """The Job is not wanted any more, for example because its start deadline is over: only check whether it exists."""
    otherwise: tuple[Change, ...] = ()
    """Changes to note if a late Job does not exist."""
    call: bool = False
    """There is no Job: the operator makes an inline call instead."""
    reports: tuple[Report, ...] = ()
    """Reported once the claim is written and the Job exists."""
    cancels: tuple[str, ...] = ()
    """Inline calls to cancel first, by the names of their attempts."""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Have a run wait in line. There is nothing to do in the cluster."""

    change: Enqueued


@dataclass(frozen=True, slots=True)
class DeleteDkronJob:
    """Delete the DkronJob itself, unless it has been written to since."""


Effect = (
    StopJob | DeleteJob | BeginCall | CancelCall | RemoveAnnotation | AcceptJob | WriteStatus | BindRun | DeleteDkronJob
)
"""Actions that change the cluster."""
Look = Report | ReadOutcome | ReadTrouble | ReadRun | ExplainRefusal | DryRunJob
"""Actions that change nothing there: the operator reads or remembers something, or reports an Event."""
Action = Effect | Look
