"""How a job stands, for clients that know no conditions: one that cannot run shows as failed, and says why. Pure.

In Dkron such a job runs, fails and has its reason as output; here it does not run, so there is no execution to look at.
"""

from dkron_api.translate.record import Job
from dkron_crds.job import ConditionType, GroupStatus, ReadyReason

_OF_PARENTS = frozenset({ReadyReason.PARENT_NOT_FOUND, ReadyReason.PARENT_CYCLE})


def problem(job: Job) -> str:
    """Why the job as it stands cannot run at all, as the operator has found out; empty if it has not."""
    reason, message = _not_ready(job)
    # A job that misses its parent is started by nothing but a person.
    return message if reason and reason not in _OF_PARENTS else ""


def obstacle(job: Job) -> str:
    """Why the job does not run by itself, as the operator has found out; empty if nothing is in the way."""
    return _not_ready(job)[1]


def status_of(job: Job) -> str:
    """What is shown as its status: how its last run ended, or `failed` while it cannot run."""
    return GroupStatus.FAILED.value if problem(job) else str(job.raw_status.get("status") or "")


def _not_ready(job: Job) -> tuple[str, str]:
    """Reason and sentence of the condition Ready, if that is False and about the job as it is."""
    for condition in job.raw_status.get("conditions") or ():
        if condition.get("type") != ConditionType.READY:
            continue
        current = condition.get("observedGeneration", job.generation) == job.generation
        if condition.get("status") == "False" and current:
            reason = str(condition.get("reason") or "NotReady")
            return reason, f"the job cannot run: {condition.get('message') or reason}"
    return "", ""
