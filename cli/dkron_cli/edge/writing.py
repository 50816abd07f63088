"""Makes and changes DkronJobs, for imports and restores."""

from collections.abc import Mapping, Sequence
from typing import Any

from dkron_cli.core.importing import Change, Item, Step, Wanted, lonely, placed, steps
from dkron_cli.edge.errors import readable
from dkron_cli.edge.terminal import remark
from dkron_cli.errors import CliError, Code
from dkron_crds.base import rfc3339
from dkron_crds.job import DkronJob
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, Conflict
from dkron_kube.paths import DKRON_JOBS, Resource

Object = dict[str, Any]


async def change_spec(
    kube: KubeClient, resource: Resource, stored: Object, wanted: Object, *, dry_run: bool = False
) -> Object:
    """Replace the spec of an object, and add the labels and annotations that are wanted. Raises `KubeError`, also if
    the object has changed since it was read."""
    old = stored["metadata"]
    operations: list[Object] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": old["resourceVersion"]},
        {"op": "replace", "path": "/spec", "value": wanted["spec"]},
    ]
    for key in ("labels", "annotations"):
        added = {**(old.get(key) or {}), **(wanted["metadata"].get(key) or {})}
        if added:
            operations.append({"op": "add", "path": f"/metadata/{key}", "value": added})
    return await kube.json_patch(resource, old["namespace"], old["name"], operations, dry_run=dry_run)


async def write_past(kube: KubeClient, stored: Object, past: Mapping[str, Any]) -> None:
    """Give a job that was just made the record of its past. Raises `KubeError`.

    Without `since` the operator would take the status for a wiped one, and without the fingerprint for that of an
    edited job. If the operator was first, it has written both.
    """
    where, name = stored["metadata"]["namespace"], stored["metadata"]["name"]
    job = DkronJob.from_wire(stored)
    since = job.metadata.creation_timestamp
    begin = {} if since is None else {"since": rfc3339(since), "fingerprint": job.spec.fingerprint}
    version = {"metadata": {"resourceVersion": stored["metadata"]["resourceVersion"]}}
    try:
        await kube.patch_status(DKRON_JOBS, where, name, {**version, "status": {**begin, **past}})
    except Conflict:
        now = await kube.get(DKRON_JOBS, where, name)
        seen = begin if not (now.get("status") or {}).get("since") else {}
        await kube.patch_status(DKRON_JOBS, where, name, {"status": {**seen, **past}})


async def import_steps(kube: KubeClient, items: Sequence[Item], wanted: Wanted, *, namespace: str) -> list[Step]:
    """Return what an import does, and say which jobs have no parent. Raises `CliError`."""
    jobs = placed(items, wanted.namespace or namespace, move=bool(wanted.namespace), disabled=wanted.disabled)
    if wanted.prune and not jobs:
        raise CliError(Code.FAILED, "the source has no jobs, and --prune would delete all; check the source")
    namespaces = sorted({item.job["metadata"]["namespace"] for item in jobs})
    with readable():
        stored = [raw for where in namespaces async for raw in kube.list(DKRON_JOBS, where)]
    for sentence in lonely(jobs, stored):
        remark(sentence)
    return steps(jobs, stored, prune=wanted.prune)


async def try_out(kube: KubeClient, step: Step) -> None:
    """Have the API server check a step by a dry run. Raises `CliError`."""
    with readable():
        try:
            if step.change is Change.CREATE:
                await kube.create(DKRON_JOBS, step.item.job["metadata"]["namespace"], step.item.job, dry_run=True)
            elif step.change is Change.UPDATE:
                await change_spec(kube, DKRON_JOBS, step.stored, step.item.job, dry_run=True)
        except AlreadyExists:
            # Another client has made it meanwhile: the write decides.
            pass


async def carry_out(kube: KubeClient, step: Step) -> None:
    """Write what a step says. Raises `CliError`."""
    where = step.item.job["metadata"]["namespace"]
    with readable():
        match step.change:
            case Change.CREATE:
                stored = await kube.create(DKRON_JOBS, where, step.item.job)
                if step.item.past:
                    await write_past(kube, stored, step.item.past)
            case Change.UPDATE:
                await change_spec(kube, DKRON_JOBS, step.stored, step.item.job)
            case Change.DELETE:
                metadata = step.stored["metadata"]
                await kube.delete(DKRON_JOBS, where, metadata["name"], uid=metadata["uid"])
            case Change.SAME | Change.SEND:
                pass
