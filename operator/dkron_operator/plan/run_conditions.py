"""The conditions of a DkronRun: Complete and Failed, as of a Job, and Ready and Stalled, by which Flux, Helm and other
tools that go by kstatus tell an object that goes on from one that has failed. They are written with the rest of the
status, never by themselves.
"""

from datetime import datetime

from dkron_crds.conditions import Condition, ConditionStatus, ConditionType
from dkron_operator.plan.requested_run import RequestedRun

GENERATION = 1
"""The spec of a DkronRun is immutable."""
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def going_on(run: RequestedRun) -> tuple[Condition, ...]:
    """The conditions of a run that has not ended. They say the same from its first write to its end, so that writes in
    between do not repeat them."""
    return (_ready(FALSE, "NotEnded", "the run has not ended", run.created),)


def succeeded(message: str, at: datetime) -> tuple[Condition, ...]:
    """The conditions of a run that has succeeded."""
    ready = _ready(TRUE, "Succeeded", message, at)
    return ready.model_copy(update={"type": "Complete"}), ready


def failed(run: RequestedRun, reason: str, message: str, at: datetime) -> tuple[Condition, ...]:
    """The conditions of a run that has failed, or was refused."""
    ready = _ready(FALSE, reason, message, run.created)
    became_true = {"status": TRUE, "last_transition_time": at}
    failed = ready.model_copy(update={"type": "Failed", **became_true})
    return failed, ready, ready.model_copy(update={"type": ConditionType.STALLED, **became_true})


def _ready(status: ConditionStatus, reason: str, message: str, at: datetime) -> Condition:
    return Condition(
        type=ConditionType.READY, status=status, reason=reason, message=message, last_transition_time=at,
        observed_generation=GENERATION,
    )  # fmt: skip
