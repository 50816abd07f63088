"""Attempts that are calls of the operator's own, without a Job (docs/adr/0018).

Nothing that can be found by its name remains of a call, so each is claimed first: a line in `status.active`, accepted
by the API server, that names the process which makes it. Only that process knows how the call goes. When it is no more,
the call is undecided: it was made or it was not, and it is not made again.
"""

from datetime import datetime

from dkron_crds.conditions import MAX_MESSAGE
from dkron_crds.job import Active
from dkron_operator.executors.inline import is_inline
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import Outcome, Situation

MARK = "call-"
"""How the `uid` of a call begins; a Job's has no letters beyond f."""
UNKNOWN = "Unknown"
"""The reason of a call of which nobody knows whether it was made."""


def is_anothers(situation: Situation) -> bool:
    """Whether the slots of the job are not ours to decide: they are calls, and this process makes none."""
    return not situation.caller and is_inline(situation.job.spec)


def is_call(entry: Active) -> bool:
    """Whether the attempt is a call, which has no Job."""
    return entry.uid.startswith(MARK)


def undecided(plan: Plan) -> Outcome:
    """How a call ends of which nobody knows more."""
    return Outcome(
        success=False,
        finished_at=plan.situation.now,
        reason=UNKNOWN,
        message="the operator ended before it had recorded the call: it was made, or it was not",
    )


def call_outcome(*, error: str, output: bytes, size: int, began: datetime, ended: datetime) -> Outcome:
    """How a call ended, told like a pod's: `output` is all that it would have printed, `error` its first line."""
    return Outcome(
        success=not error,
        started_at=began,
        finished_at=ended,
        exit_code=1 if error else 0,
        reason="Error" if error else "",
        message=error[:MAX_MESSAGE],
        output=output[-size:].decode("utf-8", "replace") if size else "",
        output_truncated=len(output) > size,
    )
