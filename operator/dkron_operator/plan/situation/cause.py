"""Why a Job exists, and its name, which follows from that: the same cause always gives the same name."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from dkron_crds.attempt_names import EPOCH, execution_id, job_name, nanoseconds
from dkron_crds.depends import dependent_group
from dkron_crds.job import Attempt, AttemptState, Heard, Trigger
from dkron_crds.requests import group_of

# Each plan of a job asks for the names of all requests that wait.
_job_name = lru_cache(maxsize=16384)(job_name)
CALL = "call-"
"""The prefix of the `uid` of an inline call. The uid of a Job has no letters beyond f."""
ON_REQUEST = frozenset({Trigger.MANUAL, Trigger.BACKFILL})
"""Triggers of runs that a user or a program requested."""

RunKey = tuple[Trigger, int]
"""Trigger and group of a run."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One attempt of one trigger."""

    trigger: Trigger
    slot: datetime
    group: int
    """The number of the trigger, the same for all its attempts."""

    attempt: int = 1
    member: str = ""
    """Distinguishes the Jobs that tags start together on different nodes."""

    def job_name(self, *, uid: str, name: str) -> str:
        """The name of the Job for this cause, unique to the DkronJob with this uid."""
        # A DkronRun may stand for any scheduled time, which names nothing.
        at = asked_at(self.group) if self.trigger in ON_REQUEST else self.slot
        return _job_name(
            uid=uid, name=name, trigger=str(self.trigger), slot=at, group=self.group, attempt=self.attempt,
            member=self.member,
        )  # fmt: skip

    def names(self, job: str, *, uid: str, name: str) -> bool:
        """Whether the Job of this cause has that name. The group of a scheduled slot is the slot itself."""
        if self.trigger is Trigger.SCHEDULE and self.group != nanoseconds(self.slot):
            return False
        return job == self.job_name(uid=uid, name=name)

    def entry(self, *, uid: str, name: str, at: datetime, node: str = "", given: bool = False) -> Attempt:
        """A claim of this attempt, due or started at `at`, pinned to `node` if that is set. It has no uid until the Job
        is seen. `given`: its DkronRun gives values to parameters."""
        job = self.job_name(uid=uid, name=name)
        return Attempt(
            id=execution_id(at, job), job=job, state=AttemptState.CLAIMED, slot=self.slot, trigger=self.trigger,
            group=self.group, attempt=self.attempt, started_at=at, node_name=node, member=self.member,
            parameters_given=given,
        )  # fmt: skip


def cause_of(entry: Attempt) -> Cause:
    """The cause of an entry of `active`."""
    return Cause(entry.trigger, entry.slot, entry.group, entry.attempt, entry.member)


def scheduled(slot: datetime) -> Cause:
    """The cause of a scheduled slot; its group is the slot in Unix nanoseconds."""
    return Cause(trigger=Trigger.SCHEDULE, slot=slot, group=nanoseconds(slot))


def requested(request_id: str, at: datetime) -> Cause:
    """The cause of a manual run."""
    return Cause(trigger=Trigger.MANUAL, slot=at, group=group_of(request_id, at))


def following(run: Heard) -> Cause:
    """The cause of a run after this run of a parent; its slot is the end of the parent's run."""
    group = dependent_group(run.uid, run.group, run.at)
    return Cause(trigger=Trigger.DEPENDENT, slot=run.at, group=group)


def is_call(entry: Attempt) -> bool:
    """Whether the attempt is an inline call, which has no Job."""
    return entry.uid.startswith(CALL)


def asked_at(group: int) -> datetime:
    """When the run on request with this group was requested, to the second."""
    return EPOCH + timedelta(seconds=group // 1_000_000_000)
