"""Why a Job exists, and the name that follows from it: the same cause always gives the same name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dkron_crds.attempt_names import EPOCH, execution_id, job_name, nanoseconds
from dkron_crds.depends import dependent_group
from dkron_crds.job import Active, Heard, Trigger
from dkron_crds.requests import group_of


@dataclass(frozen=True, slots=True)
class Cause:
    """One attempt of one trigger. `group` is the trigger's own number, the same for all its attempts; `member` tells
    the Jobs of a group apart that tags want at once, on different nodes."""

    trigger: Trigger
    slot: datetime
    group: int
    attempt: int = 1
    member: str = ""

    def job_name(self, *, uid: str, name: str) -> str:
        """The name of the Job for this cause, unique to the DkronJob with this uid."""
        return job_name(
            uid=uid, name=name, trigger=str(self.trigger), slot=self.slot, group=self.group, attempt=self.attempt,
            member=self.member,
        )  # fmt: skip

    def entry(self, *, uid: str, name: str, at: datetime, node: str = "") -> Active:
        """A claim of this attempt, due or started at `at`, pinned to `node` if it names one; it gets the Job's uid once
        that was seen."""
        job = self.job_name(uid=uid, name=name)
        return Active(
            id=execution_id(at, job), job=job, slot=self.slot, trigger=self.trigger, group=self.group,
            attempt=self.attempt, started_at=at, node_name=node, member=self.member,
        )  # fmt: skip


def scheduled(slot: datetime) -> Cause:
    """The cause of a scheduled slot; its group is the slot itself, in nanoseconds."""
    return Cause(trigger=Trigger.SCHEDULE, slot=slot, group=nanoseconds(slot))


def requested(request_id: str, at: datetime) -> Cause:
    """The cause of a manual run."""
    return Cause(trigger=Trigger.MANUAL, slot=at, group=group_of(request_id, at))


def following(run: Heard) -> Cause:
    """The cause of a run after this run of a parent; its slot is when that one ended."""
    group = dependent_group(run.uid, run.group, run.at)
    return Cause(trigger=Trigger.DEPENDENT, slot=run.at, group=group)


def started_at(execution_id: str) -> datetime:
    """When the attempt with this id was started: an id begins with that, in nanoseconds."""
    return EPOCH + timedelta(microseconds=int(execution_id.partition("-")[0]) // 1000)
