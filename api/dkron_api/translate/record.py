"""A DkronJob as the API caches it: the object as the API server sent it, its large parts packed, and read on demand.

Ten thousand jobs with their executions take a few hundred megabytes as models and a fraction of that as received, and
most are rendered once and never read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from dkron_crds.attempt_state import CLAIMS
from dkron_crds.base import WireModel
from dkron_crds.job import Day, JobSpec, JobStatus
from dkron_crds.packed import packed_object, plain_parts
from dkron_crds.requests import RUN_PREFIX
from dkron_from_dkron.spec import DEFAULTS
from dkron_reports.pools import with_places

Object = dict[str, Any]
M = TypeVar("M", bound=WireModel)

FIELD_MANAGER = "dkron-api"
"""The field manager under which the API server records writes through REST."""
BY_HAND = frozenset({"kubectl-create", "kubectl-edit", "kubectl-patch", "kubectl-replace", "kubectl", "dkronctl"})
"""Field managers of one-off manual edits. They do not reapply their values, so their fields need no protection."""
_LISTS = frozenset({"executions", "active", "counted", "conditions", "days"})
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Beginning(NamedTuple):
    """An attempt that its Job shows before the status does."""

    owner: str
    """The uid of its DkronJob."""

    namespace: str
    slot: datetime
    entry: Object
    """What `status.active` will have."""


class Job:
    """One DkronJob at one resource version. Parts of `raw` may be packed: read them as a `Mapping` or a `Sequence`, or
    by `dkron_crds.packed.plain`, and keep no parsed copy."""

    __slots__ = (
        "_stored", "begun", "created", "generation", "name", "namespace", "object_name", "owners", "raw", "uid",
        "version",
    )  # fmt: skip

    def __init__(self, raw: Object) -> None:
        metadata = raw["metadata"]
        self.raw = packed_object(raw)
        self._stored: Job | None = None
        self.begun: tuple[Beginning, ...] = ()
        """Attempts in `raw` that the stored status does not show yet."""
        self.uid: str = metadata["uid"]
        self.namespace: str = metadata["namespace"]
        self.object_name: str = metadata["name"]
        self.name: str = raw["spec"].get("name") or metadata["name"]
        self.version = int(metadata["resourceVersion"])
        self.generation: int = metadata.get("generation", 0)
        self.created = datetime.fromisoformat(metadata["creationTimestamp"])
        self.owners = owners(raw)

    def with_beginnings(self, begun: tuple[Beginning, ...]) -> "Job":
        """Return the job as if its status showed these attempts."""
        job = copy(self.stored)
        status = job.raw_status
        left = {each.entry["job"]: each.entry for each in begun}
        active = [_completed(entry, left.pop(entry.get("job"), None)) for entry in status.get("active") or ()]
        active += left.values()
        job.raw = {**job.raw, "status": {**status, "active": active}}
        job.begun, job._stored = begun, self.stored
        return job

    def with_places(self, pools: Iterable[Object]) -> "Job":
        """Return the job with the places of its runs in the lines of these DkronPools, to be shown."""
        job = copy(self)
        job.raw = with_places(self.raw, pools)
        return job

    @property
    def stored(self) -> "Job":
        """The job as the API server has it."""
        return self if self._stored is None else self._stored

    @property
    def spec(self) -> JobSpec:
        """The desired state without `jobTemplate`, which Dkron's JSON does not have."""
        return lenient(JobSpec, {key: part for key, part in self.raw["spec"].items() if key != "jobTemplate"})

    @property
    def status(self) -> JobStatus:
        """The observed state."""
        return lenient(JobStatus, self.raw_status)

    @property
    def raw_status(self) -> Object:
        """The status as received."""
        return self.raw.get("status") or {}

    @property
    def summary(self) -> JobStatus:
        """The status without its lists of attempts, which are most of it."""
        return lenient(JobStatus, {key: value for key, value in self.raw_status.items() if key not in _LISTS})

    @property
    def days(self) -> tuple[Day, ...]:
        """Only `status.days`, which the totals read from all jobs."""
        return lenient(JobStatus, {"days": self.raw_status.get("days") or []}).days

    @property
    def parent(self) -> str:
        """Dkron name of the job after which this one runs, the first of several; empty if there is none."""
        return next(iter(self.parents), "")

    @property
    def parents(self) -> tuple[str, ...]:
        """Dkron names of all jobs after which this one runs. Only the custom resource can have several."""
        spec = self.raw["spec"]
        several = tuple(str(each.get("job") or "") for each in spec.get("dependsOn") or ())
        return several or tuple(filter(None, [str(spec.get("parentJob") or "")]))

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of the object."""
        return self.raw["metadata"].get("annotations") or {}

    @property
    def busy(self) -> bool:
        """Whether an attempt runs or waits, or the operator has yet to process a requested run."""
        return bool(self.raw_status.get("active")) or any(key.startswith(RUN_PREFIX) for key in self.annotations)


def _completed(entry: Object, beginning: Object | None) -> Object:
    """Return the entry of an attempt with what its Job says beyond it, if it is a claim that knows no Job."""
    if beginning is None or entry.get("state") not in CLAIMS:
        return entry
    return {**beginning, **entry, "state": beginning["state"], "uid": beginning["uid"]}


def kept(raw: Object) -> Job:
    """Return the job for the cache, without managedFields: they are longer than the rest, and already read."""
    job = Job(raw)
    job.raw["metadata"].pop("managedFields", None)
    return job


def owners(raw: Object) -> dict[str, str]:
    """Return the fields of the spec that other field managers own declaratively: top-level field to field manager.

    A manifest that is applied again (by Argo CD, Flux, helm or a person's `kubectl apply`) would undo changes made
    through REST. Fields set only by a default have no owner.
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
            # The API server attributes defaults to the creator of the object.
            chosen = {each for each in names if spec.get(each) != DEFAULTS.get(each)}
            names = chosen if applied is None else names & applied
        found.update(dict.fromkeys(names, manager))
    return found


def _last_applied(metadata: Object) -> set[str] | None:
    text = (metadata.get("annotations") or {}).get(LAST_APPLIED)
    if text is None:
        return None
    try:
        # A client with permission to write the object may write anything here, with any nesting.
        return set(from_json(text).get("spec") or {})
    except (ValueError, AttributeError, TypeError):
        return None


def lenient(model: type[M], raw: Object) -> M:
    """Return the model of a stored object without the fields that it cannot hold, so that a job accepted by an older
    schema is still shown. In lists, only the invalid entries are dropped."""
    raw = plain_parts(raw)
    try:
        return model.from_wire(raw)
    except ValidationError as exc:
        wrong = [error["loc"] for error in exc.errors(include_url=False) if error["loc"]]
    try:
        return model.from_wire(_without_entries(raw, wrong))
    except ValidationError:
        return model.from_wire({key: value for key, value in raw.items() if key not in {place[0] for place in wrong}})


def _without_entries(raw: Object, wrong: Sequence[tuple[int | str, ...]]) -> Object:
    """Return the object without the values at these places: list entries, or otherwise whole fields."""
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
