"""Why a slot or a request became no Job, as sentences that name the setting."""

_BECAUSE = {
    "ConcurrencyForbidden": "an earlier run was active, and spec.concurrency is forbid",
    "DeadlineExceeded": "it could not start within spec.startingDeadlineSeconds",
    "NoMatchingNode": "no ready, schedulable node has the labels of spec.tags",
    "Missed": "no operator could fire it in time, and spec.missedRuns wanted a later slot, or none",
    "Disabled": "spec.disabled is true",
    "TooManyActive": "more than a thousand attempts would be active",
    "Expired": "it is after spec.expiresAt",
    "NotStarted": "it is before spec.startsAt",
    "NotReady": "the job was not ready",
    "Succeeded": "spec.ephemeral is true and the job has succeeded: it is about to be deleted",
    "Edited": "the job was edited before the operator decided the slot",
    "Paused": "the job was paused",
    "Overrun": "its parent had more ended runs than it can show",
}


def because(reason: str, problem: str = "") -> str:
    """Return why, for a reason of `status.skipped`. `problem` is what Ready says."""
    why = _BECAUSE.get(reason, f"the operator says {reason}")
    return f"{why}: {problem}" if problem and reason == "NotReady" else why
