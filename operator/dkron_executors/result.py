"""The result of a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call, successful unless there is an `error`: one line for a person that names the target of the
    call."""

    error: str = ""
    output: bytes = b""

    @property
    def success(self) -> bool:
        """Whether the call succeeded by the job's criteria."""
        return not self.error
