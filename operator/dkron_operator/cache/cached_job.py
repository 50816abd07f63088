"""One DkronJob as the operator knows it, and how each write of its status, by any writer, changes it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dkron_crds.job import Attempt, JobStatus
from dkron_operator.cache.write_accounting import WriteAccounting
from dkron_operator.plan.situation.cause import ON_REQUEST
from dkron_operator.plan.situation.read import FOREVER_AGO
from dkron_operator.plan.situation.requested_runs import RunsOfJob
from dkron_operator.plan.situation.view import AttemptJob, JobView, Outcome, PodProblem
from dkron_operator.plan.status.changes import Change, Decided
from dkron_operator.plan.status.facts import Facts, Marked, Recorded, RequestRefused
from dkron_operator.plan.status.fold import fold
from dkron_operator.plan.steps.dependents import Fullness
from dkron_pods.problem import Problem

NEVER = float("-inf")


@dataclass(slots=True)
class Observed:
    """Observations of the Jobs of a DkronJob and of their pods."""

    attempts: dict[str, AttemptJob] = field(default_factory=dict)
    """Its Jobs, by name."""

    confirmed: frozenset[str] = frozenset()
    """Uids of Jobs unknown to the status that were checked against the API server and are new."""

    absent: frozenset[str] = frozenset()
    """Names of Jobs that are confirmed to be gone."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """How attempts ended that are not recorded yet, by the name of the Job."""

    pod_problems: dict[str, PodProblem] = field(default_factory=dict)
    """Why pods do not start, by the name of the Job."""

    probed: dict[str, datetime] = field(default_factory=dict)
    """When a pod that does not start was last checked, by the name of the Job."""

    final_output: dict[str, Outcome] = field(default_factory=dict)
    """Reports so far of the pods of Jobs that are being stopped, by the name of the Job."""


@dataclass(slots=True)
class Remembered:
    """What this process remembers of its own decisions. Another process begins without it."""

    fireable_since: float = NEVER
    """Since when its slots could be fired, in seconds of the monotonic clock."""

    removals_wait: float = NEVER
    """Until when no annotation is removed, in seconds of the monotonic clock: the API server has refused it."""

    unconfirmed_create: Attempt | None = None
    """An attempt whose create call got no answer."""

    refusal: Problem | None = None
    """The fault that the last dry run found."""

    checked: int = -1
    """The generation that the dry run was made for; -1 if there was none."""

    judged: tuple[int, bool, Problem | None] | None = None
    """The generation that the installation's rules were asked about, whether its spec could be read, and what they
    refuse; None if they were not asked."""

    lately_counted: dict[str, datetime | None] = field(default_factory=dict)
    """The attempts and requests counted lately, by the name of the Job, and since when; None until the next plan."""

    ended_on_request: dict[str, Attempt] = field(default_factory=dict)
    """The records, without output, of attempts on request, by the name of the Job. Each stays until its DkronRun shows
    it: the history of the job may not keep it so long, or not at all."""

    full: Fullness | None = None
    """Set while the status has no room to show another ended run."""

    unmarked: bool = False
    """The API server refused the annotation that says that the job is accepted."""

    told_late_at: float = NEVER
    """When an Event last said that the budget of the namespace delays its Jobs, in seconds of the monotonic clock."""


@dataclass(slots=True)
class CachedJob:
    """One DkronJob: the version that the API server has, the changes still to be written on top of it, what was
    observed, and what this process remembers."""

    job: JobView

    version: int
    """The resourceVersion of `base`, as a number."""

    base: JobStatus
    """The status that the API server has."""

    status: JobStatus
    """`base` with the pending changes folded in."""

    pending: list[Change] = field(default_factory=list)
    """Changes that are still to be written."""

    unwritten: Facts = ()
    """What they make true."""

    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the status or the annotation is being written."""

    accounting: WriteAccounting = field(default_factory=WriteAccounting)

    mark: datetime = FOREVER_AGO
    """The newest slot that the API server ever had as decided, or that this process has fired; it moves back only if it
    was ahead of the clock."""

    unreadable: bool = False
    """The status could not be parsed, and counts as wiped."""

    behind: bool = False
    """The cached object may be so old that a slot which has already run would look due."""

    observed: Observed = field(default_factory=Observed)

    remembered: Remembered = field(default_factory=Remembered)

    def record(self, *changes: Change) -> Facts:
        """Change the status; the write follows later. Returns what has become true by it."""
        # Fold before remembering: a change that cannot be folded would fail again with each version of the object.
        self.status, facts = fold(self.status, changes, self.job.spec.history)
        self.pending += changes
        self.unwritten += facts
        for fact in facts:
            match fact:
                case Marked(slot, back):
                    self.mark = slot if back else max(self.mark, slot)
                case Recorded(execution):
                    self.remembered.lately_counted[execution.job] = None
                    if execution.trigger in ON_REQUEST:
                        kept = execution.model_copy(update={"output": ""})
                        self.remembered.ended_on_request[kept.job] = kept
                case RequestRefused(job):
                    self.remembered.lately_counted[job] = None
        return facts

    @property
    def recorded_on_request(self) -> list[Attempt]:
        """The remembered records that the API server has, or had."""
        remembered = self.remembered.ended_on_request
        if not remembered:
            return []
        unwritten = self._unwritten_names()
        return [execution for job, execution in remembered.items() if job not in unwritten]

    def forget_ended(self, runs: RunsOfJob) -> None:
        """Forget the records that a DkronRun shows, and those that none waits for. `runs` are its DkronRuns."""
        remembered = self.remembered.ended_on_request
        groups = runs.groups if remembered else frozenset()
        for job, execution in list(remembered.items()):
            run = runs.decided.get(execution.group)
            if execution.group not in groups or (run is not None and run.shows_end(job)):
                del remembered[job]

    def forget_counted(self, *, now: datetime, retention: timedelta) -> None:
        """Forget what was counted longer than `retention` ago, once that is written."""
        counted, old = self.remembered.lately_counted, []
        for name, at in counted.items():
            if at is None:
                counted[name] = now
            elif abs(now - at) > retention:
                old.append(name)
        unwritten = self._unwritten_names() if old else frozenset()
        for name in old:
            if name not in unwritten:
                del counted[name]

    def mark_job_deleting(self, name: str) -> None:
        """The Job was deleted and goes once the watch says so, which may have happened before the answer arrived."""
        attempt = self.observed.attempts.get(name)
        if attempt is not None:
            self.observed.attempts[name] = replace(attempt, deleting=True)

    def settle(self, count: int, base: JobStatus, version: int) -> None:
        """The first `count` pending changes were written; the result is `base`."""
        del self.pending[:count]
        if version > self.version:
            # The API server accepts a write only on top of the newest version.
            self.version, self.base, self.unreadable, self.behind = version, base, False, False
        self.accounting.remember(self.base)
        self._fold_pending()

    def rebase(self, read: JobStatus | None, version: int, *, now: datetime) -> None:
        """Another writer changed the status: fold the pending changes onto `read`. None means that it cannot be parsed,
        and counts as wiped."""
        base = read or JobStatus()
        self.version, self.base, self.unreadable = version, base, read is None
        if self.mark > (base.last_schedule_time or FOREVER_AGO) and self.mark is not FOREVER_AGO:
            if self.mark > now:
                # Another replica has taken back a mark that a wrong clock or a user had set.
                self.mark = FOREVER_AGO
                self.accounting.forget_mark()
                self.accounting.remember(base)
            else:
                # A mark never moves back while this process remembers it, whatever a user writes.
                self.pending.append(Decided(self.mark))
        self._fold_pending()

    def _fold_pending(self) -> None:
        self.status, self.unwritten = fold(self.base, self.pending, self.job.spec.history)
        # An unwritten skip decides nothing yet, and a mark that is being moved back was wrong: take the older one.
        known = (self.base.last_schedule_time, self.status.last_schedule_time)
        self.mark = max(self.mark, min(mark or FOREVER_AGO for mark in known))

    def _unwritten_names(self) -> frozenset[str]:
        """The names of the attempts and refused requests that the API server has not counted yet."""
        recorded = (fact.execution.job for fact in self.unwritten if isinstance(fact, Recorded))
        return frozenset((*recorded, *(fact.job for fact in self.unwritten if isinstance(fact, RequestRefused))))
