"""Requests to stop an execution: the annotation `stop.dkron.io/<Job name>` on a DkronJob. People and the REST API
write it; the operator reads it, stops the execution, records that, and removes the annotation. Pure.

The key names the Job of the execution. An execution id, `<start in ns>-<Job name>`, ends in the Job name but may
exceed the 63 characters that Kubernetes allows for the name of an annotation; where it fits, it works as well.
"""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.requests import read_instant
from dkron_crds.schedule.instants import rfc3339

STOP_PREFIX = "stop.dkron.io/"
STOPPED = "Stopped"
"""The reason of an execution that was stopped."""

_BY = "by "


@dataclass(frozen=True, slots=True)
class Stop:
    """A request to stop the execution `target`, given by the name of its Job or by its id. `at` is None if the time
    cannot be read."""

    target: str
    at: datetime | None
    by: str
    text: str

    @property
    def key(self) -> str:
        """The key of the annotation."""
        return STOP_PREFIX + self.target

    @property
    def jobs(self) -> tuple[str, str]:
        """The two possible Job names: the target itself, or the end of the target if it is an id."""
        return self.target, self.target.partition("-")[2]

    def means(self, *, job: str, execution: str) -> bool:
        """Whether the request refers to the attempt with this Job and this id."""
        return self.target in (job, execution)


def stop_annotation(job: str, at: datetime, *, by: str = "") -> tuple[str, str]:
    """Return key and text of the annotation that requests at `at` (aware), on behalf of `by`, to stop a Job's
    execution."""
    who = " ".join(by.split())
    return STOP_PREFIX + job, f"{rfc3339(at)} {_BY}{who}" if who else rfc3339(at)


def read_stop(key: str, text: str) -> Stop | None:
    """Return the stop request in an annotation, `<RFC 3339 time> [by <name>]`; None if it is another annotation."""
    if not key.startswith(STOP_PREFIX):
        return None
    time, _, who = text.strip().partition(" ")
    return Stop(key.removeprefix(STOP_PREFIX), read_instant(time), who.strip().removeprefix(_BY).strip(), text)
