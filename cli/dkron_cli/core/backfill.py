"""DkronBackfills: the object that a command line asks for, and what its status says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dkron_cli.core.selection import written
from dkron_cli.core.table import Table, table
from dkron_crds.names import API_VERSION, object_name
from dkron_reports.reading import mapping, objects, whole
from dkron_reports.words import ago, instant, one_line, plural, read_time

Object = dict[str, Any]
NAME_ROOM = 40
"""How many characters of a job's name the name of its backfill begins with; 63 are allowed in all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has got. `good` is None until its end."""

    planned: int | None
    done: int
    good: bool | None
    message: str
    failed: tuple[str, ...]
    """The newest runs that failed, a line each."""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.good is not None

    @property
    def refused(self) -> bool:
        """Whether it ended before it had a plan."""
        return self.good is False and self.planned is None


def backfill_body(name: str, spec: Mapping[str, Any]) -> Object:
    """Return the object, without the fields of the spec that are None."""
    given = {key: value for key, value in spec.items() if value is not None}
    return {"apiVersion": API_VERSION, "kind": "DkronBackfill", "metadata": {"name": name}, "spec": given}


def backfill_name(job: str, at: int, salt: str) -> str:
    """Return a name for a backfill of a job, or of several, from the Unix second `at` and a few random characters."""
    return f"{object_name(job)[:NAME_ROOM] if job else 'jobs'}-{at}-{salt}"


def progress(body: Mapping[str, Any]) -> Progress:
    """Read the status of a DkronBackfill."""
    status = body.get("status") or {}
    plan = status.get("plan") or {}
    true = {each.get("type") for each in status.get("conditions") or () if each.get("status") == "True"}
    return Progress(
        planned=plan.get("count"),
        done=whole(status.get("succeeded")) + whole(status.get("failed")),
        good=True if "Complete" in true else False if "Failed" in true else None,
        message=str(status.get("message") or ""),
        failed=tuple(_failed(each) for each in status.get("failedRuns") or ()),
    )


_ENDS = {
    "Finished": "succeeded", "Planned": "planned", "RunsFailed": "failed", "Stopped": "stopped", "Refused": "refused",
}  # fmt: skip
"""How a backfill has ended, by the reason of its condition."""


def state_of(body: Mapping[str, Any]) -> str:
    """Return how a backfill stands, in the words of the REST API."""
    spec, status = mapping(body, "spec"), mapping(body, "status")
    for each in objects(status, "conditions"):
        if each.get("type") in ("Complete", "Failed") and each.get("status") == "True":
            return _ENDS.get(str(each.get("reason")), "failed" if each["type"] == "Failed" else "succeeded")
    if spec.get("suspend") is True:
        return "suspended"
    return "running" if mapping(status, "plan") else "planning"


def backfill_table(backfills: Sequence[Mapping[str, Any]], *, now: datetime, wide: bool, namespaces: bool) -> Table:
    """Return the table of `backfills list`."""
    head, more = ["OF", "STATE", "DONE", "FAILED", "ACTIVE", "AGE"], ["FROM", "TO", "REASON", "MESSAGE"]
    rows = []
    for each in backfills:
        metadata, spec, status = (mapping(each, key) for key in ("metadata", "spec", "status"))
        found = progress(each)
        done = "-" if found.planned is None else f"{found.done}/{found.planned}"
        counts = (str(whole(status.get(key))) for key in ("failed", "active"))
        row = [_chosen(spec), state_of(each), done, *counts, ago(read_time(metadata.get("creationTimestamp")), now)]
        if wide:
            row += [instant(read_time(spec.get(key))) for key in ("from", "to")]
            row += [one_line(str(spec.get("reason") or "")), one_line(found.message)]
        rows.append([*([str(metadata.get("namespace"))] if namespaces else []), *row, str(metadata.get("name"))])
    return table(
        [*(["NAMESPACE"] if namespaces else []), *head, *(more if wide else []), "BACKFILL"],
        rows,
        spare=("REASON", "AGE", "ACTIVE", "TO", "FROM"),
    )


def backfill_facts(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return titles and values of `backfills describe`, without what is empty."""
    metadata, spec, status = (mapping(body, key) for key in ("metadata", "spec", "status"))
    plan, started = mapping(status, "plan"), read_time(status.get("startedAt"))
    finished, count = read_time(status.get("finishedAt")), whole(plan.get("count"))
    counts = ("succeeded", "failed", "active", "remaining")
    found = [
        ("Name", metadata.get("name")),
        ("Namespace", metadata.get("namespace")),
        ("Of", _chosen(spec)),
        ("State", state_of(body)),
        ("Message", status.get("message")),
        ("Period", f"{instant(read_time(spec.get('from')))} to {instant(read_time(spec.get('to')))}"),
        ("Takes", f"{spec.get('runs') or 'all'}, {spec.get('order') or 'oldestFirst'}"),
        ("At once", spec.get("parallelism")),
        ("On failure", spec.get("onFailure")),
        ("Concurrency", spec.get("concurrency")),
        *((f"Parameter {name}", value) for name, value in mapping(spec, "parameters").items()),
        ("Reason", spec.get("reason")),
        ("Requested", instant(read_time(metadata.get("creationTimestamp")))),
        ("Slots", f"{count} of {plural(whole(plan.get('jobs')), 'job')}" if plan else ""),
        ("Runs", ", ".join(f"{whole(status.get(key))} {key}" for key in counts) if plan else ""),
        ("Started", started and instant(started)),
        ("Finished", finished and instant(finished)),
    ]
    return [(title, one_line(str(value))) for title, value in found if value]


def slot_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """Return some runs of a backfill, by their slots."""
    rows = [[instant(read_time(each.get("slot"))), str(each.get("job")), str(each.get("run") or "")] for each in runs]
    return table(("SLOT", "JOB", "RUN"), rows)


def _chosen(spec: Mapping[str, Any]) -> str:
    labels = written(tuple(mapping(spec, "selector").items()))
    return str(spec.get("job") or (f"jobs with {labels}" if labels else "all jobs"))


def _failed(run: Mapping[str, Any]) -> str:
    slot = run.get("slot")
    at = instant(datetime.fromisoformat(slot)) if isinstance(slot, str) else "-"
    why = one_line(str(run.get("message") or "")) or f"dkronctl runs describe {run.get('run')}"
    return f"{at} of {run.get('job')} failed: {why}"
