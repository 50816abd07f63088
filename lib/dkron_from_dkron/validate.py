"""Validates a job by itself: Dkron's checks in Dkron's order (behaviour §2.2); the first failure wins.

The routes check everything that needs other jobs (a missing parent, a cycle), and the API server everything that
needs Kubernetes.
"""

from collections.abc import Mapping

from dkron_crds.names import NAME_LENGTH, check_name
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.zones import load_zone
from dkron_crds.sizes import memory_bytes
from dkron_crds.spec import UINT32_MAX
from dkron_from_dkron.body import QUEUE_EXAMPLE, JobBody
from dkron_from_dkron.moments import instant

CONCURRENCIES = frozenset({"allow", "forbid", "replace", ""})
_CONCURRENCIES = f"allow, forbid or replace; with forbid and a queue, such as {QUEUE_EXAMPLE}, runs wait"
SHELL = frozenset({"shell", ""})
"""The values of `executor` that mean shell, which is also the default."""

MOST_ENTRIES = 1000
"""Maximum entries of an object in a job. The API server allows fewer, but needs seconds to reject a hundred
thousand."""
_LONGEST_DURATION = 256
"""Characters. No real duration is longer, and parsing a megabyte would take seconds."""


class Invalid(ValueError):
    """The job is invalid. `reason` is one readable sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(body: JobBody) -> None:
    """Raise Invalid for the first error in the job."""
    _check_name(body.name)
    if body.parent_job == body.name:
        raise Invalid(f"parent_job: {quoted(body.name)} cannot be its own parent; name another job or none")
    wrong_zone = _zone_problem(body.timezone)
    # With a zone that is known, the schedule is parsed only once.
    _check_schedule(body, "" if wrong_zone else body.timezone)
    if body.concurrency not in CONCURRENCIES:
        raise Invalid(f"concurrency: {quoted(body.concurrency)} is not known; use {_CONCURRENCIES}")
    if body.queue and body.concurrency != "forbid":
        raise Invalid('queue: only with concurrency "forbid" do runs wait; send that, or null as queue')
    if wrong_zone:
        raise Invalid(wrong_zone)
    if body.executor in SHELL:
        _check_shell(body.executor_config or {})
    _check_bounds(body)


def _check_name(name: str) -> None:
    if len(name) > NAME_LENGTH:
        raise Invalid(f"name: it has {len(name)} characters; at most {NAME_LENGTH} are allowed")
    try:
        check_name(name)
    except ValueError as exc:
        raise Invalid(f"name: {exc}") from None


def _check_schedule(body: JobBody, timezone: str) -> None:
    if not body.schedule:
        if not body.parent_job:
            raise Invalid("schedule: empty; set one, such as @every 1m, or set parent_job")
        return
    try:
        parse(body.schedule, timezone=timezone, name=body.name)
    except (ScheduleError, TimezoneError) as exc:
        reason = str(exc)
        raise Invalid(reason if reason.startswith("schedule: ") else f"schedule: {reason}") from None


def _zone_problem(timezone: str) -> str:
    try:
        load_zone(timezone)
    except TimezoneError as exc:
        return str(exc)
    return ""


def _check_shell(config: Mapping[str, str]) -> None:
    timeout, limit = config.get("timeout"), config.get("mem_limit")
    if timeout and not _is_duration(timeout):
        form = "a Go duration such as 30s, 5m or 1h30m"
        raise Invalid(f"executor_config: timeout {quoted(timeout)} is not a duration; use {form}")
    if limit:
        try:
            memory_bytes(limit)
        except ValueError as exc:
            raise Invalid(f"executor_config: mem_limit {exc}") from None


def _is_duration(text: str) -> bool:
    if len(text) > _LONGEST_DURATION:
        return False
    try:
        go_duration(text)
    except ScheduleError:
        return False
    return True


def _check_bounds(body: JobBody) -> None:
    maps = ("tags", body.tags), ("metadata", body.metadata), ("executor_config", body.executor_config)
    for field, entries in (*maps, ("processors", body.processors)):
        if entries is not None and len(entries) > MOST_ENTRIES:
            raise Invalid(f"{field}: it has {len(entries)} entries; no field may have more than {MOST_ENTRIES}")
    if body.retries > UINT32_MAX:
        raise Invalid(f"retries: {body.retries} is too many; use a whole number from 0 to {UINT32_MAX}")
    starts, expires = body.starts_at, body.expires_at
    if starts and expires and instant(starts) >= instant(expires):
        raise Invalid(f"expires_at: {expires} must be after starts_at, {starts}")
