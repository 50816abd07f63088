"""The images that executors run where a job names none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Images:
    """`default` is that of the shell executor, `own` the project's own, in which `dkron_executors` is."""

    default: str
    own: str
