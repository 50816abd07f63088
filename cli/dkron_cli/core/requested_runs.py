"""DkronRuns as the command line shows them. Reads defensively: any client may have written the object."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dkron_cli.core.table import Table, table
from dkron_crds.run import OF_BACKFILL, RunPhase
from dkron_reports.reading import mapping, number
from dkron_reports.run import Attempt, attempts_of_run
from dkron_reports.words import ago, exact_span, instant, one_line, plural, read_time

Object = Mapping[str, Any]
RUN_SPARE = ("AGE", "BY", "REASON", "STARTED", "ATTEMPTS", "SLOT", "TOOK")
"""The columns of a list that go first where there is no room."""
OVER = frozenset({RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.REFUSED})


def phase_of(run: Object) -> str:
    """Return how far a run has got."""
    return str(mapping(run, "status").get("phase") or RunPhase.PENDING)


def message_of(run: Object) -> str:
    """Return the sentence about how far it has got."""
    return one_line(str(mapping(run, "status").get("message") or ""))


def requested_table(runs: Sequence[Object], *, now: datetime, wide: bool, namespaces: bool) -> Table:
    """Return the table of `runs list`."""
    head, more = ["JOB", "PHASE", "ATTEMPTS", "STARTED", "TOOK", "AGE"], ["SLOT", "BY", "REASON", "MESSAGE"]
    rows = []
    for run in runs:
        metadata, spec, status = (mapping(run, key) for key in ("metadata", "spec", "status"))
        row = [
            str(spec.get("job")), phase_of(run), str(number(status, "attemptCount")),
            ago(_started(status), now), _took(status, now=now),
            ago(read_time(metadata.get("creationTimestamp")), now),
        ]  # fmt: skip
        if wide:
            slot = read_time(spec.get("scheduledTime"))
            by, reason = (one_line(str(spec.get(key) or "")) for key in ("requestedBy", "reason"))
            row += ["" if slot is None else instant(slot), by, reason, message_of(run)]
        rows.append([*([str(metadata.get("namespace"))] if namespaces else []), *row, str(metadata.get("name"))])
    return table([*(["NAMESPACE"] if namespaces else []), *head, *(more if wide else []), "RUN"], rows, spare=RUN_SPARE)


def run_facts(run: Object, *, now: datetime) -> list[tuple[str, str]]:
    """Return titles and values of `runs describe`, without what is empty."""
    metadata, spec, status = (mapping(run, key) for key in ("metadata", "spec", "status"))
    started, slot = _started(status), read_time(spec.get("scheduledTime"))
    keeps = spec.get("ttlSecondsAfterFinished")
    found = [
        ("Name", metadata.get("name")),
        ("Namespace", metadata.get("namespace")),
        ("Job", spec.get("job")),
        ("Backfill", mapping(metadata, "labels").get(OF_BACKFILL)),
        ("Phase", phase_of(run)),
        ("Message", status.get("message")),
        ("Requested", instant(read_time(metadata.get("creationTimestamp")))),
        ("By", spec.get("requestedBy")),
        ("Reason", spec.get("reason")),
        ("Slot", slot and instant(slot)),
        *((f"Parameter {name}", value) for name, value in mapping(spec, "parameters").items()),
        ("Force", spec.get("force")),
        ("Kept", "" if keeps is None else f"for {keeps}s after its end"),
        ("Started", started and instant(started)),
        ("Took", _took(status, now=now)),
    ]
    return [(title, one_line(str(value))) for title, value in found if value]


def shown_attempts(run: Object) -> list[Attempt]:
    """Return the attempts with the names of their Jobs for ids, which a DkronRun does not have. Commands take both."""
    return [replace(each, id=each.job) for each in attempts_of_run(mapping(run, "status"))]


def run_ended(run: Object, *, now: datetime) -> str:
    """Return how a run that is over went, in one sentence."""
    status, phase = mapping(run, "status"), phase_of(run)
    took, tries = _took(status, now=now), number(status, "attemptCount")
    words = [f"{phase.lower()} after {took}" if took else phase.lower()]
    words += [plural(tries, "attempt")] if tries > 1 else []
    why = "" if phase == RunPhase.SUCCEEDED else message_of(run)
    return f"{mapping(run, 'metadata').get('name')}: {', '.join(words)}{f': {why}' if why else ''}"


def _took(status: Object, *, now: datetime) -> str:
    started = _started(status)
    return "" if started is None else exact_span((read_time(status.get("finishedAt")) or now) - started)


def _started(status: Object) -> datetime | None:
    """Return when the run began; None if it did not, as one that was stopped in line."""
    attempts = attempts_of_run(status)
    never = bool(attempts) and all(each.never_began for each in attempts)
    return None if never else read_time(status.get("startedAt"))
