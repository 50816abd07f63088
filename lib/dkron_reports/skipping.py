"""Why a slot or a request became no Job: the setting whose rule decided, and a sentence."""

from typing import NamedTuple


class Rule(NamedTuple):
    """The field that decided, empty if none did, and what it decided."""

    setting: str
    sentence: str


OF_SLOTS = frozenset({"DeadlineExceeded", "Missed", "Edited"})
"""Reasons that only a slot is skipped for."""
OF_REQUESTS = frozenset({"Disabled", "InvalidParameters", "Succeeded"})
"""Reasons that only a run on request is refused for, of a job with a schedule."""
FORCIBLE = frozenset({"ConcurrencyForbidden", "Disabled", "QueueFull"})
"""Reasons of a refused run that would begin by force. Of a pause, only the message says whether force overrules it."""
_RULES = {
    "ConcurrencyForbidden": Rule(
        "spec.concurrency", "an earlier run was active or waited, and spec.concurrency is forbid"
    ),
    "DeadlineExceeded": Rule(
        "spec.startingDeadlineSeconds", "it did not start within spec.startingDeadlineSeconds"
    ),
    "NoMatchingNode": Rule("spec.tags", "no ready, schedulable node has the labels of spec.tags"),
    "Missed": Rule(
        "spec.missedRuns",
        "it was missed by the operator's absence or a pause, and spec.missedRuns chose a later slot, or none",
    ),
    "Disabled": Rule("spec.disabled", "spec.disabled is true"),
    "TooManyActive": Rule("", "more than a thousand attempts would be active"),
    "Expired": Rule("spec.expiresAt", "it is after spec.expiresAt"),
    "NotStarted": Rule("spec.startsAt", "it is before spec.startsAt"),
    "NotReady": Rule("", "the job was not ready"),
    "Succeeded": Rule("spec.ephemeral", "spec.ephemeral is true and the job has succeeded: it is about to be deleted"),
    "InvalidParameters": Rule("spec.parameters", "a request gave values that do not fit spec.parameters"),
    "Edited": Rule("", "the job was edited before the operator decided the slot"),
    "Overrun": Rule("", "its parent had more ended runs than it can show"),
    "Paused": Rule("DkronPause", "the job was paused (DkronPause)"),
    "QueueFull": Rule("spec.queue.max", "as many runs waited in line as spec.queue.max allows"),
    "QueueExpired": Rule("spec.queue.expires", "it waited in line for longer than spec.queue.expires"),
    "Replaced": Rule("spec.concurrency", "it waited in line, and a newer run took its place"),
}  # fmt: skip


def because(reason: str, problem: str = "") -> str:
    """Return why, for a reason of `status.skipped`. `problem` is what Ready says."""
    rule = _RULES.get(reason)
    why = f"the operator says {reason}" if rule is None else rule.sentence
    return f"{why}: {problem}" if problem and reason == "NotReady" else why


def setting_of(reason: str) -> str:
    """Return the field whose rule skips for this reason; empty for none."""
    rule = _RULES.get(reason)
    return "" if rule is None else rule.setting
