"""The archive beside the status of a job: runs that the status keeps no longer, and why slots did not run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.schedule.instants import rfc3339
from dkron_reports.reading import Object
from dkron_reports.run import Attempt
from dkron_reports.skipping import because


@dataclass(frozen=True, slots=True)
class Skip:
    """Slots in a row that did not run, and why, in one word and as a sentence."""

    first: datetime
    last: datetime
    count: int
    reason: str
    message: str = ""

    @property
    def why(self) -> str:
        """Say why."""
        return self.message or because(self.reason)


@dataclass(frozen=True, slots=True)
class Past:
    """The archive's part, from `since` on, up to the end of the period that is explained. It may lack records, as after
    a restore. `without_status`: the job has a status of `as_of`, which tells of no runs."""

    since: datetime
    attempts: tuple[Attempt, ...] = ()
    skips: tuple[Skip, ...] = ()
    without_status: bool = False


def as_of(raw: Object, spec: Mapping[str, object], *, since: datetime, until: datetime) -> Object:
    """Return a DkronJob as it was while a spec was in force, with all slots decided: nothing else is known of its
    status then."""
    generation = 1
    metadata = {**raw["metadata"], "generation": generation, "creationTimestamp": rfc3339(since)}
    status = {"since": rfc3339(since), "lastScheduleTime": rfc3339(until), "observedGeneration": generation}
    return {
        "metadata": metadata,
        "spec": {**spec, "name": raw["spec"].get("name") or metadata["name"]},
        "status": status,
    }
