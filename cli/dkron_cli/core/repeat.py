"""What a run was given, so that it can be given again: from its DkronRun, which alone keeps the values, and from the
annotations of its Job, which tell whether there were any. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dkron_cli.core.order import Order
from dkron_crds.requests import group_of
from dkron_crds.run import OF_RUN, WITH_PARAMETERS
from dkron_reports.job import Job
from dkron_reports.reading import Object, mapping, objects, whole
from dkron_reports.run import Attempt
from dkron_reports.words import read_time

REQUESTED = ("manual", "backfill")
"""Triggers of runs that may be given something."""
NANOSECONDS = 1_000_000_000


def may_have_values(job: Job, attempt: Attempt) -> bool:
    """Whether the run of the attempt may have been given values for parameters that the job declares."""
    return attempt.trigger in REQUESTED and bool(objects(mapping(job.raw, "spec"), "parameters"))


def run_of_group(runs: Iterable[dict[str, Any]], group: int) -> dict[str, Any] | None:
    """Return the DkronRun whose run has this group; None if it is gone."""
    return next((run for run in runs if _group(run) == group), None)


def same_order(attempt: Attempt, run: Object | None) -> Order:
    """Return what the run of the attempt was given: the values of its DkronRun, if there is one, and the slot that it
    stood for."""
    values = {} if run is None else mapping(mapping(run, "spec"), "parameters")
    return Order({str(name): str(value) for name, value in values.items()}, at=_slot(attempt))


def lost(job: Job, attempt: Attempt, annotations: Object | None) -> str:
    """Return why the values of a run without a DkronRun are not known, as a sentence; empty if it was given none.
    `annotations` are those of its Job, None if that is gone, too."""
    if annotations is not None and (OF_RUN not in annotations or WITH_PARAMETERS not in annotations):
        return ""
    gone = "its DkronRun is gone" if annotations is not None else "neither its DkronRun nor its Job is there any more"
    return (
        f"the parameter values of {attempt.id} are not known: {gone}; give them with dkronctl run {job.name} -p "
        "NAME=VALUE"
    )


def _slot(attempt: Attempt) -> datetime | None:
    """Return the slot that a requested run stood for; None if that was the time of the request."""
    slot = attempt.slot
    if attempt.trigger not in REQUESTED or slot is None or int(slot.timestamp()) == attempt.group // NANOSECONDS:
        return None
    return slot


def _group(run: Object) -> int:
    metadata = mapping(run, "metadata")
    created = read_time(metadata.get("creationTimestamp"))
    known = whole(mapping(run, "status").get("group"))
    return known or (0 if created is None else group_of(str(metadata.get("uid")), created))
