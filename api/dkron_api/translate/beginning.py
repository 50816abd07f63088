"""Attempts that have begun and that the status of their DkronJob does not show yet.

The operator writes the beginning of a short attempt together with its end, so until then its Job is the only record
(architecture, "Writes of a status"), or all that is known beyond a claim. That holds for the first attempts of
scheduled slots, whose Jobs are named after the slot.
"""

from datetime import datetime, timedelta

from dkron_api.translate.record import Beginning, Job, Object
from dkron_crds import job_metadata as marks
from dkron_crds.attempt_names import execution_id, job_name, nanoseconds, started_at
from dkron_crds.attempt_state import CLAIMS
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, Trigger
from dkron_crds.owners import controller_of, is_dkron_job
from dkron_crds.requests import read_instant
from dkron_reports.reading import objects

SCHEDULE = Trigger.SCHEDULE.value
AHEAD = timedelta(minutes=1)
"""A Job is not created before its slot, but clocks differ."""
MOST = 64
"""Beginnings of one DkronJob that are shown before its status shows them."""


def read_beginning(job: Object) -> Beginning | None:
    """Read the metadata of a Job. None if it is not the first attempt of a slot under the name that the operator gives
    it: anyone who may create Jobs may give them any annotations."""
    try:
        return _read(job["metadata"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _read(metadata: Object) -> Beginning | None:
    told = metadata["annotations"]
    owner = controller_of({"metadata": metadata})
    slot = read_instant(told[marks.SLOT])
    if not is_dkron_job(owner) or slot is None or told[marks.TRIGGER] != SCHEDULE:
        return None
    uid, group, member = owner["uid"], nanoseconds(slot), told.get(marks.MEMBER, "")
    name = job_name(uid=uid, name=owner["name"], trigger=SCHEDULE, slot=slot, group=group, member=member)
    execution, created = told[marks.EXECUTION], datetime.fromisoformat(metadata["creationTimestamp"])
    begun = started_at(execution)
    if (metadata["name"], execution) != (name, execution_id(begun, name)) or slot > created + AHEAD:
        return None
    entry: Object = {
        "id": execution, "job": name, "state": AttemptState.RUNNING, "uid": metadata["uid"],
        "slot": rfc3339(slot), "trigger": SCHEDULE,
        "group": group, "attempt": 1, "startedAt": rfc3339(begun), "nodeName": told.get(marks.NODE, ""),
        "member": member, **_wait(metadata, begun),
    }  # fmt: skip
    Attempt.from_wire(entry)
    return Beginning(uid, metadata["namespace"], slot, entry)


def _wait(metadata: Object, begun: datetime) -> Object:
    """Return that the Job waits in a queue of Kueue. It is created suspended, and its generation grows when Kueue
    admits it: the metadata tells both."""
    queue = (metadata.get("labels") or {}).get(marks.KUEUE_QUEUE)
    if not queue or metadata.get("generation") != 1:
        return {}
    return {"state": AttemptState.QUEUED, "queue": queue, "queuedAt": rfc3339(begun)}


def with_beginning(job: Job, further: Beginning) -> Job:
    """Return the job as if its status showed the attempt as it is now; the same object if it does, or if too many are
    to come."""
    others = tuple(each for each in job.begun if each.entry["job"] != further.entry["job"])
    if further in job.begun or len(others) >= MOST or _is_told(job, further):
        return job
    return job.with_beginnings((*others, further))


def carried(before: Job, after: Job) -> Job:
    """Return a later version of a job with the attempts of the one before that its status does not show either. An
    attempt may have ended meanwhile, and its Job may be gone, but its record is yet to be written."""
    begun = tuple(each for each in before.begun if not _is_told(after, each))
    return after.with_beginnings(begun) if begun else after


def _is_told(job: Job, beginning: Beginning) -> bool:
    """Whether the status of the job says what became of the slot, by more than a claim without a Job. One that was
    wiped says nothing, and the Jobs of old slots would look as if they had just begun."""
    status = job.stored.raw_status
    mark = read_instant(str(status.get("lastScheduleTime") or status.get("since") or ""))
    if mark is not None and beginning.slot > mark:
        return False
    name = beginning.entry["job"]
    return not any(each.get("job") == name and each.get("state") in CLAIMS for each in objects(status, "active"))
