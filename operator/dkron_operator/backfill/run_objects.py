"""The DkronRun of a slot, as it is created. Pure."""

from datetime import datetime
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_crds.run import OF_BACKFILL

Object = dict[str, Any]


def run_body(name: str, *, backfill: str, uid: str, spec: Object) -> Object:
    """Return the DkronRun with this spec that belongs to the backfill of this name and uid."""
    owner = {"apiVersion": API_VERSION, "kind": "DkronBackfill", "name": backfill, "uid": uid, "controller": True}
    metadata = {"name": name, "labels": {OF_BACKFILL: backfill}, "ownerReferences": [owner]}
    return {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": metadata, "spec": spec}


def run_spec(job: str, slot: datetime, *, parameters: dict[str, str], reason: str) -> Object:
    """Return the spec of the run of a slot. The backfill, and not the job, decides what may run beside it."""
    spec: Object = {"job": job, "scheduledTime": rfc3339(slot), "force": True, "reason": reason}
    return {**spec, "parameters": parameters} if parameters else spec
