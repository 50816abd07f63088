"""A fault of a spec, as shown to users."""

from dataclasses import dataclass

MOST_MESSAGE = 2048
"""Characters of a message that are kept: more than a condition or an Event shows. It may quote what a user wrote."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a DkronJob cannot run: a condition reason, and a sentence that says what to fix."""

    reason: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", self.message[:MOST_MESSAGE])
