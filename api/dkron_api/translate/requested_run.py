"""DkronRuns as JSON: what clients send to run a job, an addition to Dkron, and what GET shows. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from dkron_api.translate.gojson import decode
from dkron_api.translate.record import Object, lenient
from dkron_api.translate.spec_fields import read_spec, texts_by_name
from dkron_crds.attempts import Attempt
from dkron_crds.base import rfc3339
from dkron_crds.requests import read_instant
from dkron_crds.run import RunSpec, RunStatus
from dkron_crds.schedule.errors import quoted
from dkron_from_dkron.body import flag, text
from dkron_from_dkron.values import Pairs, Unreadable

LONGEST_ID = 96
"""Characters of the id of an execution."""


@dataclass(frozen=True, slots=True)
class RunBody:
    """A client's options for the run. `scheduled_time` is the slot that it stands for; None is the time of the
    request. `repeat` is the id of an execution that it repeats. None as `parameters` leaves the values to that one, or
    to the defaults."""

    parameters: Mapping[str, str] | None = None
    scheduled_time: datetime | None = None
    force: bool = False
    reason: str = ""
    repeat: str = ""

    @property
    def identity(self) -> str:
        """The id of the execution that it repeats and a digest of the request as it was sent, which distinguish it from
        other requests. The values of that execution are no part of it: the answer would confirm a guess. Empty for a
        request that repeats none."""
        if not self.repeat:
            return ""
        sent = [self.repeat, self.parameters, self.spec("", by="")]
        return f"{self.repeat} {sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()[:32]}"

    @property
    def values(self) -> Mapping[str, str]:
        """The values that it gives itself."""
        return self.parameters or {}

    def spec(self, job: str, *, by: str) -> dict[str, Any]:
        """Return the spec of the DkronRun of this job, which `by` wants."""
        at = "" if self.scheduled_time is None else rfc3339(self.scheduled_time)
        given = {
            "parameters": dict(self.values), "scheduledTime": at, "force": self.force, "reason": self.reason,
            "requestedBy": by,
        }  # fmt: skip
        return {"job": job} | {key: value for key, value in given.items() if value}


def read_run_body(data: bytes) -> RunBody | None:
    """Return the options in the body; None if it names none of the fields: a client of Dkron may send anything, and
    Dkron reads nothing. Raises Unreadable."""
    if not any(f'"{name}"'.encode() in data for name in _READERS):
        return None
    value = decode(data)
    if not isinstance(value, Pairs):
        raise Unreadable('it is not an object; send an object, such as {"parameters": {"day": "2026-01-31"}}')
    given: dict[str, Any] = {}
    for key, item in value:
        if key not in _READERS:
            raise Unreadable(f"{quoted(key)} is not a field of it; it has {', '.join(_READERS)}")
        if item is not None:
            given[key] = _READERS[key](key, item)
    return RunBody(**given)


def _time(name: str, value: object) -> datetime:
    at = read_instant(value) if isinstance(value, str) else None
    if at is None:
        raise Unreadable(f"{name}: it is not a time of the years 1970 to 2261 with a zone, as 2026-03-01T09:30:00Z")
    return at


def _execution(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        raise Unreadable(f"{name}: it is not the id of an execution; send one that GET …/executions shows")
    return value


_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "parameters": texts_by_name, "scheduled_time": _time, "force": flag, "reason": text, "repeat": _execution,
}  # fmt: skip


_NOT_SHOWN = {"phase", "conditions", "dkron_job", "group", "observed_generation"}


def show_run(stored: Object) -> Object:
    """Return a DkronRun as the REST API shows it, without the values that it gives to parameters. Raises Unreadable if
    its spec does not match the definition."""
    metadata, status = stored["metadata"], lenient(RunStatus, stored.get("status") or {})
    counts = status.model_dump(mode="json", exclude=_NOT_SHOWN) | {
        "attempts": [_shown(each) for each in status.attempts]
    }
    return {
        "name": metadata["name"],
        "created_at": metadata.get("creationTimestamp"),
        **read_spec(RunSpec, stored).model_dump(mode="json", exclude={"parameters"}),
        "state": str(status.phase).lower(),
        "status": counts,
    }


def _shown(attempt: Attempt) -> Object:
    return {
        "job": attempt.job, "attempt": attempt.attempt, "member": attempt.member, "node_name": attempt.node_name,
        "started_at": rfc3339(attempt.started_at),
        "finished_at": None if attempt.finished_at is None else rfc3339(attempt.finished_at),
        "success": attempt.success if attempt.ended else None, "exit_code": attempt.exit_code,
        "reason": attempt.reason,
    }  # fmt: skip


def show_listed(stored: Object) -> Object:
    """Return a DkronRun of a list, in which no run has its attempts. Raises Unreadable."""
    shown = show_run(stored)
    del shown["status"]["attempts"]
    return shown
