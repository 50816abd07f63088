"""Whether a slot had to run, as its job wanted it and as the weather was: `missedRuns` and the start deadline."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dkron_crds.job import JobSpec, MissedRuns
from tests.chaos import oracle
from tests.chaos.fault_windows import Weather


class Need(StrEnum):
    """Whether a slot has to run."""

    MUST = "must"
    MAY = "may"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Due:
    """A slot of a job: from when on it can be decided, by when it must be, and which slot follows it.

    `specs` are those that may have decided about it.
    """

    slot: datetime
    opens: datetime
    by: datetime
    following: datetime
    specs: tuple[JobSpec, ...]


def need(due: Due, weather: Weather) -> tuple[Need, str]:
    """Its need while its schedule is surely in force, and why that is less than a run."""
    policies = {spec.missed_runs for spec in due.specs}
    return _surely_missed(due, weather, policies) or _perhaps_missed(due, weather, policies) or (Need.MUST, "")


def _surely_missed(due: Due, weather: Weather, policies: set[MissedRuns]) -> tuple[Need, str] | None:
    outage = weather.outage(due.opens)
    if outage is None:
        return None
    if policies == {MissedRuns.SKIP}:
        return Need.NEVER, "it was missed, and missedRuns is skip"
    if policies == {MissedRuns.LATEST} and weather.outage(due.following) is outage:
        return Need.NEVER, "it was missed, a later one was, too, and missedRuns is latest"
    return None


def _perhaps_missed(due: Due, weather: Weather, policies: set[MissedRuns]) -> tuple[Need, str] | None:
    able = weather.excuse(due.opens)
    if able is not None and MissedRuns.SKIP in policies and not weather.is_handover(due.opens):
        return Need.MAY, "it may have been missed, and missedRuns is skip"
    if able is not None and policies != {MissedRuns.ALL} and due.following <= able:
        return Need.MAY, "it may have been missed like a later one, and missedRuns is not all"
    if any(limit is not None and due.by - due.slot > limit for limit in map(_deadline, due.specs)):
        return Need.MAY, "it may have been too late for its start deadline"
    return None


def _deadline(spec: JobSpec) -> timedelta | None:
    seconds, grace = spec.starting_deadline_seconds, oracle.grace(spec.schedule)
    limits = [] if seconds is None else [timedelta(seconds=seconds)]
    return min([*limits, grace] if grace is not None else limits, default=None)
