"""Imports a job of Dkron's /v1/jobs: translated as the REST API does, with a sentence for each field that is lost or
means something else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from dkron_crds.job import DkronJob
from dkron_crds.known_settings import EXECUTOR_KEYS, Settings
from dkron_crds.names import API_VERSION, object_name
from dkron_crds.node_tags import TagError, read_tags
from dkron_from_dkron.body import FIELDS, JobBody, read_object
from dkron_from_dkron.history import history
from dkron_from_dkron.spec import spec_of
from dkron_from_dkron.validate import Invalid, check
from dkron_from_dkron.values import Unreadable, as_pairs
from dkron_reports.words import one_line

Object = dict[str, Any]

UNZONED = ("@every", "@at", "@after", "@manually", "TZ=", "CRON_TZ=")
RESULTS = frozenset({"success", "failed", "partially_failed"})


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
    try:
        body = read_object(as_pairs(raw))
        check(body)
    except (Unreadable, Invalid) as error:
        raise Refused(error.reason) from None
    spec = spec_of(body)
    job = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": object_name(body.name)}, "spec": spec}
    _check(job)
    return Taken(job, _past(body), tuple(_remarks(raw, spec, body.name)))


def _check(job: Object) -> None:
    """Raise Refused for what the custom resource does not allow."""
    try:
        read = DkronJob.from_wire(job)
        read_tags(read.spec.tags)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Refused(f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}") from None
    except TagError as error:
        raise Refused(str(error)) from None
    if read.spec.executor not in EXECUTOR_KEYS:
        raise Refused(f'executor: "{read.spec.executor}" is not known; use {", ".join(EXECUTOR_KEYS)}')


def _past(body: JobBody) -> Object:
    """Return the past without zeros, and without a state that no run had."""
    found = {key: value for key, value in history(body).items() if value}
    if found.get("status") not in RESULTS:
        found.pop("status", None)
    return found


def _remarks(raw: Mapping[str, Any], spec: Object, name: str) -> list[str]:
    found = [
        f"{key}: left out, a DkronJob has no such field"
        for key, value in raw.items()
        if key.lower() not in FIELDS and value not in (None, "", {}, [], False)
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
