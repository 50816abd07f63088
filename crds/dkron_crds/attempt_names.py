"""What an attempt is called: the name of its Job follows from its cause, and its id from that and its start.

So the REST API can name a run that was asked for before the operator has made it. Pure, and stable for ever.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAME_ROOM = 42
"""How much of the DkronJob's name fits: 63 for a label, less ten digits of time, eight of hash and two hyphens."""
LATE, EARLY = timedelta(minutes=10), timedelta(seconds=5)
"""How old a request may be, and how far ahead of the operator's clock, to count as the start of its run."""


def job_name(
    *, uid: str, name: str, trigger: str, slot: datetime, group: int, attempt: int = 1, member: str = ""
) -> str:
    """The name of the Job for a cause, unique to the DkronJob with this uid and object name.

    Two attempts of a slot share its second, so the hash has to tell them apart: 32 bits of it make that as good
    as certain, and a Job that is adopted is compared with its cause all the same.
    """
    text = f"{uid}/{trigger}/{group}/{attempt}"
    if member:
        text += f"/{member}"
    seconds = nanoseconds(slot) // 1_000_000_000
    return f"{name[:NAME_ROOM]}-{seconds}-{sha256(text.encode()).hexdigest()[:8]}"


def execution_id(at: datetime, job: str) -> str:
    """The id of an attempt that starts at this time as the Job of this name."""
    return f"{nanoseconds(at)}-{job}"


def start_of_request(at: datetime, now: datetime) -> datetime:
    """When a run starts that was asked for `at` this time: then, so that whoever asked knows its id. A time that no
    clock can have told a moment ago is not believed."""
    return at if now - LATE <= at <= now + EARLY else now


def nanoseconds(at: datetime) -> int:
    """Since the epoch, exactly (a float has no room for today's nanoseconds)."""
    return (at - EPOCH) // timedelta(microseconds=1) * 1000
