"""What is wrong with a spec, as shown to users."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a DkronJob cannot run: a condition reason, and a sentence that says what to fix."""

    reason: str
    message: str
