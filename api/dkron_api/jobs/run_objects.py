"""DkronRuns that clients request through REST: created once for each Idempotency-Key, and followed until their end."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from dkron_api.jobs.run_waiter import TRACELESS
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Job, Object
from dkron_api.translate.run import Run
from dkron_crds.names import API_VERSION
from dkron_crds.requests import read_instant
from dkron_crds.run import REPEATS, RunPhase
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, NotFound, Unavailable
from dkron_kube.paths import DKRON_RUNS
from dkron_reports.repeat import is_of_group

PAUSE = 1.0
"""Seconds between two looks at a DkronRun, while a client waits for it."""
_ROOM = 42
"""Characters of the job's name in the name of a DkronRun."""
_COMPARED = ("job", "parameters", "scheduledTime", "force", "reason")
REUSED = "an earlier, different request has this Idempotency-Key; use another key, or repeat that request"
NO_KIND = "the cluster does not have the kind DkronRun; apply the custom resources of this version"


def name_of_run(job: Job, key: str) -> str:
    """Return the name of the DkronRun for an Idempotency-Key; without a key, a name that is given once."""
    suffix = f"k{sha256(f'{job.uid}/{key}'.encode()).hexdigest()[:24]}" if key else secrets.token_hex(8)
    return f"{job.object_name[:_ROOM]}-{suffix}"


class RunObjects:
    """Creates and reads the DkronRuns of one namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    async def find(self, name: str, spec: Mapping[str, Any], *, note: str = "") -> Object | None:
        """Return the DkronRun of this name, which an earlier request has made; None if there is none. `note` tells
        requests that repeat an execution apart (`RunBody.note`), and the spec all others. Raises `ApiError`, 422, if
        that was another request."""
        try:
            found = await self._kube.get(DKRON_RUNS, self._namespace, name)
        except NotFound:
            return None
        earlier, notes = found.get("spec") or {}, found["metadata"].get("annotations") or {}
        compared = () if note else _COMPARED
        differs = any((earlier.get(key) or None) != (spec.get(key) or None) for key in compared)
        if differs or notes.get(REPEATS, "") != note:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, REUSED)
        return found

    async def of_group(self, job: str, group: int) -> Object | None:
        """Return the DkronRun of a job whose run has this group; None if it is gone. Raises `KubeError`."""
        async for run in self._kube.list(DKRON_RUNS, self._namespace, field_selector=f"spec.job={job}"):
            if is_of_group(run, group):
                return run
        return None

    async def create(self, name: str, spec: Mapping[str, Any], *, note: str = "") -> Object:
        """Create it, or return the one that the same request has made. Raises `ApiError` and `KubeError`."""
        metadata = {"name": name} | ({"annotations": {REPEATS: note}} if note else {})
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": metadata, "spec": dict(spec)}
        try:
            return await self._kube.create(DKRON_RUNS, self._namespace, body)
        except AlreadyExists:
            found = await self.find(name, spec, note=note)
            if found is None:
                raise Unavailable(f"DkronRun {name} was deleted while it was read") from None
            return found
        except NotFound as error:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, NO_KIND) from error

    async def over(self, run: Object) -> None:
        """Return when the DkronRun is over or gone, and the job has had time to show the end of the run. Raises
        `ApiError`, 409, when the operator refuses it."""
        status: Object = {}
        while status.get("phase") not in (RunPhase.SUCCEEDED, RunPhase.FAILED):
            try:
                status = (await self._kube.get(DKRON_RUNS, self._namespace, run["metadata"]["name"])).get(
                    "status"
                ) or {}
            except NotFound:
                break
            except Unavailable:
                pass
            if status.get("phase") == RunPhase.REFUSED:
                why = str(status.get("message") or "the operator gives no reason")
                raise ApiError(HTTPStatus.CONFLICT, f"the operator refused the run: {why}")
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(TRACELESS)


def run_of(found: Object, *, by: str) -> Run:
    """Return the run that a DkronRun asks for: its cause is the uid of the object and the time of its creation."""
    metadata, spec = found["metadata"], found["spec"]
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    slot = read_instant(str(spec.get("scheduledTime") or ""))
    return Run(id=metadata["uid"], at=created, by=by, force=bool(spec.get("force")), slot=slot, of_object=True)
