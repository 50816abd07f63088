"""A DkronJob as the API keeps it: the object as the API server sent it, read when it is asked for.

Ten thousand jobs with their executions are a few hundred megabytes as models and a fraction of that as they came, and
most are rendered once and never looked at again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from dkron_crds.base import WireModel
from dkron_crds.job import Day, JobSpec, JobStatus
from dkron_crds.requests import RUN_PREFIX

Object = dict[str, Any]
M = TypeVar("M", bound=WireModel)

FIELD_MANAGER = "dkron-api"
"""Under this name the API server remembers what was written through REST."""
BY_HAND = frozenset({"kubectl-create", "kubectl-edit", "kubectl-patch", "kubectl-replace", "kubectl"})
"""Who wrote once and will not write the same again: nobody who has to be asked."""
_LISTS = frozenset({"executions", "active", "counted", "conditions", "days"})
DEFAULTS = JobSpec().model_dump(mode="json", by_alias=True)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Job:
    """One DkronJob at one resource version."""

    __slots__ = ("created", "generation", "name", "namespace", "object_name", "owners", "raw", "uid", "version")

    def __init__(self, raw: Object) -> None:
        metadata = raw["metadata"]
        self.raw = raw
        self.uid: str = metadata["uid"]
        self.namespace: str = metadata["namespace"]
        self.object_name: str = metadata["name"]
        self.name: str = raw["spec"].get("name") or metadata["name"]
        self.version = int(metadata["resourceVersion"])
        self.generation: int = metadata.get("generation", 0)
        self.created = datetime.fromisoformat(metadata["creationTimestamp"])
        self.owners = owners(raw)

    @property
    def spec(self) -> JobSpec:
        """What was asked for."""
        return lenient(JobSpec, self.raw["spec"])

    @property
    def status(self) -> JobStatus:
        """What became of it."""
        return lenient(JobStatus, self.raw_status)

    @property
    def raw_status(self) -> Object:
        """The status as it came."""
        return self.raw.get("status") or {}

    @property
    def summary(self) -> JobStatus:
        """The status without its lists of attempts, which are most of it."""
        return lenient(JobStatus, {key: value for key, value in self.raw_status.items() if key not in _LISTS})

    @property
    def days(self) -> tuple[Day, ...]:
        """`status.days` alone: totals ask all jobs for it."""
        return lenient(JobStatus, {"days": self.raw_status.get("days") or []}).days

    @property
    def parent(self) -> str:
        """Dkron name of the job after which this one runs, of several the first; empty if there is none."""
        return next(iter(self.parents), "")

    @property
    def parents(self) -> tuple[str, ...]:
        """Dkron names of all jobs after which this one runs. Only the custom resource can name several."""
        spec = self.raw["spec"]
        several = tuple(str(each.get("job") or "") for each in spec.get("dependsOn") or ())
        return several or tuple(filter(None, [str(spec.get("parentJob") or "")]))

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of the object."""
        return self.raw["metadata"].get("annotations") or {}

    @property
    def busy(self) -> bool:
        """Whether an attempt runs or waits, or a run was asked for that nobody has looked at yet."""
        return bool(self.raw_status.get("active")) or any(key.startswith(RUN_PREFIX) for key in self.annotations)


def kept(raw: Object) -> Job:
    """The job to be kept: the record of who wrote what is longer than the rest, and read by now."""
    job = Job(raw)
    raw["metadata"].pop("managedFields", None)
    return job


def owners(raw: Object) -> dict[str, str]:
    """Who else keeps which field of the spec as a file of theirs says: top-level field to field manager.

    A manifest that is applied again (by Argo CD, Flux, helm or a person's `kubectl apply`) would undo what REST
    changes. Fields that only a default has set are nobody's.
    """
    metadata, spec = raw["metadata"], raw["spec"]
    found: dict[str, str] = {}
    applied = _last_applied(metadata)
    for entry in metadata.get("managedFields") or ():
        manager = entry.get("manager", "")
        fields = (entry.get("fieldsV1") or {}).get("f:spec")
        if not fields or entry.get("subresource") or manager == FIELD_MANAGER or manager in BY_HAND:
            continue
        names = {key.removeprefix("f:") for key in fields if key != "."}
        if entry.get("operation") == "Update":
            # The API server books a default on whoever created the object.
            names = names & applied if applied is not None else {each for each in names if not _is_default(spec, each)}
        found.update(dict.fromkeys(names, manager))
    return found


def _is_default(spec: Object, field: str) -> bool:
    return bool(spec.get(field) == DEFAULTS.get(field))


def _last_applied(metadata: Object) -> set[str] | None:
    text = (metadata.get("annotations") or {}).get(LAST_APPLIED)
    if text is None:
        return None
    try:
        # Anybody who may write the object may write anything here, of any depth.
        return set(from_json(text).get("spec") or {})
    except (ValueError, AttributeError, TypeError):
        return None


def lenient(model: type[M], raw: Object) -> M:
    """The model of what the API server stores, without the fields that it cannot hold: a job that an older schema let
    in is still shown. Of a list only the entries go that cannot be read."""
    try:
        return model.from_wire(raw)
    except ValidationError as exc:
        wrong = [error["loc"] for error in exc.errors(include_url=False) if error["loc"]]
    try:
        return model.from_wire(_without_entries(raw, wrong))
    except ValidationError:
        return model.from_wire({key: value for key, value in raw.items() if key not in {place[0] for place in wrong}})


def _without_entries(raw: Object, wrong: Sequence[tuple[int | str, ...]]) -> Object:
    """The object without what stands at these places: an entry of a list, or else a whole field."""
    bad: dict[int | str, set[int | str]] = {}
    whole: set[int | str] = set()
    for field, *inside in wrong:
        if inside and isinstance(raw.get(str(field)), list):
            bad.setdefault(field, set()).add(inside[0])
        else:
            whole.add(field)
    return {
        key: [entry for at, entry in enumerate(value) if at not in bad[key]] if key in bad else value
        for key, value in raw.items()
        if key not in whole
    }
