"""A client that works with DkronJobs, DkronRuns, DkronPauses and DkronBackfills as people do, and notes each thing that
it asks for: when that was, when it was answered, and whether it was refused.

A request is sent once: one without an answer, or that the server fails at, may have had its effect. Only pauses are
asked for until there is an answer: what they hold depends on it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from urllib3.exceptions import HTTPError

from dkron_crds.backfill import BackfillSpec
from dkron_crds.job import JobSpec
from dkron_crds.names import API_VERSION
from dkron_crds.requests import run_annotation
from dkron_crds.run import RunSpec
from dkron_crds.stops import stop_annotation
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_RUNS, Resource
from tests.chaos.history import FOREVER, Act, BackfillRequest, Operation, Paused, RunRequest, Suspended
from tests.support.kube import Kube, Object, Refused

WHO = "the recorder"
Fact = Operation | RunRequest | Paused | BackfillRequest | Suspended
AGAIN = 0.2
"""Seconds until a request is repeated that may be sent twice."""
INSISTS = 60.0
"""Seconds that this goes on."""


class Recorder:
    """`operations` is what was asked for so far; `told` hears of each when it is over."""

    def __init__(self, kube: Kube, told: Callable[[Fact], None] = lambda _: None) -> None:
        self.operations: list[Operation] = []
        self._kube = kube
        self._told = told
        self._requests = 0
        self._pauses: dict[str, list[Paused]] = {}
        self._suspended: Suspended | None = None

    def create(self, body: Object) -> Operation:
        """Create this DkronJob."""
        spec, metadata = JobSpec.from_wire(body["spec"]), body["metadata"]
        labels = tuple(f"{key}={value}" for key, value in (metadata.get("labels") or {}).items())
        op = self._asked(Act.CREATE, metadata["name"], spec=spec, labels=labels)
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

    def ask(self, job: str, *, fits: bool = True, **spec: Any) -> RunRequest:
        """Create a DkronRun. `fits`: whether the values are such as the job takes."""
        wanted = {"job": job, "requestedBy": WHO, **spec}
        request = RunRequest(name=self._name(), invoked=datetime.now(UTC), spec=RunSpec.from_wire(wanted), fits=fits)
        done = replace(request, **self._create(DKRON_RUNS, "DkronRun", request.name, wanted, made=True))
        self._told(done)
        return done

    def backfill(self, **spec: Any) -> BackfillRequest:
        """Create a DkronBackfill."""
        request = BackfillRequest(name=self._name(), invoked=datetime.now(UTC), spec=BackfillSpec.from_wire(spec))
        done = replace(request, **self._create(DKRON_BACKFILLS, "DkronBackfill", request.name, spec))
        self._told(done)
        return done

    def suspend(self, name: str) -> None:
        """Suspend a DkronBackfill. It is asked for until it is answered."""
        begin = datetime.now(UTC)
        self._suspended = Suspended(name=name, begin=begin, made=self._set_suspended(name, to=True))

    def go_on(self) -> None:
        """Resume the DkronBackfill that is suspended, if one is."""
        if self._suspended is not None:
            end, name = datetime.now(UTC), self._suspended.name
            self._told(replace(self._suspended, end=end, gone=self._set_suspended(name, to=False)))
            self._suspended = None

    def _set_suspended(self, name: str, *, to: bool) -> datetime:
        return self._insist(lambda: self._kube.patch(DKRON_BACKFILLS, name, {"spec": {"suspend": to}}))

    def pause(self, jobs: Iterable[str], spec: Object) -> str:
        """Create a DkronPause with this spec, which selects these jobs; its name. It is asked for until it is
        answered.."""
        name, begin = self._name(), datetime.now(UTC)
        body = {"apiVersion": API_VERSION, "kind": "DkronPause", "metadata": {"name": name}, "spec": spec}
        made = self._insist(lambda: self._kube.create(DKRON_PAUSES, body))
        drop, until = spec.get("whenResumed") == "drop", spec.get("until")
        end = datetime.fromisoformat(until) if until else FOREVER
        self._pauses[name] = [
            Paused(job=job, begin=begin, made=made, end=end, drop=drop, by_itself=bool(until)) for job in jobs
        ]
        return name

    def resume(self, name: str) -> None:
        """Delete a DkronPause, whether it has ended by itself or not."""
        end = datetime.now(UTC)
        gone = self._insist(lambda: self._kube.delete(DKRON_PAUSES, name))
        for each in self._pauses.pop(name):
            ended = each if each.end < end else replace(each, end=end, gone=gone, by_itself=False)
            self._told(ended)

    def resume_all(self) -> None:
        """Delete every DkronPause that is left, and resume what is suspended."""
        self.go_on()
        for name in tuple(self._pauses):
            self.resume(name)

    def _name(self) -> str:
        self._requests += 1
        return f"r{self._requests}"

    def _create(self, resource: Resource, kind: str, name: str, spec: Object, *, made: bool = False) -> Object:
        """Create an object, and what there is to tell of that."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        try:
            metadata = self._kube.create(resource, body)["metadata"]
        except Refused as refused:
            failed = refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return {} if failed else {"answered": datetime.now(UTC), "refused": True}
        except HTTPError:
            return {}
        created = {"created": datetime.fromisoformat(metadata["creationTimestamp"])} if made else {}
        return {"answered": datetime.now(UTC), "uid": metadata["uid"], **created}

    def _insist(self, call: Callable[[], object]) -> datetime:
        """Send what may be sent twice until it is answered; when that was."""
        deadline = time.monotonic() + INSISTS
        while True:
            try:
                call()
            except Refused as refused:
                if refused.status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
                    return datetime.now(UTC)
                if refused.status < HTTPStatus.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                    raise
            except HTTPError:
                if time.monotonic() > deadline:
                    raise
            else:
                return datetime.now(UTC)
            time.sleep(AGAIN)

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
        # An operation that the server failed at may be done all the same.
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return op
        return replace(op, answered=datetime.now(UTC), refused=True)
    except HTTPError:
        return op
    return replace(op, answered=datetime.now(UTC), **_told(op.act, answer or {}))


def _told(act: Act, answer: Object) -> dict[str, Any]:
    """The facts that only the answer has."""
    if act in (Act.DISABLE, Act.ENABLE):
        return {"spec": JobSpec.from_wire(answer["spec"])}
    if act is not Act.CREATE:
        return {}
    metadata = answer["metadata"]
    return {"uid": metadata["uid"], "created": datetime.fromisoformat(metadata["creationTimestamp"])}
