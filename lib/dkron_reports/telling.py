"""Runs in sentences and in JSON, as explanations of slots tell them: by which cause, and how they waited in line."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from dkron_crds.schedule.instants import rfc3339
from dkron_reports.run import Run
from dkron_reports.words import instant, plural

CAUSES = {"manual": "on request", "backfill": "by a backfill", "dependent": "after a parent"}


def sentence(run: Run, known: Sequence[Run], now: datetime) -> str:
    """Return how a run went, and by which cause unless that is the schedule. `known` are all runs."""
    cause = CAUSES.get(run.trigger)
    told = run.sentence(now, behind=behind(run, known))
    return f"{cause}: {told}" if cause else told


def beginning(run: Run) -> str:
    """Return when a run began, as the predicate of a sentence."""
    if run.started is None:
        return "waits" if run.attempts[0].queue else "waits in line"
    return "never began" if run.never_began else f"began {instant(run.started)}"


def behind(run: Run, known: Iterable[Run]) -> str:
    """Return which runs of its job a run in line waits for, or the runs that were active when it joined the line, in a
    few words; empty if it waited for none, or if none of them is known."""
    since = run.queued
    if since is None or run.attempts[0].beside:
        return ""
    begun = [each for each in known if each.started is not None and each.group != run.group]
    if run.started is None:
        ahead = [each for each in begun if each.finished is None]
    else:
        ahead = [each for each in begun if (each.started or since) <= since < (each.finished or run.started)]
    if not ahead:
        return ""
    first = min(ahead, key=lambda each: each.group)
    others = f" and {plural(len(ahead) - 1, 'other')}" if len(ahead) > 1 else ""
    return f"the run of {instant(first.slot or first.started)}{others}"


def wait_json(run: Run) -> dict[str, Any]:
    """Return since when a run waited in line, and its place or how long it took; empty if it did not wait."""
    if run.queued is None:
        return {}
    since = {"queued_at": rfc3339(run.queued)}
    if run.started is None:
        pools = [each.as_json() for each in run.attempts[0].pools]
        return since | ({"place": run.place} if run.place else {}) | ({"pools": pools} if pools else {})
    return since | {"queued_seconds": (run.started - run.queued).total_seconds()}
