"""A job as reports read it, only from the object. Reads defensively: any client may have written the object."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from dkron_reports.line import is_waiting
from dkron_reports.reading import Object, mapping, number, objects
from dkron_reports.words import one_line, read_time

SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `raw` is the object as the server sent it. Counts that the server does not tell are None."""

    name: str
    schedule: str
    raw: Object = field(repr=False)
    namespace: str = ""
    object_name: str = ""
    timezone: str = ""
    parents: tuple[str, ...] = ()
    executor: str = ""
    state: str = ""
    problem: str = ""
    disabled: bool = False
    paused: str = ""
    """By whom, why and by which DkronPause; empty if it is not paused."""
    result: str = ""
    last: datetime | None = None
    next: datetime | None = None
    active: int | None = None
    """How many attempts are active; those that wait in line are not."""
    waiting: int = 0
    """How many attempts wait in line."""
    succeeded: int = 0
    failed: int = 0
    skipped: int | None = None
    created: datetime | None = None

    @property
    def when(self) -> str:
        """The schedule, or the parents."""
        return f"after {', '.join(self.parents)}" if self.parents else self.schedule


def from_object(raw: Object) -> Job:
    """Return the job of a DkronJob."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    conditions = {each.get("type"): each for each in objects(status, "conditions")}
    ready, suspended, degraded = (conditions.get(kind) or {} for kind in ("Ready", SUSPENDED, "Degraded"))
    executions, active = objects(status, "executions"), objects(status, "active")
    waiting = sum(map(is_waiting, active))
    return Job(
        name=str(spec.get("name") or metadata.get("name") or ""),
        schedule=str(spec.get("schedule") or ""),
        raw=raw,
        namespace=str(metadata.get("namespace") or ""),
        object_name=str(metadata.get("name") or ""),
        timezone=str(spec.get("timezone") or ""),
        parents=_parents(spec),
        executor=str(spec.get("executor") or "shell"),
        state=_state(spec, ready, suspended),
        problem=_problem(ready) or _problem(degraded, bad="True"),
        disabled=spec.get("disabled") is True,
        paused=pause_of(raw),
        result=str(status.get("status") or ""),
        last=read_time(executions[0].get("startedAt")) if executions else None,
        next=read_time(status.get("next")),
        active=len(active) - waiting,
        waiting=waiting,
        succeeded=number(status, "successCount"),
        failed=number(status, "errorCount"),
        skipped=number(mapping(status, "skipped"), "count"),
        created=read_time(metadata.get("creationTimestamp")),
    )


def busiest_first(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs with active attempts first, then by their newest execution, the newest first."""

    def place(job: Job) -> tuple[int, float, str, str]:
        last = 0.0 if job.last is None else job.last.timestamp()
        return -(job.active or 0), -last, job.namespace, job.name

    return sorted(jobs, key=place)


def pause_of(raw: Object) -> str:
    """Return by whom, why and by which DkronPause a DkronJob is paused; empty if it is not."""
    suspended, noted = condition(raw, SUSPENDED), mapping(mapping(raw, "status"), "paused")
    if suspended.get("status") != "True":
        return ""
    if suspended.get("reason") == "Paused":
        return one_line(str(suspended.get("message") or "")) or "paused"
    # The condition has room for one reason: of a disabled job, it does not say that a pause holds it as well.
    return f"paused (DkronPause {one_line(str(noted.get('name')))})" if noted else ""


def condition(raw: Object, kind: str) -> Object:
    """Return the condition of this type; empty for none."""
    return next((each for each in objects(mapping(raw, "status"), "conditions") if each.get("type") == kind), {})


def _state(spec: Object, ready: Object, suspended: Object) -> str:
    """Return one word: why it does not run by itself, or that it does."""
    if ready.get("status") == "False":
        return str(ready.get("reason"))
    if suspended.get("status") == "True":
        return str(suspended.get("reason"))
    if spec.get("disabled") is True:
        return "Disabled"
    return str(ready.get("reason") or "Pending")


def _problem(condition: Object, *, bad: str = "False") -> str:
    return one_line(str(condition.get("message") or "")) if condition.get("status") == bad else ""


def _parents(spec: Object) -> tuple[str, ...]:
    several = tuple(str(each.get("job")) for each in objects(spec, "dependsOn"))
    return several or ((str(spec["parentJob"]),) if spec.get("parentJob") else ())
