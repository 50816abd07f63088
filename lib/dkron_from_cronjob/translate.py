"""Translates one CronJob to a DkronJob that runs the same Jobs, and lists what it cannot carry over or what changes
its meaning.

docs/migrate-from-cronjob.md describes the translation field by field.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dkron_crds.names import API_VERSION
from dkron_crds.schedule import ScheduleError, TimezoneError, parse

Object = dict[str, Any]

ZONES = ("TZ=", "CRON_TZ=")
RETRIES_WITHIN_A_JOB = 6
RETRIES_OF_EACH_INDEX = 2**31 - 1
"""Kubernetes' defaults for a Job without backoffLimit: without and with backoffLimitPerIndex."""
MOST_KEPT = 100
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
FORBID = "with forbid, a slot that comes due while a run is active is skipped; a CronJob starts it when that run ends"
AS_THE_IMAGE_SAYS = (
    "runAsNonRoot: false is set, so that its containers run as before, as their images say; if they need no root, "
    "remove it, and they run as user 65532, restricted"
)
WITH_CREDENTIALS = (
    "automountServiceAccountToken: true is set, so that its pod gets a token of its service account as before; if it "
    "does not call the API server, remove it"
)
NO_ZONE = (
    "timeZone is not set: the DkronJob reads the schedule in UTC, the CronJob in the zone of kube-controller-manager"
)

CARRIED = frozenset(
    {
        "schedule", "timeZone", "startingDeadlineSeconds", "concurrencyPolicy", "suspend", "jobTemplate",
        "successfulJobsHistoryLimit", "failedJobsHistoryLimit",
    }
)  # fmt: skip
OF_THE_SERVER = frozenset(
    {"creationTimestamp", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
KEPT = frozenset({"name", "namespace", "labels", "annotations"})
"""In the metadata of a template, name and namespace are ignored: the Jobs of a CronJob have generated names."""


class Refused(ValueError):
    """The input is not a CronJob, or is one that no API server would accept."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A DkronJob, and a sentence for each point that needs a person's attention."""

    job: Object
    remarks: list[str] = field(default_factory=list)


def translate(cronjob: Object) -> Translation:
    """Return the DkronJob for a CronJob of batch/v1. Raises Refused."""
    result = Translation({"apiVersion": API_VERSION, "kind": "DkronJob"})
    spec = _object(cronjob, "spec")
    result.job["metadata"] = _metadata(_object(cronjob, "metadata"), result.remarks)
    result.job["spec"] = _timing(spec, result.remarks) | {
        "executor": "kubernetes",
        "jobTemplate": _template(_object(spec, "jobTemplate"), result.remarks),
        **_history(spec, result.remarks),
    }
    result.remarks.extend(_left_out(spec, "spec", CARRIED))
    return result


def schedule(text: str) -> str:
    """Convert a schedule of five fields to six. Descriptors and a zone in front stay as they are."""
    words = text.split()
    zone = words[:1] if words and words[0].startswith(ZONES) else []
    fields = words[len(zone) :]
    seconds = [] if fields and fields[0].startswith("@") else ["0"]
    return " ".join([*zone, *seconds, *fields])


def _metadata(metadata: Object, remarks: list[str]) -> Object:
    name = str(metadata.get("name") or "")
    if not name:
        raise Refused("metadata.name is missing")
    kept = {key: value for key, value in metadata.items() if key in KEPT and value}
    if "." in name:
        kept["name"] = name.replace(".", "-")
        remarks.append(f"renamed to {kept['name']}: the name of a DkronJob cannot contain a dot")
    annotations = {key: value for key, value in _object(metadata, "annotations").items() if key != LAST_APPLIED}
    kept.pop("annotations", None)
    remarks.extend(_left_out(metadata, "metadata", KEPT | OF_THE_SERVER))
    return kept | ({"annotations": annotations} if annotations else {})


def _timing(spec: Object, remarks: list[str]) -> Object:
    text, zone = schedule(str(spec.get("schedule") or "")), str(spec.get("timeZone") or "")
    try:
        parse(text, timezone=zone)
    except (ScheduleError, TimezoneError) as wrong:
        raise Refused(f"spec: {wrong}") from wrong
    if not zone and not text.startswith((*ZONES, "@every")):
        remarks.append(NO_ZONE)
    concurrency = str(spec.get("concurrencyPolicy") or "Allow").lower()
    if concurrency == "forbid":
        remarks.append(FORBID)
    deadline = _number(spec, "startingDeadlineSeconds")
    if deadline == 0:
        remarks.append("startingDeadlineSeconds is set to 1: 0 is not allowed")
    return {
        "schedule": text,
        **({"timezone": zone} if zone else {}),
        **({"disabled": True} if spec.get("suspend") else {}),
        **({"concurrency": concurrency} if concurrency != "allow" else {}),
        **({} if deadline is None else {"startingDeadlineSeconds": max(1, deadline)}),
    }


def _history(spec: Object, remarks: list[str]) -> Object:
    names = {"successfulJobsHistoryLimit": "successfulJobs", "failedJobsHistoryLimit": "failedJobs"}
    numbers = {name: _number(spec, old) for old, name in names.items()}
    given = {name: kept for name, kept in numbers.items() if kept is not None}
    too_many = [f"history.{name} is set to {MOST_KEPT}, the maximum" for name in given if given[name] > MOST_KEPT]
    remarks.extend(too_many)
    return {"history": {name: min(MOST_KEPT, kept) for name, kept in given.items()}} if given else {}


def _template(template: Object, remarks: list[str]) -> Object:
    metadata, spec = _object(template, "metadata"), dict(_object(template, "spec"))
    if spec.pop("ttlSecondsAfterFinished", None) is not None:
        remarks.append("ttlSecondsAfterFinished is dropped: history decides how long Jobs are kept")
    if isinstance(spec.get("template"), dict) and isinstance(spec["template"].get("spec"), dict):
        pod = _as_before(spec["template"]["spec"], remarks)
        spec["template"] = {**spec["template"], "spec": pod}
    by_index = spec.get("backoffLimitPerIndex") is not None
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = RETRIES_OF_EACH_INDEX if by_index else RETRIES_WITHIN_A_JOB
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    remarks.extend(_left_out(metadata, "jobTemplate.metadata", KEPT | OF_THE_SERVER))
    return {**({"metadata": kept} if kept else {}), "spec": spec}


def _as_before(pod: Object, remarks: list[str]) -> Object:
    """The pod with what a CronJob did without saying it: the operator restricts pods unless their template says
    otherwise."""
    if _leaves_user_open(pod):
        remarks.append(AS_THE_IMAGE_SAYS)
        pod = {**pod, "securityContext": {**(pod.get("securityContext") or {}), "runAsNonRoot": False}}
    account = pod.get("serviceAccountName") or pod.get("serviceAccount")
    if account and pod.get("automountServiceAccountToken") is None:
        remarks.append(WITH_CREDENTIALS)
        pod = {**pod, "automountServiceAccountToken": True}
    return pod


def _leaves_user_open(pod: Object) -> bool:
    """Whether a container of the pod runs as its image says, because no field says more about that."""
    contexts = [_object(each, "securityContext") for each in (pod, *_containers(pod))]
    said = [any(context.get(key) is not None for key in ("runAsUser", "runAsNonRoot")) for context in contexts]
    return not said[0] and not all(said[1:])


def _containers(pod: Object) -> Iterator[Object]:
    for kind in ("initContainers", "containers"):
        containers = pod.get(kind) or []
        if not isinstance(containers, list) or not all(isinstance(each, dict) for each in containers):
            raise Refused(f"{kind} has to be a list of objects")
        yield from containers


def _left_out(given: Mapping[str, Any], path: str, known: frozenset[str]) -> list[str]:
    return [f"{path}.{key} is dropped: a DkronJob has no field of this name" for key in given if key not in known]


def _object(parent: Mapping[str, Any], key: str) -> Object:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{key} has to be an object")
    return value


def _number(parent: Mapping[str, Any], key: str) -> int | None:
    value = parent.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise Refused(f"{key} has to be a whole number")
    return value
