"""DkronBackfills: the object that a command line asks for, and what its status says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dkron_crds.names import API_VERSION, object_name
from dkron_reports.words import instant, one_line

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
        done=_whole(status.get("succeeded")) + _whole(status.get("failed")),
        good=True if "Complete" in true else False if "Failed" in true else None,
        message=str(status.get("message") or ""),
        failed=tuple(_failed(each) for each in status.get("failedRuns") or ()),
    )


def _failed(run: Mapping[str, Any]) -> str:
    slot = run.get("slot")
    at = instant(datetime.fromisoformat(slot)) if isinstance(slot, str) else "-"
    why = one_line(str(run.get("message") or "")) or f"kubectl describe dkr {run.get('run')}"
    return f"{at} of {run.get('job')} failed: {why}"


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
