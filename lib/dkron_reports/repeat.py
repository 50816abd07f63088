"""The values that a run was given, so that it can be given them again. Only its DkronRun keeps them."""

from collections.abc import Iterable
from typing import Any

from dkron_crds.requests import group_of
from dkron_reports.reading import Object, mapping, objects, whole
from dkron_reports.run import REQUESTED
from dkron_reports.words import read_time


def may_have_values(job: Object, trigger: str) -> bool:
    """Whether a run of this trigger may have been given values for parameters that the DkronJob declares."""
    return trigger in REQUESTED and bool(objects(mapping(job, "spec"), "parameters"))


def is_of_group(run: dict[str, Any], group: int) -> bool:
    """Whether the run of a DkronRun has this group."""
    metadata = mapping(run, "metadata")
    created = read_time(metadata.get("creationTimestamp"))
    known = whole(mapping(run, "status").get("group"))
    return group == (known or (0 if created is None else group_of(str(metadata.get("uid")), created)))


def run_of_group(runs: Iterable[dict[str, Any]], group: int) -> dict[str, Any] | None:
    """Return the DkronRun whose run has this group; None if it is gone."""
    return next((run for run in runs if is_of_group(run, group)), None)


def values_of(run: Object | None) -> dict[str, str]:
    """Return the values that a DkronRun gives; none without one."""
    values = {} if run is None else mapping(mapping(run, "spec"), "parameters")
    return {str(name): str(value) for name, value in values.items()}
