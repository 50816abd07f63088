"""Translates a job of Dkron's /v1/jobs to a DkronJob, and says field by field what is lost or means something else.

The file comes from a Dkron, so its types are Dkron's; what is not is refused with a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from dkron_crds.job import DkronJob
from dkron_crds.known_settings import EXECUTOR_KEYS, Settings
from dkron_crds.names import API_VERSION, check_name, is_own_name, object_name
from dkron_crds.node_tags import TagError, read_tags
from dkron_crds.schedule import ScheduleError, TimezoneError, parse
from dkron_reports.words import one_line

Object = dict[str, Any]

FIELDS = {
    "displayname": "displayName", "owner": "owner", "owner_email": "ownerEmail", "schedule": "schedule",
    "timezone": "timezone", "disabled": "disabled", "concurrency": "concurrency", "retries": "retries",
    "parent_job": "parentJob", "tags": "tags", "metadata": "metadata", "executor": "executor",
    "executor_config": "executorConfig", "processors": "processors", "ephemeral": "ephemeral",
    "starts_at": "startsAt", "expires_at": "expiresAt",
}  # fmt: skip
COUNTERS = {
    "success_count": "successCount", "error_count": "errorCount", "last_success": "lastSuccess",
    "last_error": "lastError", "status": "status",
}  # fmt: skip
DERIVED = frozenset({"id", "name", "dependent_jobs", "next", "problem"})
UNZONED = ("@every", "@at", "@after", "@manually", "TZ=", "CRON_TZ=")
ZERO_YEAR = "0001-"


class Refused(ValueError):
    """The job cannot be taken over. `str()` is a sentence."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A DkronJob, its past as status fields, and a sentence for each point that a person has to look at."""

    job: Object
    past: Object = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def take(raw: object) -> Taken:
    """Return the DkronJob for a job of Dkron. Raises Refused."""
    if not isinstance(raw, Mapping):
        raise Refused(f"it is {type(raw).__name__}, not a job")
    name = str(raw.get("name") or "")
    try:
        check_name(name)
    except ValueError as error:
        raise Refused(str(error)) from None
    spec = {ours: raw[theirs] for theirs, ours in FIELDS.items() if raw.get(theirs) not in (None, "", False, 0, {})}
    spec = {key: _without_nulls(value) for key, value in spec.items()}
    if not is_own_name(name):
        spec["name"] = name
    job = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": object_name(name)}, "spec": spec}
    _check(job, name)
    return Taken(job, _past(raw), tuple(_remarks(raw, spec, name)))


def _check(job: Object, name: str) -> None:
    try:
        read = DkronJob.from_wire(job)
        if not read.spec.parents:
            parse(read.spec.schedule, timezone=read.spec.timezone, name=name)
        read_tags(read.spec.tags)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}") from None
    except (ScheduleError, TimezoneError, TagError) as error:
        raise Refused(str(error)) from None
    if read.spec.executor not in EXECUTOR_KEYS:
        raise Refused(f'executor: "{read.spec.executor}" is not known; use {", ".join(EXECUTOR_KEYS)}')


def _past(raw: Mapping[str, Any]) -> Object:
    past = {ours: raw[theirs] for theirs, ours in COUNTERS.items() if raw.get(theirs)}
    past = {key: value for key, value in past.items() if not str(value).startswith(ZERO_YEAR)}
    if raw.get("problem") or past.get("status") not in ("success", "failed", "partially_failed"):
        past.pop("status", None)
    return past


def _remarks(raw: Mapping[str, Any], spec: Object, name: str) -> list[str]:
    found = [
        f"{key}: left out, a DkronJob has no such field"
        for key, value in raw.items()
        if key not in FIELDS and key not in COUNTERS and key not in DERIVED and value not in (None, "", {}, [], False)
    ]
    if "name" in spec:
        found.append(f"name: the object is called {object_name(name)}, the job keeps its name in spec.name")
    schedule = str(spec.get("schedule") or "")
    if schedule and not spec.get("parentJob") and not spec.get("timezone") and not schedule.startswith(UNZONED):
        found.append("timezone: there is none, and the schedule is read in UTC; Dkron reads it in the server's zone")
    if not spec.get("tags"):
        found.append("tags: there are none, and the job runs once; Dkron runs it on every node")
    if spec.get("retries"):
        found.append("retries: they wait 1, 2, 4 … seconds (spec.retryBackoff); Dkron's follow at once")
    if spec.get("processors"):
        found.append("processors: where they send to is a setting of the DkronCluster")
    if spec.get("executor", "shell") == "shell" and "image" not in (spec.get("executorConfig") or {}):
        found.append("executor_config.image: the command runs in a container; name the image that has its programs")
    ignored = Settings(
        str(spec.get("executor") or "shell"), spec.get("executorConfig") or {}, spec.get("processors") or {}
    ).ignored(config="executor_config")
    return [one_line(each) for each in (*found, ignored) if each]


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return {key: "" if item is None else item for key, item in value.items()} if isinstance(value, dict) else value
