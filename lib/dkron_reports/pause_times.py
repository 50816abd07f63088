"""The times at which pauses held a job, as far as its status and the remaining DkronPauses show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.packed import plain
from dkron_reports.job import Job, condition
from dkron_reports.reading import Object, items, mapping
from dkron_reports.run import Run
from dkron_reports.words import instant, one_line, read_time

MISSED = ("Missed", "Paused")
"""Reasons of `status.skipped` that a pause may be the cause of."""


@dataclass(frozen=True, slots=True)
class PauseTime:
    """A pause held the job from `since` until before `until`; None if it still does."""

    name: str
    since: datetime
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether a slot at this time came due meanwhile."""
        return self.since <= at and (self.until is None or at < self.until)

    @property
    def sentence(self) -> str:
        """Say which pause it was, and when."""
        end = "" if self.until is None else f" to {instant(self.until)}"
        return f"held by the pause {self.name}, from {instant(self.since)}{end or ' on'}"


def needs_pauses(job: Job) -> bool:
    """Whether DkronPauses may show why slots of the job did not run."""
    return mapping(mapping(job.raw, "status"), "skipped").get("lastReason") in MISSED


def selects(spec: Object, name: str, raw: Object) -> bool:
    """Whether the spec of a DkronPause names this job, has the labels of its object, or is for all. Namespaces are not
    compared."""
    if names := items(spec, "jobs"):
        return name in names
    labels = plain(mapping(mapping(raw, "metadata"), "labels"))
    return all(labels.get(key) == value for key, value in mapping(spec, "selector").items())


class PauseTimes:
    """The times at which pauses held a job. A pause whose object is gone has left only the time at which it ended."""

    def __init__(self, job: Job, pauses: Iterable[Object], now: datetime) -> None:
        self._known = [each for each in _known(job, pauses) if each.since <= now]
        skipped, suspended = mapping(mapping(job.raw, "status"), "skipped"), condition(job.raw, "Suspended")
        gone = suspended.get("status") == "False" and skipped.get("lastReason") == "Missed"
        # Any other suspension leaves no slot that could be missed.
        self._ended = read_time(suspended.get("lastTransitionTime")) if gone else None

    def known(self, slot: datetime) -> str:
        """Return which pause held the job when the slot came due; empty if none is known of."""
        return next((each.sentence for each in self._known if each.holds(slot)), "")

    def likely(self, slot: datetime, runs: Iterable[Run]) -> str:
        """Return that a pause may have held the job; empty if it did not, as one of the runs by schedule shows."""
        ended = self._ended
        if ended is None or slot > ended or any(run.started and slot < run.started < ended for run in runs):
            return ""
        return f"a pause that ended {instant(ended)} held the job then, or no operator was there to run it"


def _known(job: Job, pauses: Iterable[Object]) -> Iterator[PauseTime]:
    noted = mapping(mapping(job.raw, "status"), "paused")
    if (since := read_time(noted.get("since"))) is not None:
        yield PauseTime(one_line(str(noted.get("name"))), since, read_time(noted.get("until")))
    for raw in pauses:
        metadata, spec = mapping(raw, "metadata"), mapping(raw, "spec")
        began = read_time(metadata.get("creationTimestamp"))
        if began is not None and _had_effect(raw) and selects(spec, job.name, job.raw):
            yield PauseTime(one_line(str(metadata.get("name"))), began, read_time(spec.get("until")))


def _had_effect(pause: Object) -> bool:
    """Whether the operator says that it holds or held its jobs."""
    active = condition(pause, "Active")
    return active.get("status") == "True" or active.get("reason") == "Expired"
