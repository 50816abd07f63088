"""How the stop of an execution is asked for: the annotation `stop.dkron.io/<Job name>` on a DkronJob, written by people
and by the REST API, and read by the operator, which stops the execution, records it, and removes the annotation. Pure.

The key names the Job of the execution. An execution's id, `<start in ns>-<Job name>`, ends in it but may be longer than
the 63 characters that Kubernetes gives the name of an annotation; where it fits, it is taken as well.
"""

from dataclasses import dataclass
from datetime import datetime

from dkron_crds.base import rfc3339
from dkron_crds.requests import read_instant

STOP_PREFIX = "stop.dkron.io/"

_BY = "by "


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asked to stop the execution `target`, by the name of its Job or by its id. `at` is None where the time
    cannot be read."""

    target: str
    at: datetime | None
    by: str
    text: str

    @property
    def key(self) -> str:
        """The annotation that asks."""
        return STOP_PREFIX + self.target

    @property
    def jobs(self) -> tuple[str, str]:
        """Names of Jobs of which one is meant: the target itself, or what an id ends in."""
        return self.target, self.target.partition("-")[2]

    def means(self, *, job: str, execution: str) -> bool:
        """Whether the attempt with this Job and this id is meant."""
        return self.target in (job, execution)


def stop_annotation(job: str, at: datetime, *, by: str = "") -> tuple[str, str]:
    """Key and text of the annotation that asks at `at` (aware), in the name of `by`, to stop the execution of a Job."""
    who = " ".join(by.split())
    return STOP_PREFIX + job, f"{rfc3339(at)} {_BY}{who}" if who else rfc3339(at)


def read_stop(key: str, text: str) -> Stop | None:
    """The stop that an annotation asks for, `<RFC 3339 time> [by <who>]`; None if it is another annotation."""
    if not key.startswith(STOP_PREFIX):
        return None
    time, _, who = text.strip().partition(" ")
    return Stop(key.removeprefix(STOP_PREFIX), read_instant(time), who.strip().removeprefix(_BY).strip(), text)
