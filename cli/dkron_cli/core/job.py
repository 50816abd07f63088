"""A job as the command line shows it, from a DkronJob or from Dkron's JSON. Reads defensively: anybody may have
written the object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dkron_cli.core.table import Table, table
from dkron_cli.core.words import ago, instant, one_line, read_time

Object = Mapping[str, Any]


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
    metadata, spec, status = _map(raw, "metadata"), _map(raw, "spec"), _map(raw, "status")
    conditions = {each.get("type"): each for each in _list(status, "conditions")}
    ready, suspended, degraded = (conditions.get(kind) or {} for kind in ("Ready", "Suspended", "Degraded"))
    executions = _list(status, "executions")
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
        paused=one_line(str(suspended.get("message") or "")) if suspended.get("reason") == "Paused" else "",
        result=str(status.get("status") or ""),
        last=read_time(executions[0].get("startedAt")) if executions else None,
        next=read_time(status.get("next")),
        active=len(_list(status, "active")),
        succeeded=_number(status, "successCount"),
        failed=_number(status, "errorCount"),
        skipped=_number(_map(status, "skipped"), "count"),
        created=read_time(metadata.get("creationTimestamp")),
    )


def from_dkron(raw: Object) -> Job:
    """Return the job of Dkron's JSON, from our REST API or from Dkron."""
    ends = [at for at in (read_time(raw.get("last_success")), read_time(raw.get("last_error"))) if at is not None]
    disabled, problem = raw.get("disabled") is True, one_line(str(raw.get("problem") or ""))
    return Job(
        name=str(raw.get("name") or ""),
        schedule=str(raw.get("schedule") or ""),
        raw=raw,
        object_name=str(raw.get("name") or ""),
        timezone=str(raw.get("timezone") or ""),
        parents=(str(raw["parent_job"]),) if raw.get("parent_job") else (),
        executor=str(raw.get("executor") or ""),
        state="Disabled" if disabled else "NotReady" if problem else "Scheduled",
        problem=problem,
        disabled=disabled,
        result="" if problem else str(raw.get("status") or ""),
        last=max(ends, default=None),
        next=read_time(raw.get("next")),
        succeeded=_number(raw, "success_count"),
        failed=_number(raw, "error_count"),
    )


def job_table(jobs: Sequence[Job], *, now: datetime, wide: bool, namespaces: bool) -> Table:
    """Return the table of `get`."""
    columns = ["NAME", "SCHEDULE", "STATE", "LAST", "RESULT", "NEXT", "ACTIVE"]
    more = ["TIMEZONE", "EXECUTOR", "OK", "FAILED", "SKIPPED", "AGE", "PROBLEM"]
    head = ["NAMESPACE"] if namespaces else []
    rows = []
    for job in jobs:
        row = [
            job.name, job.when, job.state, ago(job.last, now), job.result or "-", ago(job.next, now),
            "" if job.active is None else str(job.active),
        ]  # fmt: skip
        if wide:
            row += [
                job.timezone, job.executor, str(job.succeeded), str(job.failed),
                "" if job.skipped is None else str(job.skipped), "" if job.created is None else ago(job.created, now),
                job.problem,
            ]  # fmt: skip
        rows.append([job.namespace, *row] if namespaces else row)
    return table([*head, *columns, *(more if wide else [])], rows)


def description(job: Job, *, now: datetime) -> list[tuple[str, str]]:
    """Return titles and values of `describe`, without what is empty."""
    spec, status = _map(job.raw, "spec"), _map(job.raw, "status")
    plain = job.raw if not spec else {}
    config = _map(spec, "executorConfig") or _map(plain, "executor_config")
    skipped = _map(status, "skipped")
    settings = {
        key: spec.get(key) if spec else plain.get(key)
        for key in ("concurrency", "retries", "missedRuns", "startingDeadlineSeconds", "startsAt", "expiresAt",
                    "starts_at", "expires_at", "ephemeral", "owner", "ownerEmail", "owner_email")
    }  # fmt: skip
    found = [
        ("Name", job.name),
        ("Object", job.object_name if job.object_name != job.name else ""),
        ("Namespace", job.namespace),
        ("Schedule", job.when + (f" ({job.timezone})" if job.timezone else "")),
        ("State", job.state),
        ("Paused", job.paused.removeprefix("paused ")),
        ("Problem", job.problem),
        ("Next", "" if job.next is None else f"{instant(job.next)} ({ago(job.next, now)})"),
        ("Executor", job.executor),
        *((f"  {key}", _short(str(value))) for key, value in config.items()),
        *(_parameter(each) for each in _list(spec, "parameters") if isinstance(each, Mapping)),
        *((_title(key), str(value)) for key, value in settings.items() if value not in (None, "", False)),
        ("Tags", ", ".join(f"{key}={value}" for key, value in (_map(spec, "tags") or _map(plain, "tags")).items())),
        ("Result", job.result),
        ("Runs", f"{job.succeeded} attempts succeeded, {job.failed} failed"),
        ("Active", "" if not job.active else str(job.active)),
        (
            "Skipped",
            f"{skipped.get('count')}, the newest {skipped.get('lastTime')}: {skipped.get('lastReason')}"
            if skipped
            else "",
        ),
        ("Starts", ", ".join(map(str, _list(status, "dependentJobs") or _list(plain, "dependent_jobs")))),
    ]
    return [(title, one_line(value)) for title, value in found if value]


def _parameter(raw: Object) -> tuple[str, str]:
    """Return the title and the value of a declared parameter: what it may be, and what it is without a value."""
    kind, default = str(raw.get("type") or "string"), raw.get("default")
    words = [
        "secret" if raw.get("secret") else kind if kind != "enum" else " | ".join(map(str, _list(raw, "values"))),
        f"of {raw.get('minimum') or '…'} to {raw.get('maximum') or '…'}"
        if raw.get("minimum") or raw.get("maximum")
        else "",
        f"like {raw['pattern']}" if raw.get("pattern") else "",
        "required" if raw.get("required") else "",
        f"default {default}" if default is not None else "",
        f"({raw['description']})" if raw.get("description") else "",
    ]
    return f"Parameter {raw.get('name')}", " ".join(word for word in words if word)


def _title(key: str) -> str:
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in key).replace("_", " ")
    return words[:1].upper() + words[1:]


def _short(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    return first if first == text.strip() else f"{first} …"


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
    several = tuple(str(each.get("job")) for each in _list(spec, "dependsOn") if isinstance(each, Mapping))
    return several or ((str(spec["parentJob"]),) if spec.get("parentJob") else ())


def _map(parent: Object, key: str) -> Object:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(parent: Object, key: str) -> list[Any]:
    value = parent.get(key)
    return value if isinstance(value, list) else []


def _number(parent: Object, key: str) -> int:
    value = parent.get(key)
    return value if isinstance(value, int) else 0
