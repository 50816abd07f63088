"""Attempts that are inline calls: the operator makes them itself, without a Job (docs/adr/0018).

A call leaves nothing that could be found by name, so the operator claims each call first: an entry in `status.active`,
accepted by the API server, that names the process that makes the call. Only that process knows how the call goes. If
the process is gone, the call is undecided: it may have been made or not, and it is not repeated.
"""

from datetime import datetime

from dkron_crds.conditions import MAX_MESSAGE
from dkron_crds.job import Active
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.view import Outcome, Situation
from dkron_pods.inline import is_inline

MARK = "call-"
"""The prefix of the `uid` of a call. The uid of a Job has no letters beyond f."""
UNKNOWN = "Unknown"
"""The reason of a call that may have been made or not."""


def is_anothers(situation: Situation) -> bool:
    """Whether the slots of the job are not this process's to decide: they are inline calls, and it makes none."""
    return not situation.caller and is_inline(situation.job.spec)


def is_call(entry: Active) -> bool:
    """Whether the attempt is an inline call, which has no Job."""
    return entry.uid.startswith(MARK)


def undecided(plan: Plan) -> Outcome:
    """How a call ends when its result is not known."""
    return Outcome(
        success=False,
        finished_at=plan.situation.now,
        reason=UNKNOWN,
        message="the operator ended before it recorded the call; the call may or may not have been made",
    )


def call_outcome(*, error: str, output: bytes, size: int, began: datetime, ended: datetime) -> Outcome:
    """How a call ended, in the form of a pod's outcome. `output` is everything that it would have printed, `error` the
    first line of that."""
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
