"""Small builders of wire objects and of the views that are read from them, with defaults that a reader can guess.

Everything happens around `NOON`; a test names only what it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, JobStatus, Trigger
from dkron_crds.names import ACCEPTED, API_VERSION
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from dkron_operator.plan.situation.cause import Cause, requested, scheduled
from dkron_operator.plan.situation.read import read_job
from dkron_operator.plan.situation.view import AttemptJob, JobView, Node, Outcome, Situation
from dkron_operator.plan.status.deferred import UndecidedSlots
from dkron_operator.plan.steps.acceptance import accepted_schedule
from dkron_pods.images import Images

Object = dict[str, Any]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UID = "00000000-0000-0000-0000-00000000000a"
NAMESPACE = "default"
IMAGES = Images(default="default:1", own="own:1")
NAME = "backup"


def after(seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0) -> datetime:
    """So long after noon; negative is before."""
    return NOON + timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)


def wire_job(
    *,
    name: str = NAME,
    uid: str = UID,
    version: int = 1,
    generation: int = 1,
    created: datetime = NOON,
    requests: Mapping[str, str] | None = None,
    stops: Mapping[str, str] | None = None,
    status: JobStatus | None = None,
    deleting: bool = False,
    command: str = "true",
    **spec: Any,
) -> Object:
    """A DkronJob as the API server sends it; `spec` in wire names, by default `true` each minute."""
    metadata: Object = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": uid,
        "resourceVersion": str(version),
        "generation": generation,
        "creationTimestamp": rfc3339(created),
    }
    wishes = {f"run.dkron.io/{key}": text for key, text in (requests or {}).items()}
    wishes |= {f"stop.dkron.io/{key}": text for key, text in (stops or {}).items()}
    if status is not None:
        wishes[ACCEPTED] = uid
    if wishes:
        metadata["annotations"] = wishes
    if deleting:
        metadata["deletionTimestamp"] = rfc3339(created)
    body: Object = {"metadata": metadata, "spec": {"schedule": "0 * * * * *", **spec}}
    if spec.get("executor", "shell") == "shell":
        body["spec"].setdefault("executorConfig", {"command": command})
    if status is not None:
        body["status"] = status.to_wire()
        metadata["managedFields"] = [{"manager": "dkron-operator", "subresource": "status"}]
    return body


def job_view(**fields: Any) -> JobView:
    """A DkronJob as the operator reads it; arguments as for `wire_job`."""
    return read_job(wire_job(**fields))


def wire_run(
    entry: Attempt,
    *,
    owner: str = UID,
    owner_name: str = NAME,
    namespace: str = NAMESPACE,
    uid: str = "",
    version: int = 1,
    created: datetime | None = None,
    status: Object | None = None,
    deleting: bool = False,
) -> Object:
    """The Job of this entry as the API server sends it."""
    began = entry.started_at if created is None else created
    metadata: Object = {
        "name": entry.job,
        "namespace": namespace,
        "uid": uid or entry.uid or f"uid-of-{entry.job}",
        "resourceVersion": str(version),
        "creationTimestamp": rfc3339(began),
        "annotations": {
            "dkron.io/execution": entry.id,
            "dkron.io/slot": rfc3339(entry.slot),
            "dkron.io/trigger": str(entry.trigger),
            "dkron.io/group": str(entry.group),
            "dkron.io/attempt": str(entry.attempt),
            **({"dkron.io/member": entry.member} if entry.member else {}),
            **({"dkron.io/node": entry.node_name} if entry.node_name else {}),
            **({"dkron.io/queued-at": rfc3339(entry.queued_at)} if entry.queued_at else {}),
        },
        "ownerReferences": [
            {"apiVersion": API_VERSION, "kind": "DkronJob", "uid": owner, "name": owner_name, "controller": True}
        ],
    }
    if deleting:
        metadata["deletionTimestamp"] = rfc3339(began)
    return {"metadata": metadata, "status": status or {}}


def ended(kind: str = "Complete", *, at: datetime = NOON, reason: str = "", message: str = "") -> Object:
    """The status of a Job that is over; `kind` is Complete or Failed."""
    return {
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": rfc3339(at), "reason": reason, "message": message}
        ]
    }


def wire_pod(
    *,
    name: str = "pod",
    containers: Sequence[str] = ("job",),
    states: Mapping[str, Object] | None = None,
    init_states: Mapping[str, Object] | None = None,
    reason: str = "",
    message: str = "",
    conditions: Sequence[Object] = (),
    node: str = "n1",
    created: datetime = NOON,
    phase: str = "",
    deleted: datetime | None = None,
    grace: int = 30,
    of: str = "",
) -> Object:
    """A pod of the Job `of`; `states` are of its containers by name. If it was `deleted`, it has `grace` seconds from
    then."""
    status: Object = {
        "containerStatuses": [{"name": key, "state": state} for key, state in (states or {}).items()],
        "initContainerStatuses": [{"name": key, "state": state} for key, state in (init_states or {}).items()],
        "conditions": list(conditions),
    }
    if reason:
        status |= {"reason": reason, "message": message}
    if phase:
        status["phase"] = phase
    metadata: Object = {"name": name, "creationTimestamp": rfc3339(created)}
    if deleted is not None:
        ends = rfc3339(deleted + timedelta(seconds=grace))
        metadata |= {"deletionTimestamp": ends, "deletionGracePeriodSeconds": grace}
    pod = {
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [{"name": key} for key in containers]},
        "status": status,
    }
    return of_job(pod, of) if of else pod


def of_job(pod: Object, job: str, *, uid: str = "") -> Object:
    """The pod, made the pod of this Job, whose uid is as in `wire_run` unless it is given."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid or f"uid-of-{job}", "controller": True}
    pod["metadata"] |= {"labels": {"batch.kubernetes.io/job-name": job}, "ownerReferences": [owner]}
    return pod


def terminated(
    code: int = 0, *, reason: str = "Completed", message: str = "", began: datetime = NOON, seconds: float = 5.0
) -> Object:
    """The state of a container that has ended `seconds` after it began."""
    state: Object = {
        "exitCode": code,
        "reason": reason,
        "startedAt": rfc3339(began),
        "finishedAt": rfc3339(began + timedelta(seconds=seconds)),
    }
    return {"terminated": {**state, "message": message} if message else state}


def claim(
    slot: datetime = NOON,
    *,
    attempt: int = 1,
    at: datetime | None = None,
    uid: str = UID,
    name: str = NAME,
    member: str = "",
    node: str = "",
) -> Attempt:
    """The claim of a scheduled slot: an entry whose Job was not seen yet. One that is pinned has its node's name."""
    cause = Cause(Trigger.SCHEDULE, slot, nanoseconds(slot), attempt, member or node)
    return cause.entry(uid=uid, name=name, at=slot if at is None else at, node=node)


def request_claim(request: str = "a", at: datetime = NOON, *, attempt: int = 1, due: datetime | None = None) -> Attempt:
    """The claim of a manual run, due when it was requested unless `due` says otherwise."""
    cause = replace(requested(request, at), attempt=attempt)
    return cause.entry(uid=UID, name=NAME, at=at if due is None else due)


def seen(entry: Attempt) -> Attempt:
    """The entry once its Job was seen."""
    return entry.model_copy(update={"uid": f"uid-of-{entry.job}", "state": AttemptState.RUNNING})


def run(entry: Attempt | None = None, state: AttemptState = AttemptState.RUNNING, **fields: Any) -> AttemptJob:
    """The Job of this entry (by default of the slot at noon) as the operator sees it."""
    entry = claim() if entry is None else entry
    over = state in (AttemptState.SUCCEEDED, AttemptState.FAILED)
    defaults: Object = {
        "namespace": NAMESPACE,
        "owner_name": NAME,
        "name": entry.job,
        "uid": f"uid-of-{entry.job}",
        "owner": UID,
        "version": 1,
        "id": entry.id,
        "slot": entry.slot,
        "trigger": entry.trigger,
        "group": entry.group,
        "attempt": entry.attempt,
        "created": entry.started_at,
        "member": entry.member,
        "node": entry.node_name,
        "queued_at": entry.queued_at,
        "finished_at": entry.started_at + timedelta(seconds=5) if over else None,
    }
    return AttemptJob(state=state, **{**defaults, **fields})


def execution(entry: Attempt | None = None, *, success: bool = True, seconds: float = 5.0, **fields: Any) -> Attempt:
    """The record of this entry, ended `seconds` after its start."""
    entry = claim() if entry is None else entry
    state = AttemptState.SUCCEEDED if success else AttemptState.FAILED
    finished = entry.started_at + timedelta(seconds=seconds)
    over = {"uid": "", "node_name": "", "queue": "", "evictions": 0, "given_up": "", "parameters_given": False}
    return entry.model_copy(update={**over, "state": state, "finished_at": finished, **fields})


def node(name: str, labels: Mapping[str, str] | None = None, *, available: bool = True) -> Node:
    """A node as the operator sees it."""
    return Node(name, labels or {}, available)


def nodes(*names: str, **labels: str) -> dict[str, Node]:
    """Nodes of these names that all have the same labels, as a situation has them."""
    return {name: node(name, labels) for name in names}


def outcome(*, success: bool = True, at: datetime = NOON, **fields: Any) -> Outcome:
    """How an attempt ended."""
    return Outcome(success=success, finished_at=at, **fields)


def situation(job: JobView | None = None, status: JobStatus | None = None, **fields: Any) -> Situation:
    """A job in force since noon, looked at when `now` says; able to fire all the time; a clean slate otherwise.

    `runs` may be given as a list; all that `status` says is written unless `persisted` says otherwise.
    """
    job = job_view() if job is None else job
    if status is None:
        schedule = None if job.problem else accepted_schedule(job.spec)
        status = JobStatus(since=job.created, fingerprint=job.fingerprint, accepted=schedule)
    runs = fields.pop("runs", ())
    by_name = runs if isinstance(runs, dict) else {r.name: r for r in runs}
    defaults: Object = {
        "persisted": status,
        "now": NOON,
        "fireable_since": job.created,
        "retention": timedelta(seconds=60),
        "outcomes": {},
        "pod_problems": {},
        "probed": {},
    }
    return Situation(job=job, status=status, attempts=by_name, **{**defaults, **fields})


def thirds_of_minutes() -> UndecidedSlots:
    """The undecided slots of a schedule with three slots a minute, from noon on."""
    return UndecidedSlots(Timeline(parse("*/20 * * * * *"), NOON, None, None), schedule=None)


def slot_name(slot: datetime) -> str:
    """The name of the Job of a scheduled slot."""
    return scheduled(slot).job_name(uid=UID, name=NAME)
