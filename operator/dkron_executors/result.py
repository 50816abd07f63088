"""The result of a call, and the reason of one that failed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Successful unless there is an `error`: one line for a person that names the target of the call."""

    error: str = ""
    output: bytes = b""

    @property
    def success(self) -> bool:
        """Whether the call succeeded by the job's criteria."""
        return not self.error


def reason_of(exc: BaseException) -> str:
    """Return the text of an exception, or else its type."""
    return str(exc) or type(exc).__name__
