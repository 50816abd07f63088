"""The DkronRun of a slot: its name follows from the backfill, the job and the slot, so that it exists once. Pure."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from dkron_crds.names import API_VERSION
from dkron_crds.run import OF_BACKFILL

Object = dict[str, Any]

NAME_ROOM = 34
"""How many characters of the DkronJob's name fit: 63 for a label, minus ten digits of time, 16 of hash, two
hyphens, and one to spare for times after 2286."""


def run_name(backfill: str, job: str, job_uid: str, slot: datetime) -> str:
    """Return the name of the DkronRun of a slot, unique to the backfill with this uid. It must never change."""
    at = nanoseconds(slot)
    digest = sha256(f"{backfill}/{job_uid}/{at}".encode()).hexdigest()
    return f"{job[:NAME_ROOM]}-{at // 1_000_000_000}-{digest[:16]}"


def run_body(name: str, *, backfill: str, uid: str, spec: Object) -> Object:
    """Return the DkronRun with this spec that belongs to the backfill of this name and uid."""
    owner = {"apiVersion": API_VERSION, "kind": "DkronBackfill", "name": backfill, "uid": uid, "controller": True}
    metadata = {"name": name, "labels": {OF_BACKFILL: backfill}, "ownerReferences": [owner]}
    return {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": metadata, "spec": spec}


def run_spec(job: str, slot: datetime, *, parameters: dict[str, str], reason: str) -> Object:
    """Return the spec of the run of a slot. The backfill, and not the job, decides what may run beside it."""
    spec: Object = {"job": job, "scheduledTime": rfc3339(slot), "force": True, "reason": reason}
    return {**spec, "parameters": parameters} if parameters else spec
