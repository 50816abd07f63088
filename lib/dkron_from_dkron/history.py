"""The history of a job in a backup: its validation, and the status fields made from it (Dkron behaviour §1.8). Values
that the custom resource accepts but cannot continue counting from are rejected here, before anything is stored.
"""

from datetime import UTC, datetime
from typing import Any, Final

from dkron_crds.job import GroupStatus
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.moments import instant
from dkron_from_dkron.validate import Invalid

MOST_COUNTED: Final = 2**53 - 1
"""The largest number that every JSON client reads exactly. A job that runs each microsecond would reach it after 285
years, so counting can continue from it."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATUSES: Final = tuple(each.value for each in GroupStatus)


def check_history(body: JobBody) -> None:
    """Raise Invalid for the first impossible field."""
    for field, count in (("success_count", body.success_count), ("error_count", body.error_count)):
        if not 0 <= count <= MOST_COUNTED:
            raise Invalid(f"{field}: {count} is not allowed; use a whole number from 0 to {MOST_COUNTED}")
    for field, time in (("last_success", body.last_success), ("last_error", body.last_error)):
        if time is not None and instant(time) < EARLIEST:
            raise Invalid(f"{field}: {quoted(time)} is not allowed; use null or a time since 1970")
    if body.status not in _STATUSES:
        allowed = ", ".join(filter(None, _STATUSES))
        raise Invalid(f"status: {quoted(body.status)} is not known; use {allowed}, or leave it empty")


def history(body: JobBody) -> dict[str, Any]:
    """Return the status fields that a new job takes over; empty if it never ran."""
    told = {
        "successCount": body.success_count,
        "errorCount": body.error_count,
        "lastSuccess": body.last_success,
        "lastError": body.last_error,
        # The status shown for a job that cannot run is not the outcome of its last run.
        "status": "" if body.problem else body.status,
    }
    return {key: value for key, value in told.items() if value not in (None, "")} if any(told.values()) else {}
