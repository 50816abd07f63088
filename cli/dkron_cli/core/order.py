"""Options of a run beyond its job: values of parameters, the slot that it stands for, and a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dkron_crds.job_metadata import OF_RUN, WITH_PARAMETERS
from dkron_crds.requests import read_instant
from dkron_crds.schedule.errors import quoted
from dkron_crds.schedule.instants import rfc3339
from dkron_reports.job import Job
from dkron_reports.reading import Object
from dkron_reports.repeat import values_of
from dkron_reports.run import Attempt, slot_of
from dkron_reports.words import instant

LONGEST_REASON = 256


@dataclass(frozen=True, slots=True)
class Order:
    """It is true if there is anything to give."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.parameters or self.at or self.reason)

    def __str__(self) -> str:
        """The options, in words. Values may be long; the names tell which."""
        names = f" with its {', '.join(self.parameters)}" if self.parameters else ""
        return f"{names}, for the slot {instant(self.at)}" if self.at else names

    def spec(self, job: str, *, force: bool, by: str) -> dict[str, Any]:
        """Return the spec of a DkronRun."""
        given = {
            "parameters": dict(self.parameters), "scheduledTime": self._slot, "force": force, "reason": self.reason,
            "requestedBy": by,
        }  # fmt: skip
        return {"job": job} | {key: value for key, value in given.items() if value}

    def body(self) -> dict[str, Any] | None:
        """Return the body for the REST API; None if there is nothing to give."""
        given = {"parameters": dict(self.parameters), "scheduled_time": self._slot, "reason": self.reason}
        return {key: value for key, value in given.items() if value} or None

    @property
    def _slot(self) -> str:
        return "" if self.at is None else rfc3339(self.at)


def read_order(parameters: Sequence[str], at: str, reason: str) -> Order:
    """Return the order from the options. Raises ValueError with a sentence."""
    values: dict[str, str] = {}
    for each in parameters:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise ValueError(f"-p {quoted(each)}: write NAME=VALUE")
        if name in values:
            raise ValueError(f"-p {quoted(name)}: given twice")
        values[name] = value
    slot = read_instant(at) if at else None
    if at and slot is None:
        raise ValueError(f"--at {quoted(at)}: write a time of RFC 3339 with a zone, such as 2026-03-01T09:30:00Z")
    if len(reason) > LONGEST_REASON:
        raise ValueError(f"--reason has {len(reason)} characters; at most {LONGEST_REASON} are allowed")
    return Order(values, slot, reason)


def unfit(job: Job, order: Order) -> str:
    """Return why a DkronJob cannot run with these values, as a sentence; empty if it can, or if the server has to tell
    because the job cannot be read here."""
    if not job.raw:
        return ""
    from pydantic import ValidationError  # noqa: PLC0415 - models are slow to load, and lists need none

    from dkron_crds.parameter_places import run_problem  # noqa: PLC0415
    from dkron_crds.spec import JobSpec  # noqa: PLC0415

    try:
        spec = JobSpec.from_wire(dict(job.raw.get("spec") or {}))
    except ValidationError:
        return ""
    return run_problem(spec, order.parameters)


def same_order(attempt: Attempt, run: Object | None) -> Order:
    """Return the options of the attempt's run: the values of its DkronRun, if there is one, and the slot that it
    stood for."""
    return Order(values_of(run), at=slot_of(attempt.trigger, attempt.slot, attempt.group))


def lost(job: Job, attempt: Attempt, annotations: Object | None) -> str:
    """Return why the values of a run without a DkronRun are not known, as a sentence; empty if it was given none.
    `annotations` come from its Job; None if the Job is gone, too."""
    if annotations is not None and (OF_RUN not in annotations or WITH_PARAMETERS not in annotations):
        return ""
    gone = "its DkronRun is gone" if annotations is not None else "its DkronRun and its Job are gone"
    return (
        f"the parameter values of {attempt.id} are not known: {gone}; give them with dkronctl run {job.name} -p "
        "NAME=VALUE"
    )
