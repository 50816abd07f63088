"""What is wrong with a spec, as people are told it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a DkronJob cannot run: a condition reason and a sentence that says what to mend."""

    reason: str
    message: str
