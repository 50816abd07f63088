"""Parse raw API objects into views. Everything is checked here, once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from dkron_checks.checks import known, of_settings, read_schedule, settings_of
from dkron_crds import job_metadata as marks
from dkron_crds.base import first_problem
from dkron_crds.bounds import unreadable
from dkron_crds.job import AttemptState, JobSpec, JobStatus, ReadyReason, Trigger
from dkron_crds.names import ACCEPTED
from dkron_crds.node_tags import DKRONS, AgentTags, read_agent
from dkron_crds.owners import controller_of, is_dkron_job
from dkron_crds.packed import packed
from dkron_crds.requests import Request, read_instant, read_request
from dkron_crds.stops import Stop, read_stop
from dkron_crds.traceparent import ANNOTATION, read_traceparent
from dkron_operator.notifications.notices import read_notify
from dkron_operator.plan.situation.packed_spec import packed_spec
from dkron_operator.plan.situation.spec_check import SpecCheck
from dkron_operator.plan.situation.view import AttemptJob, JobView, Node
from dkron_pods.problem import Problem

Object = Mapping[str, Any]
FOREVER_AGO = datetime.min.replace(tzinfo=UTC)
SHORT = 1024
"""Bytes of JSON up to which equal specs are read once."""
_DEFAULTS = JobSpec().model_dump(mode="json", by_alias=True, exclude_none=True)
_NOTHING: Mapping[str, str] = {}
"""The labels and annotations of all objects that have none."""


@dataclass(frozen=True, slots=True)
class _ReadSpec:
    """A spec, and all that follows from it whatever the name of the job is."""

    spec: JobSpec
    """Packed, and without the settings that mean nothing here."""

    fingerprint: str
    problem: Problem | None
    ignored: str = ""
    unknown: Problem | None = None


def read_job(body: Object) -> JobView:
    """Read a DkronJob. Faults of its spec become its `problem`; no object that the API server stores fails."""
    metadata, raw = body["metadata"], body.get("spec") or {}
    read = _read_spec(raw)
    problem = read.problem
    if cut := unreadable(body):
        # The rest of the spec stays as written, so the history limits in it still hold.
        problem = _unreadable(cut)
    # Also for a spec that cannot be read: the name distinguishes the job from others.
    name = str(raw.get("name") or metadata["name"])
    schedule, schedule_problem = read_schedule(read.spec, name)
    edited_at, edited_by = read_edit(metadata)
    return JobView(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        dkron_name=name,
        generation=metadata.get("generation", 0),
        created=_read_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        accepted=is_accepted(metadata),
        status_written=status_written(metadata),
        requests=read_requests(metadata),
        stops=read_stops(metadata),
        spec=read.spec,
        schedule=schedule,
        unread=problem or schedule_problem,
        check=SpecCheck(read.spec, schedule, name=name),
        fingerprint=read.fingerprint,
        ignored=read.ignored,
        unknown=read.unknown,
        notify=packed(read_notify(metadata)),
        labels=read_labels(metadata),
        edited_at=edited_at,
        edited_by=edited_by,
    )


def unreadable_job(body: Object, why: str) -> JobView:
    """A DkronJob that can be identified, but not read. It runs nothing until the object changes."""
    metadata, spec = body["metadata"], body.get("spec")
    given = spec.get("name") if isinstance(spec, Mapping) else None
    return JobView(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        dkron_name=str(given or metadata["name"]),
        generation=metadata.get("generation", 0),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        accepted=is_accepted(metadata),
        status_written=status_written(metadata),
        requests=(),
        stops=(),
        spec=JobSpec(),
        schedule=None,
        unread=_unreadable(why),
        fingerprint=JobSpec().fingerprint,
    )


def _unreadable(why: str) -> Problem:
    return Problem(ReadyReason.UNREADABLE, f"the job cannot be read: {why}")


def read_requests(metadata: Object) -> tuple[Request, ...]:
    """The runs that users requested by annotation, in the order of their times."""
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    found = (read_request(key, text) for key, text in annotations.items())
    requests = (request for request in found if request is not None)
    return tuple(sorted(requests, key=lambda request: (request.at or FOREVER_AGO, request.id)))


def read_stops(metadata: Object) -> tuple[Stop, ...]:
    """The stops that users requested by annotation."""
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    found = (read_stop(key, text) for key, text in sorted(annotations.items()))
    return tuple(stop for stop in found if stop is not None)


def read_labels(metadata: Object) -> Mapping[str, str]:
    """The labels of an object."""
    given = metadata.get("labels")
    labels: Mapping[str, str] = packed(dict(given)) if given else _NOTHING
    return labels


def read_status(body: Object) -> JobStatus | None:
    """The status of a DkronJob; None if it cannot be read, which counts as wiped."""
    try:
        return JobStatus.from_wire(body.get("status") or {})
    except (ValidationError, OverflowError, RecursionError):
        return None


def read_attempt(body: Object) -> AttemptJob | None:
    """A Job that the operator created; None if it is not one (no DkronJob controls it, or its annotations are missing
    or invalid)."""
    metadata, owner = body["metadata"], controller_of(body)
    if not is_dkron_job(owner):
        return None
    try:
        attempt = _with_queue(_read_attempt(metadata, body.get("status") or {}, owner), body)
        # A Job that cannot become an entry in status is not one of ours.
        attempt.entry(attempt.began)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    return attempt


def is_named_after_its_cause(attempt: AttemptJob) -> bool:
    """Whether the Job has the name that the operator gives it. A Job with another name was not created by the operator,
    whatever its owner and its slot are."""
    return attempt.cause.names(attempt.name, uid=attempt.owner, name=attempt.owner_name)


def _read_attempt(metadata: Object, status: Object, owner: Object) -> AttemptJob:
    notes = metadata.get("annotations") or {}
    slot = read_instant(notes[marks.SLOT])
    if slot is None:
        raise ValueError("dkron.io/slot is not a time")
    state, pending, finished_at, reason, message = _job_state(status)
    return AttemptJob(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        owner=owner["uid"],
        owner_name=owner["name"],
        version=int(metadata["resourceVersion"]),
        id=notes[marks.EXECUTION],
        slot=slot,
        trigger=Trigger(notes[marks.TRIGGER]),
        group=int(notes[marks.GROUP]),
        attempt=int(notes[marks.ATTEMPT]),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        state=state,
        pending=pending,
        finished_at=finished_at,
        reason=reason,
        message=message,
        deleting="deletionTimestamp" in metadata,
        deleted_at=_deleted_at(metadata),
        member=notes.get(marks.MEMBER, ""),
        node=notes.get(marks.NODE, ""),
        trace=read_traceparent(notes.get(ANNOTATION, "")),
        requested_by=notes.get(marks.OF_RUN, ""),
        parameters_given=marks.WITH_PARAMETERS in notes,
        queued_at=read_instant(notes.get(marks.QUEUED_AT, "")),
    )


def _with_queue(attempt: AttemptJob, body: Object) -> AttemptJob:
    """The Job with its place in Kueue, if it has one."""
    queue, status = (body["metadata"].get("labels") or {}).get(marks.KUEUE_QUEUE), body.get("status") or {}
    if not queue:
        return attempt
    if (body.get("spec") or {}).get("suspend") and not attempt.finished:
        return replace(attempt, queue=queue, state=AttemptState.QUEUED, pending=False)
    started = status.get("startTime")
    return replace(attempt, queue=queue, admitted_at=datetime.fromisoformat(started) if started else None)


def _deleted_at(metadata: Object) -> datetime | None:
    at = metadata.get("deletionTimestamp")
    grace = timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
    return datetime.fromisoformat(at) - grace if at else None


def read_node(body: Object, own: AgentTags = DKRONS) -> Node:
    """Read a node. `own` are the tags that it has without a label."""
    agent = read_agent(body, own)
    addresses = (body.get("status") or {}).get("addresses") or ()
    # Names of hosts are among them.
    found = frozenset(str(each.get("address")) for each in addresses)
    return Node(agent.name, agent.tags, available=agent.available, addresses=found)


def _read_spec(raw: Object) -> _ReadSpec:
    # The API server writes every default into the object. Each job would keep a copy of these.
    given = {key: value for key, value in raw.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}
    try:
        text = to_json(given, inf_nan_mode="constants")
    except ValueError:
        # Text that is not Unicode.
        return _checked_spec(given)
    return _shared_spec(text) if len(text) <= SHORT else _checked_spec(given)


@lru_cache(maxsize=1024)
def _shared_spec(text: bytes) -> _ReadSpec:
    return _checked_spec(from_json(text))


def _checked_spec(raw: Object) -> _ReadSpec:
    try:
        given = JobSpec.from_wire(dict(raw))
    except ValidationError as exc:
        spec = JobSpec()
        return _ReadSpec(spec, spec.fingerprint, Problem(ReadyReason.INVALID_SPEC, f"spec.{first_problem(exc)}"))
    spec = known(given)
    read = _ReadSpec(packed_spec(spec), spec.fingerprint, None)
    if spec is given:
        return read
    return replace(read, ignored=settings_of(given).ignored(), unknown=next(of_settings(given), None))


def is_accepted(metadata: Object) -> bool:
    """Whether an operator has accepted this very object. A copy of another object carries that object's uid."""
    return bool((metadata.get("annotations") or {}).get(ACCEPTED) == metadata["uid"])


def status_written(metadata: Object) -> bool:
    """Whether any client has ever written the status. The API server keeps a record of each writer in managedFields
    until the status is removed as a whole."""
    return any(entry.get("subresource") == "status" for entry in metadata.get("managedFields") or ())


def read_edit(metadata: Object) -> tuple[datetime | None, str]:
    """When the spec was last written, and by which field manager; None and empty if the object does not say."""
    managers = [
        entry
        for entry in metadata.get("managedFields") or ()
        if "f:spec" in (entry.get("fieldsV1") or {}) and not entry.get("subresource") and entry.get("time")
    ]
    newest = max(managers, key=lambda entry: str(entry["time"]), default=None)
    if newest is None:
        return None, ""
    return _read_time(newest["time"]), str(newest.get("manager", ""))


# Most objects were created and last edited in the same second.
@lru_cache(maxsize=1024)
def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _job_state(status: Object) -> tuple[AttemptState, bool, datetime | None, str, str]:
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            state = AttemptState.SUCCEEDED if condition["type"] == "Complete" else AttemptState.FAILED
            ended = status.get("completionTime") or condition.get("lastTransitionTime")
            finished = datetime.fromisoformat(ended) if ended else None
            return state, False, finished, str(condition.get("reason") or ""), str(condition.get("message") or "")
    # A pod that has ended is not ready either, and waits to be counted.
    ended = any((status.get("uncountedTerminatedPods") or {}).values())
    return AttemptState.RUNNING, not (status.get("ready") or ended), None, "", ""
