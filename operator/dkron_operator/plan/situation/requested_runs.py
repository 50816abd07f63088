"""DkronRuns as a plan reads them. Values of parameters are long and may be many, so the operator
holds them only while a Job with them is about to be created."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.job import Trigger
from dkron_crds.names import API_VERSION
from dkron_crds.requests import group_of
from dkron_crds.run import OF_BACKFILL, RunPhase, RunSpec, RunStatus
from dkron_operator.plan.situation.cause import Cause

Object = Mapping[str, Any]

NAME_ROOM = 34
"""How many characters of the DkronJob's name fit: 63 for a label, minus ten digits of time, 16 of hash, two
hyphens, and one to spare for times after 2286."""


def run_name(backfill: str, job: str, job_uid: str, slot: datetime) -> str:
    """Return the name of the DkronRun of a slot, unique to the backfill with this uid. It must never change."""
    at = nanoseconds(slot)
    digest = sha256(f"{backfill}/{job_uid}/{at}".encode()).hexdigest()
    return f"{job[:NAME_ROOM]}-{at // 1_000_000_000}-{digest[:16]}"


@dataclass(frozen=True, slots=True)
class RequestedRun:
    """A DkronRun, as the latest event or API response showed it."""

    uid: str
    namespace: str
    name: str
    version: int
    """The resourceVersion, as a number."""

    place: tuple[bool, int]
    """Its place among the DkronRuns created in one second: whether it was not bound when it was first seen, and the
    version that it had then. A job's are bound in the order of their creation."""

    created: datetime
    deleting: bool
    """Whether it has a deletionTimestamp."""

    job: str
    """The Dkron name of the job."""

    slot: datetime
    """The time that its attempts are told as the scheduled one."""

    trigger: Trigger
    backfill: str
    """The uid of the DkronBackfill that made it; empty if none did."""

    force: bool
    ttl: int | None
    """How many seconds it is kept after its end; None if it has no time of its own."""

    group: int
    """The group of its attempts. It follows from the uid and the time of its creation."""

    parameters_given: bool
    values: Mapping[str, str] | None
    """The values of parameters; None unless the API server has sent them since, see `BindRun` and `ReadRun`."""

    status: RunStatus
    """The status that the API server has. Of one that has ended, only phase and time."""

    @property
    def kind(self) -> str:
        """The kind of the object, for Events about it."""
        return "DkronRun"

    @property
    def ended(self) -> bool:
        """Whether its status says that the run has ended, or was refused."""
        return self.status.phase in (RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.REFUSED)

    @property
    def decided(self) -> bool:
        """Whether its status says that it was decided: no Job is created because of it any more, except retries."""
        return self.status.group is not None or self.ended

    def is_for(self, job: str, uid: str) -> bool:
        """Whether the DkronJob with this name and uid may run it, and not only another one that had the name before:
        the one that it is bound to. One of a backfill is for the job whose slot it is; its own name says which."""
        if self.status.dkron_job is not None:
            return self.status.dkron_job.uid == uid
        return not self.backfill or self.name == run_name(self.backfill, job, uid, self.slot)

    def shows_end(self, job: str) -> bool:
        """Whether its status says how the attempt with the Job of this name ended."""
        return any(each.job == job and each.finished_at is not None for each in self.status.attempts)

    @property
    def cause(self) -> Cause:
        """The cause of its first attempt."""
        return Cause(trigger=self.trigger, slot=self.slot, group=self.group)


@dataclass(frozen=True, slots=True)
class RunsOfJob:
    """The DkronRuns of one job that have not ended."""

    undecided: tuple[RequestedRun, ...] = ()
    """The oldest of those that were not decided, in the order of their creation."""

    decided: Mapping[int, RequestedRun] = field(default_factory=lambda: MappingProxyType({}))
    """Those that were decided, by group."""

    listed: bool = True
    """Whether all DkronRuns are known."""

    awaited: bool = False
    """Whether they are still being listed for the first time."""

    @property
    def groups(self) -> AbstractSet[int]:
        """The groups of all of them."""
        return self.decided.keys() | {run.group for run in self.undecided}

    def by_group(self, group: int) -> RequestedRun | None:
        """The one with this group."""
        return self.decided.get(group) or next((run for run in self.undecided if run.group == group), None)


NO_RUNS = RunsOfJob()


def read_requested_run(body: Object, *, with_values: bool = False) -> RequestedRun | None:
    """A DkronRun; None if it does not match the definition. The values of its parameters are read only on request."""
    metadata = body["metadata"]
    try:
        spec = RunSpec.from_wire(dict(body["spec"]))
        status = RunStatus.from_wire(body.get("status") or {})
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        backfill = _backfill(metadata)
        slot = created if spec.scheduled_time is None else spec.scheduled_time
        run = RequestedRun(
            uid=metadata["uid"],
            namespace=metadata["namespace"],
            name=metadata["name"],
            version=int(metadata["resourceVersion"]),
            place=(status.dkron_job is None, int(metadata["resourceVersion"])),
            created=created,
            deleting="deletionTimestamp" in metadata,
            job=spec.job,
            slot=slot,
            trigger=Trigger.BACKFILL if backfill else Trigger.MANUAL,
            backfill=backfill,
            force=spec.force,
            ttl=spec.ttl_seconds_after_finished,
            group=group_of(metadata["uid"], created),
            parameters_given=bool(spec.parameters),
            values=spec.parameters if with_values else None,
            status=status,
        )
    except (ValidationError, KeyError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return shortened(run)


def shortened(run: RequestedRun) -> RequestedRun:
    """The run without what is of no use after its end."""
    if not run.ended:
        return run
    kept = RunStatus(phase=run.status.phase, finished_at=run.status.finished_at)
    return replace(run, status=kept, values=None)


def _backfill(metadata: Object) -> str:
    """The uid of the DkronBackfill that controls it. Everyone who may create DkronRuns can set the label."""
    owner = next((each for each in metadata.get("ownerReferences") or () if each.get("controller")), None)
    if owner is None or OF_BACKFILL not in (metadata.get("labels") or {}):
        return ""
    ours = (owner.get("apiVersion"), owner.get("kind")) == (API_VERSION, "DkronBackfill")
    return str(owner["uid"]) if ours else ""
