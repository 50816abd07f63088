"""Listeners: receivers of more output than the status has room for."""

from typing import Protocol

from dkron_operator.plan.view import JobView


class Listener(Protocol):
    """May want more of an output than the status keeps."""

    def room(self, job: JobView) -> int:
        """How many bytes of the end of the output are wanted."""

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """Take the end of the output of a Job."""
