"""What became of a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """A call that succeeded, unless there is an `error`: one line for a person, which names whom it was made to."""

    error: str = ""
    output: bytes = b""

    @property
    def success(self) -> bool:
        """Whether it did what the job wants."""
        return not self.error
