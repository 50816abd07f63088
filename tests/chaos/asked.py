"""A DkronRun with everything that is derived from it once: what a client asked for, what the witness saw of it, and the
runs whose Jobs name it. It names a job, and not an object: one that was deleted and made again may be meant as well.
Its status says which one it is for.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from dkron_crds.job import Concurrency, JobSpec, SkipReason, Trigger
from dkron_crds.run import RunPhase, RunSpec
from tests.chaos.case import Case, Group
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER, History, RunObject, RunRequest
from tests.chaos.line import Wait
from tests.chaos.needs import Need

WAITS = timedelta(minutes=10)
"""How long a DkronRun waits for a job of its name."""
JOB_NOT_FOUND, JOB_DELETED = "JobNotFound", "JobDeleted"
_LEFT = frozenset({SkipReason.QUEUE_FULL, SkipReason.QUEUE_EXPIRED, SkipReason.REPLACED})
"""Why a run leaves the line of its job."""
ENDED = frozenset({RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.REFUSED})


@dataclass(frozen=True)
class Asked:
    """A DkronRun. `cases` are the jobs of its name, in the order in which they were made, and `groups` the runs whose
    Jobs name it, each with its job. Names of DkronRuns are not used twice."""

    name: str
    spec: RunSpec
    request: RunRequest | None
    object: RunObject | None
    cases: tuple[Case, ...]
    groups: tuple[tuple[Case, Group], ...]
    weather: Weather

    @property
    def backfill(self) -> str:
        """The DkronBackfill that made it."""
        return self.object.backfill if self.object is not None else ""

    @property
    def invoked(self) -> datetime:
        """From when on it may have been there."""
        if self.request is not None:
            return self.request.invoked
        assert self.object is not None
        return min(self.object.created, self.object.seen)

    @property
    def created(self) -> datetime:
        """The second in which it was created, as far as that is known: the names of its Jobs have it."""
        told = None if self.request is None else self.request.created
        return self.object.created if self.object is not None else told or self.invoked

    @property
    def known(self) -> datetime | None:
        """From when on it surely was there; None if that is unknown."""
        told = [self.object.seen] if self.object is not None else []
        if self.request is not None and self.request.answered is not None:
            told.append(self.request.answered)
        return min(told, default=None)

    @property
    def withdrawn(self) -> datetime:
        """When it was deleted, if it had not been decided by then."""
        if self._is_decided:
            return FOREVER
        gone = None if self.object is None else self.object.gone
        cancelled = None if self.request is None else self.request.cancelled
        return min(each for each in (gone, cancelled, FOREVER) if each is not None)

    @property
    def phase(self) -> RunPhase:
        """Its last status."""
        return RunPhase.PENDING if self.object is None else self.object.status.phase

    @property
    def reason(self) -> str:
        """Why it has failed, or was refused."""
        conditions = () if self.object is None else self.object.status.conditions
        return next((each.reason for each in conditions if each.type in ("Complete", "Failed")), "")

    @property
    def bound(self) -> str:
        """The uid of the job that it says it is for; empty if it says nothing."""
        job = None if self.object is None else self.object.status.dkron_job
        return "" if job is None else job.uid

    @property
    def ended(self) -> datetime | None:
        """When it says that it has ended."""
        return None if self.object is None else self.object.status.finished_at

    @property
    def ended_with_its_job(self) -> bool:
        """Whether it says that its job was deleted, and that may have been so by then."""
        if self.reason != JOB_DELETED or self.ended is None:
            return False
        by = self.ended + self.weather.wrong + self.weather.terms.grain
        bound = (case.life for case in self.cases if case.life.uid == self.bound)
        return any(life.record is None and life.deleted <= by for life in bound)

    @property
    def outlives_its_job(self) -> datetime | None:
        """By when the deletion of its job must have ended it, and has not; None if that is not so."""
        if self.object is None or self.object.gone is not None or self.phase in ENDED:
            return None
        gone = next((case.life.gone for case in self.cases if case.life.uid == self.bound), FOREVER)
        by = self.weather.decided(gone)
        return by if by <= self.weather.terms.read else None

    @cached_property
    def owed(self) -> tuple[Case, datetime] | None:
        """The job that has to run it or to refuse it, and by when it must have; None if none has to."""
        if self.known is None:
            return None
        for case in self.cases:
            made = next((span.sure for span in case.life.settings), None)
            begin = None if made is None else max(self.known, made)
            by = FOREVER if begin is None else self.wait(case, self.weather.decided(begin)).turn
            waits = begin is not None and begin < self.invoked + WAITS - self.weather.terms.grain
            if waits and by < min(case.life.deleted, self.withdrawn):
                return case, by
            if case.life.uid == self.bound:
                break
        return None

    @property
    def need(self) -> Need:
        """Whether it had to run by the last look, may have, or must not."""
        if self.request is not None and (self.request.refused or not self.request.fits):
            return Need.NEVER
        if self.owed is None or self.owed[1] > self.weather.terms.read:
            return Need.MAY
        case, by = self.owed
        if case.is_refused(self.created):
            return Need.MAY
        return Need.MAY if any(self.may_be_refused(reason, by) for reason in SkipReason) else Need.MUST

    def may_be_refused(self, reason: str, by: datetime) -> bool:
        """Whether it may have been refused for that reason until then."""
        if reason == SkipReason.INVALID_PARAMETERS:
            return self.request is not None and not self.request.fits
        if reason == JOB_NOT_FOUND:
            return self._has_waited
        return any(self._refuses(case, reason, by) for case in self.cases if self.bound in ("", case.life.uid))

    @property
    def was_refused_by_a_rival(self) -> bool:
        """Whether one of two operators that both act may have refused what the other runs: "one may count a slot or a
        request as skipped that the other runs or has counted" (docs/testing.md, "Storms")."""
        if self.phase is not RunPhase.REFUSED or not self.weather.terms.rivals or self.known is None:
            return False
        return self.may_be_refused(self.reason, self.weather.decided(self.known))

    @property
    def _has_waited(self) -> bool:
        """Whether it ended when it had waited for as long as it does, and no job surely was there for it."""
        if self.ended is None or self.bound:
            return False
        wrong = self.weather.wrong + self.weather.terms.lateness
        there = (span for case in self.cases for span in case.life.settings if span.value is not None)
        # One of a backfill waits for the very job of which it is a slot.
        found = not self.backfill and any(span.covers(self.ended - wrong, self.ended) for span in there)
        return self.ended + wrong >= self.invoked + WAITS and not found

    @property
    def _is_decided(self) -> bool:
        return self.object is not None and (self.object.status.group is not None or self.phase in ENDED)

    def _refuses(self, case: Case, reason: str, by: datetime) -> bool:
        """Whether a job may have refused it for that reason: it was such at some moment from the request on."""
        specs = case.life.specs(self.invoked, by)
        if not specs or (self.spec.force and (reason not in _LEFT or case.crowd is None)):
            return False
        if reason == SkipReason.PAUSED:
            return case.may_be_paused(self.invoked, by)
        if reason in _LEFT:
            return reason in self.wait(case, self.weather.decided(self.known or self.invoked)).reasons
        if reason == SkipReason.CONCURRENCY_FORBIDDEN:
            busy = any(group.asked != self.name for group in case.in_the_way(self.invoked, by))
            return any(spec.concurrency is Concurrency.FORBID for spec in specs) and (
                busy or case.claims_in_the_way(self.invoked, self.invoked, by)
            )
        return any(_says(spec, reason) for spec in specs)

    def may_have_left(self, case: Case) -> bool:
        """Whether it may have left the line of this job when it was gone itself, and could not say so."""
        if self.object is None or self.object.gone is None:
            return False
        wait = self.wait(case, self.weather.decided(self.known or self.invoked))
        refused = (self._refuses(case, reason, wait.turn) for reason in (SkipReason.DISABLED, SkipReason.SUCCEEDED))
        return bool(wait.reasons) or (wait.waited and any(refused))

    def wait(self, case: Case, by: datetime) -> Wait:
        """How long it may have waited in the line of this job, if it had to be decided by then."""
        forced = self.spec.force
        if (forced and case.crowd is None) or by >= FOREVER or not case.has_line(case.life.specs(self.invoked, by)):
            return Wait(self.invoked, by, by)
        own = (group for group in case.groups if group.asked == self.name)
        opens = max(self.invoked, case.life.created)
        return case.wait(opens, by, self.name, *own, overrules=forced or bool(self.backfill))


def _says(spec: JobSpec, reason: str) -> bool:
    """Whether a job with this spec refuses what is not forced for that reason."""
    disabled = reason == SkipReason.DISABLED and spec.disabled and not spec.parents
    return disabled or (reason == SkipReason.SUCCEEDED and spec.ephemeral)


def all_asked(history: History, cases: Sequence[Case], weather: Weather) -> list[Asked]:
    """Every DkronRun that a client asked for, or that the witness saw."""
    requests = {each.name: each for each in history.run_requests}
    objects = {each.name: each for each in history.run_objects}
    groups: dict[str, list[tuple[Case, Group]]] = defaultdict(list)
    for case, group in _named(cases):
        groups[group.asked].append((case, group))
    found = []
    for name in dict.fromkeys((*requests, *objects)):
        request, seen = requests.get(name), objects.get(name)
        spec = request.spec if request is not None else objects[name].spec
        own = sorted((case for case in cases if case.life.job == spec.job), key=lambda case: case.life.created)
        found.append(Asked(name, spec, request, seen, tuple(own), tuple(groups[name]), weather))
    return found


def strangers(history: History, cases: Sequence[Case]) -> Iterator[tuple[Case, Group]]:
    """Runs whose Jobs name a DkronRun that no client has created, or are of a backfill and name none."""
    known = {each.name for each in history.run_requests} | {each.name for each in history.run_objects}
    return ((case, group) for case, group in _named(cases, unnamed=True) if group.asked not in known)


def _named(cases: Sequence[Case], *, unnamed: bool = False) -> Iterator[tuple[Case, Group]]:
    for case in cases:
        for group in case.groups:
            if group.asked or (unnamed and group.trigger is Trigger.BACKFILL):
                yield case, group
