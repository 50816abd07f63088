"""Names of attempts: the Job's name follows from its cause, and the execution id from that name and its start.

The REST API can therefore name a requested run before the operator has created it. Pure. The names must never change.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAME_ROOM = 42
"""How many characters of the DkronJob's name fit: 63 for a label, minus ten digits of time, eight of hash, two
hyphens."""
LATE, EARLY = timedelta(minutes=10), timedelta(seconds=5)
"""A request may be this old, or this far ahead of the operator's clock, and still set the start time of its run."""


def job_name(
    *, uid: str, name: str, trigger: str, slot: datetime, group: int, attempt: int = 1, member: str = ""
) -> str:
    """Return the Job name for a cause, unique within the DkronJob with this uid and object name.

    Two attempts of a slot share its second, so the hash has to distinguish them. 32 bits make a collision very
    unlikely, and the operator compares a Job with its cause before it adopts it.
    """
    text = f"{uid}/{trigger}/{group}/{attempt}"
    if member:
        text += f"/{member}"
    seconds = nanoseconds(slot) // 1_000_000_000
    return f"{name[:NAME_ROOM]}-{seconds}-{sha256(text.encode()).hexdigest()[:8]}"


def execution_id(at: datetime, job: str) -> str:
    """Return the execution id of an attempt that starts at `at` as the Job `job`."""
    return f"{nanoseconds(at)}-{job}"


def started_at(execution_id: str) -> datetime:
    """When the attempt with this id started. Raises `ValueError` or `OverflowError` for what is no id."""
    return EPOCH + timedelta(microseconds=int(execution_id.partition("-")[0]) // 1000)


def start_of_request(at: datetime, now: datetime) -> datetime:
    """Return the start time of a run requested at `at`. It is the request's own time, so that the caller knows the
    execution id in advance, unless that time is implausible for a recent request; then it is `now`."""
    return at if now - LATE <= at <= now + EARLY else now


def nanoseconds(at: datetime) -> int:
    """Return nanoseconds since the epoch, exactly. A float cannot hold a current time in nanoseconds."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1000
