"""What a plan wants done, as data. `reconcile/` carries it out, in the order of `Plan.actions`."""

from dataclasses import dataclass
from enum import StrEnum

from dkron_crds.job import Active
from dkron_operator.plan.fold import Change
from dkron_operator.plan.view import AttemptJob


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
    """Find out why the Job of this name does not start."""

    job: str


@dataclass(frozen=True, slots=True)
class StopJob:
    """Delete a Job, and keep what its pod writes until then."""

    job: AttemptJob


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a Job that has been kept long enough."""

    job: AttemptJob


@dataclass(frozen=True, slots=True)
class BeginCall:
    """Begin a call that is claimed."""

    attempt: Active


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Break off the call of this name."""

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

    entry: Active
    """The attempt."""
    before: tuple[Change, ...] = ()
    """The API server has to accept these first (a claim)."""
    after: tuple[Change, ...] = ()
    """Noted once the Job exists."""
    replaces: tuple[AttemptJob, ...] = ()
    """Deleted between the claim and the create."""
    late: bool = False
    """The start deadline is over: only look whether the Job exists already."""
    otherwise: tuple[Change, ...] = ()
    """Noted if `late` and the Job does not exist."""
    call: bool = False
    """There is no Job: the operator makes a call of its own."""
    cancels: tuple[str, ...] = ()
    """Calls that it breaks off before."""


@dataclass(frozen=True, slots=True)
class DeleteDkronJob:
    """Delete the DkronJob itself, unless it has been written to since."""


Effect = StopJob | DeleteJob | BeginCall | CancelCall | RemoveAnnotation | AcceptJob | WriteStatus | DeleteDkronJob
"""What makes the cluster other than it was."""
Look = Report | ReadOutcome | ReadTrouble | DryRunJob
"""What changes nothing but what the operator knows, or what people are told."""
Action = Effect | Look
