"""The images that executors run if a job names none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Images:
    """Default images."""

    default: str
    """For the shell executor."""

    own: str
    """The project's own image, which contains `dkron_executors`."""
