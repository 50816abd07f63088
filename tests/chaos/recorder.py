"""A client that works with DkronJobs as people do, and notes each thing that it asks for: when that was, when it was
answered, and whether it was refused.

A request is sent once: one that nobody answers, or that the server fails at, may have had its effect.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from urllib3.exceptions import HTTPError

from dkron_crds.job import JobSpec
from dkron_crds.requests import run_annotation
from dkron_crds.stops import stop_annotation
from dkron_kube.paths import DKRON_JOBS
from tests.chaos.history import Act, Operation
from tests.support.kube import Kube, Refused

Object = dict[str, Any]
WHO = "the recorder"


class Recorder:
    """`operations` is what was asked for so far; `told` hears of each when it is over."""

    def __init__(self, kube: Kube, told: Callable[[Operation], None] = lambda _: None) -> None:
        self.operations: list[Operation] = []
        self._kube = kube
        self._told = told
        self._requests = 0

    def create(self, body: Object) -> Operation:
        """Create this DkronJob."""
        spec = JobSpec.from_wire(body["spec"])
        op = self._asked(Act.CREATE, body["metadata"]["name"], spec=spec)
        return self._do(op, lambda: self._kube.create(DKRON_JOBS, body))

    def edit(self, job: str, spec: Object) -> Operation:
        """Give it another spec, all of it."""
        op = self._asked(Act.EDIT, job, spec=JobSpec.from_wire(spec))
        change = [{"op": "replace", "path": "/spec", "value": spec}]
        return self._do(op, lambda: self._kube.json_patch(DKRON_JOBS, job, change))

    def disable(self, job: str) -> Operation:
        """Let it rest."""
        return self._do(self._asked(Act.DISABLE, job), lambda: self._kube.edit(job, disabled=True))

    def enable(self, job: str) -> Operation:
        """Let it go on."""
        return self._do(self._asked(Act.ENABLE, job), lambda: self._kube.edit(job, disabled=False))

    def delete(self, job: str) -> Operation:
        """Delete it, and with it its Jobs."""
        return self._do(self._asked(Act.DELETE, job), lambda: self._kube.delete(DKRON_JOBS, job))

    def run(self, job: str, *, force: bool = False) -> Operation:
        """Ask for a run."""
        self._requests += 1
        op = self._asked(Act.RUN, job, force=force)
        key, text = run_annotation(f"r{self._requests}", op.invoked, by=WHO, force=force)
        return self._do(replace(op, at=op.invoked), lambda: self._annotate(job, key, text))

    def stop(self, job: str, execution: str) -> Operation:
        """Ask for the stop of the execution with this Job."""
        op = self._asked(Act.STOP, job, hits=execution)
        key, text = stop_annotation(execution, op.invoked, by=WHO)
        return self._do(op, lambda: self._annotate(job, key, text))

    def stop_one(self, job: str, pick: float) -> Operation | None:
        """Ask for the stop of one of its executions that run; None if none does, or that cannot be seen."""
        try:
            status = (self._kube.find(DKRON_JOBS, job) or {}).get("status") or {}
        except (Refused, HTTPError):
            return None
        running = [entry["job"] for entry in status.get("active") or () if entry.get("uid")]
        return self.stop(job, running[int(pick * len(running))]) if running else None

    def wipe(self, job: str) -> Operation:
        """Clear its status by hand."""
        change = {"status": None}
        return self._do(
            self._asked(Act.WIPE, job), lambda: self._kube.patch(DKRON_JOBS, job, change, subresource="status")
        )

    def _annotate(self, job: str, key: str, text: str) -> Object:
        return self._kube.patch(DKRON_JOBS, job, {"metadata": {"annotations": {key: text}}})

    def _asked(self, act: Act, job: str, **more: Any) -> Operation:
        return Operation(act=act, job=job, invoked=datetime.now(UTC), **more)

    def _do(self, op: Operation, call: Callable[[], Object | None]) -> Operation:
        done = _answered(op, call)
        self.operations.append(done)
        self._told(done)
        return done


def _answered(op: Operation, call: Callable[[], Object | None]) -> Operation:
    try:
        answer = call()
    except Refused as refused:
        # What the server failed at may be done all the same.
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return op
        return replace(op, answered=datetime.now(UTC), refused=True)
    except HTTPError:
        return op
    return replace(op, answered=datetime.now(UTC), **_told(op.act, answer or {}))


def _told(act: Act, answer: Object) -> dict[str, Any]:
    """What the answer says that nobody else knows."""
    if act in (Act.DISABLE, Act.ENABLE):
        return {"spec": JobSpec.from_wire(answer["spec"])}
    if act is not Act.CREATE:
        return {}
    metadata = answer["metadata"]
    return {"uid": metadata["uid"], "created": datetime.fromisoformat(metadata["creationTimestamp"])}
