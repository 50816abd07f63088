"""Listeners: who wants outputs that the status has no room for."""

from typing import Protocol

from dkron_operator.plan.view import JobView


class Listener(Protocol):
    """Who may want more of an output than the status keeps."""

    def room(self, job: JobView) -> int:
        """How many bytes of its end are wanted."""

    def keep(self, uid: str, job: str, output: bytes) -> None:
        """This is the end of the output of a Job."""
