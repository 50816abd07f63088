"""A job as the command line shows it, and how it reads one in Dkron's JSON."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dkron_cli.core.table import Table, table
from dkron_crds.job_metadata import KUEUE_QUEUE
from dkron_reports.job import Job
from dkron_reports.reading import Object, items, mapping, number, objects
from dkron_reports.words import ago, instant, one_line, plural, read_time

FAILED = "failed"
MOST_WAITING, OLDEST = 10, "oldest"
"""The defaults of a queue."""
ONE_WAITS = {
    "forbid": "while none is active; further ones are skipped",
    "replace": "and a newer one takes its place",
}
"""What becomes of further runs where the concurrency lets only one wait for its pools."""
SETTINGS = (
    "concurrency", "retries", "missedRuns", "startingDeadlineSeconds", "startsAt", "expiresAt", "ephemeral", "owner",
    "ownerEmail",
)  # fmt: skip
"""Fields of a spec that a description shows as they are."""
GONE = "Deleted"
"""The state of a job that only the archive knows."""


def from_dkron(raw: Object) -> Job:
    """Return the job of Dkron's JSON, from our REST API or from Dkron."""
    ends = [at for at in (read_time(raw.get("last_success")), read_time(raw.get("last_error"))) if at is not None]
    disabled, problem = raw.get("disabled") is True, one_line(str(raw.get("problem") or ""))
    status = str(raw.get("status") or "")
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
        # A job that cannot run at all is shown as failed, whatever its latest run was.
        result="" if problem and status == FAILED else status,
        last=max(ends, default=None),
        # A Dkron has the epoch for a job that runs after its parent, as `when` says.
        next=None if raw.get("parent_job") else read_time(raw.get("next")),
        succeeded=number(raw, "success_count"),
        failed=number(raw, "error_count"),
    )


def gone_job(name: str) -> Job:
    """Return a job that was deleted: only its name is known."""
    return replace(from_dkron({"name": name}), state=GONE)


def with_details(job: Job, told: Object) -> Job:
    """Return a job of a REST API with what pauses it and why it is not ready, with the state that its object has then.
    The API says only of a job that can run how its latest run ended."""
    paused, reason = (one_line(str(told.get(key) or "")) for key in ("paused", "reason"))
    state = "Paused" if paused and job.state == "Scheduled" else job.state
    if not (job.problem and reason):
        return replace(job, paused=paused, state=state)
    from dkron_crds.conditions import NOT_BY_ITSELF  # noqa: PLC0415 - models are slow to load, and lists need none

    result = str(job.raw.get("status") or "") if reason in NOT_BY_ITSELF else job.result
    return replace(job, paused=paused, state=reason, result=result)


def described(job: Job, spec: Object) -> Job:
    """Return a job of Dkron's JSON with the DkronJob that it would be. `spec` is what more is known of that."""
    from dkron_cli.core.from_dkron import convert  # noqa: PLC0415 - slow, and lists need none of it

    sent = mapping(convert(job.raw).job, "spec")
    status = {"dependentJobs": items(job.raw, "dependent_jobs")}
    return replace(job, raw={"spec": {**sent, **spec}, "status": status})


def title(job: Job, *, namespaces: bool) -> str:
    """Return the name of a job, after its namespace if there may be several."""
    return f"{job.namespace}/{job.name}" if namespaces else job.name


def job_table(jobs: Sequence[Job], *, now: datetime, wide: bool, namespaces: bool) -> Table:
    """Return the table of `get`."""
    columns = ["NAME", "SCHEDULE", "STATE", "LAST", "RESULT", "NEXT", "ACTIVE"]
    more = ["TIMEZONE", "EXECUTOR", "OK", "FAILED", "SKIPPED", "AGE", "PROBLEM"]
    head = ["NAMESPACE"] if namespaces else []
    rows = []
    for job in jobs:
        row = [
            job.name, job.when, job.state, ago(job.last, now), job.result or "-", ago(job.next, now),
            _active(job),
        ]  # fmt: skip
        if wide:
            row += [
                job.timezone, job.executor, str(job.succeeded), str(job.failed),
                "" if job.skipped is None else str(job.skipped), "" if job.created is None else ago(job.created, now),
                job.problem or job.paused,
            ]  # fmt: skip
        rows.append([job.namespace, *row] if namespaces else row)
    spare = ("AGE", "EXECUTOR", "SKIPPED", "FAILED", "OK", "TIMEZONE", "ACTIVE", "LAST", "SCHEDULE", "NEXT", "RESULT")
    return table([*head, *columns, *(more if wide else [])], rows, spare=spare)


def description(job: Job, *, now: datetime) -> list[tuple[str, str]]:
    """Return titles and values of `describe`, without what is empty."""
    spec, status = mapping(job.raw, "spec"), mapping(job.raw, "status")
    skipped = mapping(status, "skipped")
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
        *((f"  {key}", _short(str(value))) for key, value in mapping(spec, "executorConfig").items()),
        *(_parameter(each) for each in objects(spec, "parameters")),
        *((_title(key), str(spec[key])) for key in SETTINGS if spec.get(key) not in (None, "", False)),
        ("Queue", _queue(spec)),
        ("Pools", _pools(spec)),
        ("LocalQueue", _local_queue(spec)),
        ("Tags", ", ".join(f"{key}={value}" for key, value in mapping(spec, "tags").items())),
        ("Result", job.result),
        ("Runs", f"{job.succeeded} attempts succeeded, {job.failed} failed"),
        ("Active", _active(job) if job.active or job.waiting else ""),
        (
            "Skipped",
            f"{skipped.get('count')}, the newest {skipped.get('lastTime')}: {skipped.get('lastReason')}"
            if skipped
            else "",
        ),
        ("Starts", ", ".join(map(str, items(status, "dependentJobs")))),
    ]
    return [(title, one_line(value)) for title, value in found if value]


def _active(job: Job) -> str:
    """Return how many attempts are active, and how many wait in line; empty if the server does not tell."""
    waiting = f"{job.waiting} waiting" if job.waiting else ""
    return ", ".join(filter(None, ("" if job.active is None else str(job.active), waiting)))


def _queue(spec: Object) -> str:
    """Return how many runs may wait in line, how long, and which is next; empty where none waits."""
    found, policy = mapping(spec, "queue"), str(spec.get("concurrency"))
    if policy != "queue" and not items(spec, "pools"):
        return ""
    expires = f", each for {found['expires']}" if found.get("expires") else ""
    if policy in ONE_WAITS:
        return f"at most 1 run{expires}, {ONE_WAITS[policy]}"
    most, order = number(found, "max") or MOST_WAITING, found.get("order") or OLDEST
    return f"at most {plural(most, 'run')}{expires}, the {order} first"


def _pools(spec: Object) -> str:
    """Return the pools in which each run takes a place, and the priority; empty for none."""
    names, priority = ", ".join(map(str, items(spec, "pools"))), number(spec, "priority")
    return f"{names}, with priority {priority}" if names and priority else names


def _local_queue(spec: Object) -> str:
    """Return the queue of Kueue in which Jobs of the job wait; empty for none. The field precedes the label."""
    labels = mapping(mapping(mapping(spec, "jobTemplate"), "metadata"), "labels")
    return str(spec.get("queueName") or labels.get(KUEUE_QUEUE) or "")


def _parameter(raw: Object) -> tuple[str, str]:
    """Return the title and the value of a declared parameter: what it may be, and what it is without a value."""
    kind, default = str(raw.get("type") or "string"), raw.get("default")
    words = [
        "secret" if raw.get("secret") else kind if kind != "enum" else " | ".join(map(str, items(raw, "values"))),
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
