"""Imports a job of Dkron's /v1/jobs: translated as the REST API does, with a sentence for each field that is lost or
means something else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dkron_cli.core.faults import faults
from dkron_crds.names import API_VERSION, object_name
from dkron_from_dkron.body import FIELDS, JobBody, read_object
from dkron_from_dkron.history import history
from dkron_from_dkron.spec import spec_of
from dkron_from_dkron.values import Unreadable, as_pairs
from dkron_reports.words import one_line

Object = dict[str, Any]

ZONES = ("TZ=", "CRON_TZ=")
UNZONED = ("@every", "@at", "@after", "@manually", *ZONES)
LOCAL = "Local"
RESULTS = frozenset({"success", "failed", "partially_failed"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A DkronJob, its past as status fields, why it cannot be taken over, and a sentence for each point that a person
    has to look at."""

    job: Object = field(default_factory=dict)
    past: Object = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def convert(raw: object) -> Taken:
    """Return the DkronJob for a job of Dkron, or why there is none."""
    if not isinstance(raw, Mapping):
        return Taken(faults=(f"it is {type(raw).__name__}, not a job",))
    try:
        body = read_object(as_pairs(raw))
    except Unreadable as error:
        return Taken(faults=(error.reason,))
    spec = spec_of(body)
    job = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": object_name(body.name)}, "spec": spec}
    return Taken(job, _past(body), tuple(faults(job)), tuple(_remarks(raw, spec, body.name)))


def _past(body: JobBody) -> Object:
    """Return the past without zeros, and without a state that no run had."""
    found = {key: value for key, value in history(body).items() if value}
    if found.get("status") not in RESULTS:
        found.pop("status", None)
    return found


def _remarks(raw: Mapping[str, Any], spec: Object, name: str) -> list[str]:
    found = [
        f"{key}: left out, because a DkronJob has no field of this name"
        for key, value in raw.items()
        if key.lower() not in FIELDS and value not in (None, "", {}, [], False)
    ]
    if "name" in spec:
        found.append(f"name: the object gets the name {object_name(name)}; spec.name keeps the name of the job")
    schedule = str(spec.get("schedule") or "")
    by_clock = schedule and not spec.get("parentJob") and not schedule.startswith(UNZONED)
    if by_clock and not spec.get("timezone"):
        found.append("timezone: none, so the schedule is in UTC; Dkron uses the server's zone")
    elif (by_clock and spec["timezone"] == LOCAL) or schedule.startswith(tuple(f"{zone}{LOCAL} " for zone in ZONES)):
        found.append("timezone: Local means UTC here; Dkron uses the server's zone. Name the zone")
    if not spec.get("tags"):
        found.append("tags: none, so the job runs once; Dkron runs it on every node")
    if spec.get("retries"):
        found.append("retries: they wait 1, 2, 4 … seconds (spec.retryBackoff); Dkron retries at once")
    if spec.get("processors"):
        found.append("processors: the DkronCluster sets their receivers")
    if spec.get("executor", "shell") == "shell" and "image" not in (spec.get("executorConfig") or {}):
        found.append("executor_config.image: the command runs in a container; name an image that has its programs")
    return [one_line(each) for each in found]
