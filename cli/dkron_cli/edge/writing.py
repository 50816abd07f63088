"""Makes and changes DkronJobs, for imports and restores."""

from collections.abc import Mapping
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.job import DkronJob
from dkron_kube.client import KubeClient
from dkron_kube.errors import Conflict
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

    Without `since` the operator would take the status for a wiped one, and without the fingerprint for the status of an
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
