"""DkronPauses as the command line makes, shows and ends them. Reads defensively: anybody may have written the
object."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dkron_cli.core.selection import Labels, has_all, written
from dkron_cli.core.table import Table, table
from dkron_crds.names import API_VERSION
from dkron_crds.schedule.errors import ScheduleError
from dkron_crds.schedule.instants import rfc3339
from dkron_crds.schedule.timestamps import rfc3339 as read_rfc3339
from dkron_reports.job import Job
from dkron_reports.reading import mapping
from dkron_reports.words import instant, one_line, plural, read_span, read_time

Object = dict[str, Any]
NAMED = 5
"""Jobs that a sentence names."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which jobs: some by name, those with labels, or all; of one namespace, or everywhere."""

    jobs: tuple[str, ...] = ()
    selector: Labels = ()
    everywhere: bool = False

    def __str__(self) -> str:
        where = " in all namespaces" if self.everywhere else ""
        if self.jobs:
            return ", ".join(self.jobs) + where
        return (f"jobs with {written(self.selector)}" if self.selector else "all jobs") + where

    def selects(self, job: Job) -> bool:
        """Whether a job of the right namespace is one of them."""
        if self.jobs:
            return job.name in self.jobs or job.object_name in self.jobs
        return has_all(self.selector, mapping(mapping(job.raw, "metadata"), "labels"))


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends a pause for some jobs: its deletion, or with `left`, a shorter list of jobs."""

    pause: Object
    left: tuple[str, ...] = ()


def read_end(text: str, now: datetime) -> datetime:
    """Return a time that a user wrote: a length of time from now such as `2h`, or RFC 3339 with a zone. Raises
    ValueError with a sentence."""
    try:
        return (now + read_span("--until", text)).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    try:
        return read_rfc3339(text.replace(" ", "T", 1), "--until")
    except ScheduleError:
        raise ValueError(
            f'--until: "{text}" is not a time; use a length of time from now such as 2h, or RFC 3339 with a zone such '
            "as 2026-03-01T09:30:00Z"
        ) from None


def pause_manifest(
    name: str, namespace: str, choice: Choice, *, reason: str, by: str, until: datetime | None, drop: bool
) -> Object:
    """Return the DkronPause to create."""
    spec: Object = {"reason": reason, "pausedBy": by}
    if choice.jobs:
        spec["jobs"] = list(choice.jobs)
    if choice.selector:
        spec["selector"] = dict(choice.selector)
    if choice.everywhere:
        spec["allNamespaces"] = True
    if until is not None:
        spec["until"] = rfc3339(until)
    if drop:
        spec["whenResumed"] = "drop"
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": "DkronPause", "metadata": metadata, "spec": spec}


def choice_of(pause: Mapping[str, Any]) -> Choice:
    """Return which jobs a DkronPause selects."""
    spec = pause.get("spec") or {}
    selector = spec.get("selector") or {}
    return Choice(
        tuple(map(str, spec.get("jobs") or ())),
        tuple(sorted((str(key), str(value)) for key, value in selector.items())),
        everywhere=spec.get("allNamespaces") is True,
    )


def endings(pauses: Sequence[Object], choice: Choice) -> list[Ending]:
    """Return the changes that end the pauses of exactly these jobs. A pause that names others too goes on for them."""
    found = []
    for pause in pauses:
        its = choice_of(pause)
        if its.everywhere is not choice.everywhere:
            continue
        if choice.jobs and its.jobs and set(choice.jobs) & set(its.jobs):
            found.append(Ending(pause, tuple(name for name in its.jobs if name not in choice.jobs)))
        elif not choice.jobs and not its.jobs and its.selector == choice.selector:
            found.append(Ending(pause))
    return found


def names_any(jobs: Sequence[Job], pauses: Iterable[Object]) -> bool:
    """Whether one of the jobs says that one of these pauses holds it. Without a namespace, only the name is
    compared."""
    known = [each["metadata"] for each in pauses]
    texts = [f"(DkronPause {where}{one['name']})" for one in known for where in (f"{one['namespace']}/", "")]
    return any(text in job.paused for job in jobs for text in texts)


def still_paused(jobs: Iterable[Job], *, namespaces: bool) -> list[str]:
    """Return by which pauses these jobs are held, as a sentence each."""
    held: dict[str, list[str]] = {}
    for job in jobs:
        if job.paused:
            held.setdefault(job.paused, []).append(f"{job.namespace}/{job.name}" if namespaces else job.name)
    return [f"{_listed(names)} {'stays' if len(names) == 1 else 'stay'} {paused}" for paused, names in held.items()]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {plural(more, 'other')}" if more > 0 else "")


def pause_table(pauses: Sequence[Object], *, namespaces: bool) -> Table:
    """Return the table of `pauses`."""
    rows = []
    for pause in pauses:
        metadata, spec, status = (pause.get(key) or {} for key in ("metadata", "spec", "status"))
        active: Mapping[str, Any] = next(
            (each for each in status.get("conditions") or () if each.get("type") == "Active"), {}
        )
        holds = "yes" if active.get("status") == "True" else str(active.get("reason") or "not yet")
        until = read_time(spec.get("until"))
        row = [
            str(metadata.get("name")), holds, str(choice_of(pause)), str(status.get("jobs") or 0),
            instant(until) if until else "-", str(spec.get("whenResumed") or "missedRuns"),
            one_line(str(spec.get("pausedBy") or "-")), one_line(str(spec.get("reason") or "-")),
        ]  # fmt: skip
        rows.append([str(metadata.get("namespace")), *row] if namespaces else row)
    head = ["NAME", "HOLDS", "OF", "JOBS", "UNTIL", "THEN", "BY", "REASON"]
    return table(["NAMESPACE", *head] if namespaces else head, rows)
