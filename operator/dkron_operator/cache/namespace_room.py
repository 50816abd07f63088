"""How many DkronJobs of a namespace are run, and how long their specs may be in all: the oldest have room, and those
beyond are known by little more than their names.

Which jobs have room follows from the objects alone, by creationTimestamp and then uid, so each replica and each process
says the same. Without limits this costs nothing.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dkron_crds.bounds import mark
from dkron_crds.job import JobSpec, JobStatus, ReadyReason
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.kit.oldest_first import OldestFirst, Room
from dkron_operator.plan.fold import is_recorded
from dkron_operator.plan.read import read_requests, read_stops
from dkron_operator.plan.view import JobView
from dkron_pods.problem import Problem

Object = dict[str, Any]
Age = tuple[datetime, str]
"""When a DkronJob was created, and its uid."""
KEPT = ("name", "history", "disabled", "ephemeral", "concurrency")
"""What is kept of the spec of a job that has no room: what its status and the Jobs that it still has depend on."""

MOST_REQUESTS = 20
"""How many requests for runs of such a job are known at a time. They are refused, and the next ones follow."""


@dataclass(slots=True)
class ParkedJob:
    """A DkronJob that has no room, and whose status says so: enough to notice when that changes."""

    namespace: str
    name: str
    version: int
    generation: int
    created: datetime
    wanted: bool = False
    """It has a Job that nothing was known of."""


class NamespaceRoom:
    """The room of each namespace."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._namespaces: dict[str, OldestFirst[Age]] = {}
        limits = {"--namespace-jobs": room.count, "--namespace-bytes": room.size}
        options = " and ".join(f"{option} {limit}" for option, limit in limits.items() if limit)
        self.problem = Problem(
            ReadyReason.OVER_BUDGET,
            f"the namespace has more DkronJobs than the operator runs for it ({options}), and this one is among the "
            "youngest; it runs when older ones are deleted or get shorter",
        )

    @property
    def beyond(self) -> int:
        """How many DkronJobs have no room."""
        return sum(jobs.beyond for jobs in self._namespaces.values())

    def has_room(self, namespace: str, age: Age) -> bool:
        """Whether this DkronJob has room."""
        jobs = self._namespaces.get(namespace)
        return jobs is None or jobs.has_room(age)

    def see(self, namespace: str, age: Age, body: Object) -> list[str]:
        """Take in a DkronJob, or its changed spec. Returns the uids of the others that have room now, or no more."""
        if not (self._room.count or self._room.size):
            return []
        jobs = self._namespaces.setdefault(namespace, OldestFirst(self._room))
        # Without a limit of bytes nothing is measured.
        return [uid for _, uid in jobs.see(age, _measured(body) if self._room.size else 0)]

    def lose(self, namespace: str, age: Age) -> list[str]:
        """A DkronJob is gone. Returns the uids of those that have room now."""
        jobs = self._namespaces.get(namespace)
        if jobs is None:
            return []
        changed = jobs.lose(age)
        if not len(jobs):
            del self._namespaces[namespace]
        return [uid for _, uid in changed]


def _measured(body: Object) -> int:
    """The length. A DkronJob that cannot be measured is marked as unreadable; it runs nothing, and takes no room."""
    try:
        return length(body)
    except Exception as exc:  # noqa: BLE001 - the reader logs what is marked
        mark(body, f"the operator cannot measure it ({type(exc).__name__})")
        return 0


def length(body: Object) -> int:
    """The bytes of the spec, as JSON."""
    spec = body.get("spec") or {}
    return len(json.dumps(spec, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def age_of(job: JobView) -> Age:
    """Its age."""
    return job.created, job.uid


def is_lean(job: JobView) -> bool:
    """Whether its spec was dropped."""
    return job.problem is not None and job.problem.reason == ReadyReason.OVER_BUDGET


def lean(job: JobView, status: JobStatus, problem: Problem) -> JobView:
    """The job without what it would run."""
    spec = JobSpec().model_copy(update={name: getattr(job.spec, name) for name in KEPT})
    return replace(
        job, spec=spec, schedule=None, problem=problem, ignored="", remarks="", unknown=None, notify={},
        # The request of a run that is recorded has to stay known, or its run would be forgotten and made once more.
        requests=job.requests if has_history(status) else job.requests[:MOST_REQUESTS],
    )  # fmt: skip


def is_busy(cached: CachedJob) -> bool:
    """Whether it has attempts that run, wait, or are not recorded yet."""
    if cached.status.active or cached.remembered.unconfirmed_create is not None:
        return True
    return any(not run.finished or not is_recorded(cached.base, run.name) for run in cached.observed.attempts.values())


def may_be_parked(cached: CachedJob) -> bool:
    """Whether nothing is left to do for a job without room, and its status says so."""
    job, base = cached.job, cached.base
    if is_busy(cached) or cached.pending or job.deleting or job.requests or job.stops:
        return False
    return not (base.undelivered or base.window) and says_so(base, job.generation)


def is_at_rest(body: Object, status: JobStatus) -> bool:
    """The same of a DkronJob as the API server sends it, with its status. One that has ever run is looked at again."""
    metadata = body["metadata"]
    asked = "deletionTimestamp" in metadata or read_requests(metadata) or read_stops(metadata)
    return not (asked or has_history(status)) and says_so(status, metadata.get("generation", 0))


def parked_job(body: Object) -> ParkedJob:
    """What is held of it."""
    metadata = body["metadata"]
    return ParkedJob(
        metadata["namespace"], metadata["name"], int(metadata["resourceVersion"]), metadata.get("generation", 0),
        datetime.fromisoformat(metadata["creationTimestamp"]),
    )  # fmt: skip


def says_so(status: JobStatus, generation: int) -> bool:
    """Whether the status says of this spec that it has no room."""
    ready = next((each for each in status.conditions if each.type == "Ready"), None)
    return ready is not None and (ready.reason, ready.observed_generation) == (ReadyReason.OVER_BUDGET, generation)


def has_history(status: JobStatus) -> bool:
    """Whether the job has ever done anything that a status shows."""
    return bool(status.active or status.executions or status.counted or status.days or status.undelivered)
