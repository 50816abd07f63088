"""The steps of an import: which objects it creates, changes or deletes, in which order, and the message about each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from dkron_cli.core.faults import doubts, faults
from dkron_cli.core.from_dkron import convert
from dkron_cli.core.manifests import is_job_of_dkron, objects
from dkron_cli.core.objects import Object, dkron_name, is_same, misshapen, parents_first, parents_of
from dkron_crds.names import API_VERSION
from dkron_from_cronjob.translate import Refused as CronJobRefused
from dkron_from_cronjob.translate import translate
from dkron_from_dkron.manifest import manifest
from dkron_from_dkron.spec import kept_of
from dkron_reports.words import one_line

TAKEN = "import takes only DkronJobs, CronJobs and Dkron's jobs"
IMPORTED = "dkron.io/imported"
"""Label of objects that an import has made: those that --prune may delete. Its value is the kind of the source."""


class Source(StrEnum):
    """Where a job comes from."""

    MANIFEST = "manifest"
    DKRON = "dkron"
    CRONJOB = "cronjob"


@dataclass(frozen=True, slots=True)
class Item:
    """A job to import: the manifest, or with `refused` each reason why there is none."""

    name: str
    source: Source
    job: Object = field(default_factory=dict)
    past: Object = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    sent: Object = field(default_factory=dict)
    """The job in Dkron's JSON, as the source has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of an import: put all jobs into this namespace (empty: where the source says), disable them, and
    delete jobs that the source lacks."""

    namespace: str = ""
    disabled: bool = False
    prune: bool = False


class Change(StrEnum):
    """The action of an import on an object."""

    CREATE = "create"
    UPDATE = "update"
    SAME = "unchanged"
    DELETE = "delete"
    SEND = "send"
    """Create or update, as the REST API decides."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change. `stored` is the object as it is."""

    change: Change
    item: Item
    stored: Object = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name of the job, after its namespace if there may be several."""
        if self.change is Change.SEND:
            return self.item.name
        metadata = self.item.job["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"


def items_of_text(text: str, now: datetime) -> list[Item]:
    """Return the jobs of a file: Dkron's JSON, or manifests of DkronJobs and CronJobs. Raises
    `manifests.Unreadable`."""
    found = objects(text)
    if found and all(is_job_of_dkron(each) for each in found):
        return items_of_dkron(found, now)
    return items_of_objects(found, now)


def items_of_dkron(jobs: Sequence[object], now: datetime) -> list[Item]:
    """Return the jobs of Dkron's /v1/jobs."""
    found = []
    for number, raw in enumerate(jobs, start=1):
        name = str(raw.get("name") or f"number {number}") if isinstance(raw, Mapping) else f"number {number}"
        taken = convert(raw)
        doubtful = () if taken.faults else _doubts(taken.job, now, config="executor_config")
        sent = dict(raw) if isinstance(raw, Mapping) else {}
        remarks = (*taken.remarks, *doubtful)
        found.append(Item(name, Source.DKRON, taken.job, taken.past, remarks, taken.faults, sent))
    return found


def sending(items: Sequence[Item], *, disabled: bool) -> list[Step] | None:
    """Return the steps that send jobs in Dkron's JSON to a REST API, parents first; None if there are other jobs."""
    if not all(item.sent.get("name") for item in items):
        return None
    by_name = {str(item.sent["name"]): item for item in items}
    # As manifests, only for their order.
    order = parents_first(
        [{"metadata": {"name": name}, "spec": {"parentJob": item.sent.get("parent_job")}}
         for name, item in by_name.items()]
    )  # fmt: skip
    found = [by_name[each["metadata"]["name"]] for each in order]
    more = {"disabled": True} if disabled else {}
    return [Step(Change.SEND, replace(item, sent=item.sent | more)) for item in found]


def items_of_objects(objects: Sequence[object], now: datetime) -> list[Item]:
    """Return the jobs of DkronJobs and CronJobs."""
    return [_item(raw, f"document {number}", now) for number, raw in enumerate(objects, start=1)]


def _item(raw: object, place: str, now: datetime) -> Item:
    if not isinstance(raw, dict):
        what = "a list" if isinstance(raw, list) else f"the value {str(raw)[:40]}"
        return Item(place, Source.MANIFEST, refused=(f"it is {what}, not an object; {TAKEN}",))
    if wrong := misshapen(raw):
        return Item(place, Source.MANIFEST, refused=(wrong,))
    kind, name = raw.get("kind"), str((raw.get("metadata") or {}).get("name") or place)
    if kind == "DkronJob" and raw.get("apiVersion") == API_VERSION:
        return _checked(Item(name, Source.MANIFEST, manifest(raw)), now)
    if kind == "CronJob":
        try:
            result = translate(raw)
        except CronJobRefused as refused:
            return Item(name, Source.CRONJOB, refused=(str(refused),))
        return _checked(Item(name, Source.CRONJOB, result.job, remarks=tuple(result.remarks)), now)
    what = f"it is a {kind}" if isinstance(kind, str) and kind else "it has no kind"
    return Item(name, Source.MANIFEST, refused=(f"{what}; {TAKEN}",))


def _checked(item: Item, now: datetime) -> Item:
    """Return the item with what is wrong with its job. A job that is unchecked is stored with its faults."""
    found = tuple(faults(item.job))
    if not found:
        return replace(item, remarks=(*item.remarks, *_doubts(item.job, now)))
    if (item.job.get("spec") or {}).get("unchecked") is True:
        return replace(item, remarks=(*item.remarks, *found))
    return replace(item, refused=found)


def _doubts(job: Object, now: datetime, *, config: str = "executorConfig") -> tuple[str, ...]:
    return tuple(one_line(each) for each in doubts(job, now, config=config) if each)


def placed(items: Sequence[Item], namespace: str, *, move: bool = False, disabled: bool = False) -> list[Item]:
    """Return the items with the label, in the order of their parents, and in the namespace: with `move` all, otherwise
    those that name none."""
    found: dict[int, Item] = {}
    for item in items:
        if item.refused:
            continue
        where = namespace if move or not item.job["metadata"].get("namespace") else ""
        job = _changed(item, where, disabled=disabled)
        job["metadata"]["labels"] = {**(job["metadata"].get("labels") or {}), IMPORTED: item.source.value}
        found[id(job)] = Item(item.name, item.source, job, item.past, item.remarks)
    jobs = [item.job for item in found.values()]
    return [found[id(job)] for job in parents_first(jobs)]


def manifests(items: Sequence[Item], namespace: str, *, disabled: bool) -> list[Object]:
    """Return the DkronJobs to keep in files, in the order of their parents; with a namespace, all in that one."""
    return parents_first([_changed(item, namespace, disabled=disabled) for item in items if not item.refused])


def _changed(item: Item, namespace: str, *, disabled: bool) -> Object:
    """Return a copy of the job, in the namespace unless that is empty."""
    metadata = {**item.job["metadata"], **({"namespace": namespace} if namespace else {})}
    return {**item.job, "metadata": metadata, "spec": {**item.job["spec"], **({"disabled": True} if disabled else {})}}


def twice(items: Sequence[Item]) -> list[str]:
    """Return the names that more than one item has."""
    keys = [((item.job["metadata"].get("namespace") or ""), dkron_name(item.job)) for item in items if not item.refused]
    return sorted({key[1] for key in keys if keys.count(key) > 1})


def lonely(items: Sequence[Item], stored: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each parent that is neither in the file nor in the cluster."""
    there = {(job["metadata"].get("namespace"), dkron_name(job)) for job in (*(item.job for item in items), *stored)}
    return [
        f'{item.name}: its parent "{parent}" is neither in the source nor in the cluster; the job waits for it'
        for item in items
        for parent in parents_of(item.job)
        if (item.job["metadata"]["namespace"], parent) not in there
    ]


def _keeping(item: Item, old: Object) -> Item:
    """Return the item with what Dkron's JSON cannot say of the DkronJob that it replaces."""
    if item.source is not Source.DKRON:
        return item
    sent = item.job["spec"]
    spec = kept_of(old["spec"], sent.get("parentJob", "")) | sent
    if "dependsOn" in spec:
        spec.pop("parentJob")
    return replace(item, job={**item.job, "spec": spec})


def steps(items: Sequence[Item], stored: Sequence[Object], *, prune: bool) -> list[Step]:
    """Return the changes: new and changed jobs in the order of the items, then what --prune deletes, children first."""
    there = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in stored}
    found = []
    for item in items:
        key = item.job["metadata"]["namespace"], item.job["metadata"]["name"]
        old = there.get(key)
        if old is None:
            found.append(Step(Change.CREATE, item))
        else:
            kept = _keeping(item, old)
            found.append(Step(Change.SAME if is_same(old, kept.job) else Change.UPDATE, kept, old))
    if prune:
        wanted = {(item.job["metadata"]["namespace"], item.job["metadata"]["name"]) for item in items}
        sources = {item.source.value for item in items}
        gone = [
            each
            for key, each in there.items()
            if key not in wanted and (each["metadata"].get("labels") or {}).get(IMPORTED) in sources
        ]
        children_first = reversed(parents_first(gone))
        found += [Step(Change.DELETE, Item(dkron_name(each), Source.MANIFEST, each), each) for each in children_first]
    return found
