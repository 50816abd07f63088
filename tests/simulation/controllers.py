"""What else works on the world: the Job controller, a kubelet, and the garbage collector. The kubelet is the witness,
too: it knows when each pod began and ended, and no fault touches it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.job import Trigger
from dkron_crds.job_metadata import OF_RUN
from dkron_kube.errors import KubeError
from dkron_kube.paths import DKRON_JOBS, JOBS, PODS
from tests.chaos.history import Run
from tests.simulation.dice import Dice
from tests.support.world import FOREGROUND, Event, Key, World

Object = dict[str, Any]


SQUATTER = "squatter"
"""The annotation of a Job that no operator has made."""


@dataclass(frozen=True, slots=True)
class Course:
    """How Jobs fare: `fails` and `stuck` are shares of them, `lasts` the longest time that a pod takes, in seconds; and
    `ttl` after how many seconds those that are over are removed, if they are."""

    fails: float = 0.2
    stuck: float = 0.0
    lasts: float = 3.0
    ttl: float | None = None


class Controllers:
    """All of them, driven by what happens in the world."""

    def __init__(
        self, world: World, course: Course, *, seed: int, loop: asyncio.AbstractEventLoop, clock: Callable[[], datetime]
    ) -> None:
        self.runs: dict[str, Run] = {}
        self.removed: Callable[[str], None] = lambda _: None
        """Told the name of a Job whose time to live was over before its end was recorded."""
        self._world = world
        self._course = course
        self._seed = seed
        self._clock = clock
        self._loop = loop
        self._dice = Dice(seed, "garbage collector")
        self._dice_of_ttl = Dice(seed, "TTL controller")
        world.heard.append(self._hear)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        # None of our doings belongs to the process whose write has caused it.
        self._loop.call_later(seconds, act, context=Context())

    def _hear(self, event: Event) -> None:
        metadata = event.body["metadata"]
        if event.plural == JOBS.plural:
            match event.kind:
                case "ADDED":
                    self._begin(event.body)
                case "DELETED":
                    self._clear(metadata["uid"])
                case _ if FOREGROUND in metadata.get("finalizers", ()):
                    self._end_first(metadata)
        elif event.plural == DKRON_JOBS.plural and event.kind == "DELETED":
            self._later(self._dice.between(0.1, 4.0), partial(self._collect, metadata["uid"]))

    # --- the Job controller and the kubelet --------------------------------------------------------------------------

    def _begin(self, job: Object) -> None:
        metadata = job["metadata"]
        run = _witnessed(job, self._clock())
        if run is not None:
            self.runs[metadata["uid"]] = run
        for owner in metadata.get("ownerReferences") or ():
            if not self._world.is_alive(owner["uid"]):
                self._later(self._dice.between(0.1, 4.0), partial(self._collect, owner["uid"]))
        dice = Dice(self._seed, f"course of {metadata['name']}")
        self._later(dice.between(0.02, 0.3), partial(self._make_pod, metadata, dice))

    def _make_pod(self, job: Object, dice: Dice) -> None:
        if not self._is_there(job):
            return
        name = f"{job['name']}-pod"
        pod: Object = {
            "metadata": {
                "name": name,
                "labels": {"batch.kubernetes.io/job-name": job["name"]},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": job["name"],
                        "uid": job["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": {"containers": [{"name": "job"}], "nodeName": "n1"},
        }
        try:
            self._world.create(PODS, job["namespace"], pod)
        except KubeError:
            # The one of an earlier Job of that name is still there.
            self._later(0.5, partial(self._make_pod, job, dice))
            return
        if dice.chance(self._course.stuck):
            waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
            self._show(job, {"phase": "Pending"}, {"waiting": waiting}, {"active": 1})
        else:
            self._later(dice.between(0.01, 0.8), partial(self._start, job, dice))

    def _start(self, job: Object, dice: Dice) -> None:
        if self._is_there(job):
            now = self._clock()
            self._note(job, start=now)
            self._show(job, {"phase": "Running"}, {"running": {"startedAt": _told(now)}}, {"active": 1, "ready": 1})
            self._later(dice.between(0.05, self._course.lasts), partial(self._end, job, now, dice))

    def _end(self, job: Object, began: datetime, dice: Dice) -> None:
        if not self._is_there(job):
            return
        now, success = self._clock(), not dice.chance(self._course.fails)
        self._note(job, end=now, success=success)
        code, phase = (0, "Succeeded") if success else (1, "Failed")
        ended = {
            "exitCode": code, "reason": "Completed" if success else "Error",
            "startedAt": _told(began), "finishedAt": _told(now),
        }  # fmt: skip
        self._show(job, {"phase": phase}, {"terminated": ended}, {})
        self._later(dice.between(0.01, 0.5), partial(self._conclude, job, success))

    def _conclude(self, job: Object, success: bool) -> None:
        if self._is_there(job):
            at = _told(self._clock())
            condition = {"type": "Complete" if success else "Failed", "status": "True", "lastTransitionTime": at}
            if not success:
                condition |= {"reason": "BackoffLimitExceeded", "message": "Job has reached its backoff limit"}
            status: Object = {"active": None, "ready": None, "conditions": [condition]}
            status |= {"completionTime": at} if success else {}
            self._world.patch(JOBS, job["namespace"], job["name"], {"status": status}, status=True)
            if self._course.ttl is not None:
                self._later(self._course.ttl + self._dice_of_ttl.between(0.0, 0.3), partial(self._expire, job))

    def _expire(self, job: Object) -> None:
        """The TTL controller. One that no status knows by then stays until one does (docs/reliability.md)."""
        name, run = job["name"], self.runs.get(job["uid"])
        if run is None or not self._is_there(job):
            return
        try:
            owner = self._world.get(DKRON_JOBS, job["namespace"], run.job)
        except KubeError:
            return
        status = owner.get("status") or {}
        told = {*status.get("counted", ()), *(each["job"] for each in status.get("executions", ()))}
        if name not in told and job["uid"] not in {entry.get("uid") for entry in status.get("active", ())}:
            self._later(1.0, partial(self._expire, job))
            return
        self._world.delete(JOBS, job["namespace"], name, uid=job["uid"])
        if name not in told:
            self.removed(name)

    def _show(self, job: Object, pod: Object, state: Object, status: Object) -> None:
        container = {"name": "job", "state": {"running": None, "waiting": None, "terminated": None, **state}}
        body = {"status": {**pod, "containerStatuses": [_without_nothing(container)]}}
        self._world.patch(PODS, job["namespace"], f"{job['name']}-pod", body, status=True)
        if status:
            body = {"status": {"startTime": job["creationTimestamp"], **status}}
            self._world.patch(JOBS, job["namespace"], job["name"], body, status=True)

    def _note(self, job: Object, **seen: Any) -> None:
        if job["uid"] in self.runs:
            self.runs[job["uid"]] = replace(self.runs[job["uid"]], **seen)

    def _is_there(self, job: Object) -> bool:
        """Whether its pod may go on: a Job that goes takes it along."""
        key = Key(JOBS.plural, job["namespace"], job["name"])
        return self._world.exists(job["uid"], key) and job["uid"] not in self._world.ending

    def _end_first(self, job: Object) -> None:
        if job["uid"] not in self._world.ending:
            self._world.ending.add(job["uid"])
            self._later(self._dice.between(0.1, 2.0), partial(self._let_go, job))

    def _let_go(self, job: Object) -> None:
        if self._world.exists(job["uid"], Key(JOBS.plural, job["namespace"], job["name"])):
            self._clear(job["uid"])
            self._world.patch(JOBS, job["namespace"], job["name"], {"metadata": {"finalizers": []}})

    def _clear(self, uid: str) -> None:
        """Its pods go."""
        self._collect(uid)

    # --- the garbage collector ---------------------------------------------------------------------------------------

    def _collect(self, owner: str) -> None:
        for key, body in tuple(self._world.dependents(owner)):
            resource = JOBS if key.plural == JOBS.plural else PODS
            self._world.delete(resource, key.namespace, key.name, uid=body["metadata"]["uid"])


def _witnessed(job: Object, now: datetime) -> Run | None:
    """The beginning of a run; None if it is no Job of an operator."""
    metadata = job["metadata"]
    notes = metadata.get("annotations") or {}
    owners = metadata.get("ownerReferences") or ()
    if "dkron.io/slot" not in notes or SQUATTER in notes or not owners:
        return None
    return Run(
        job=notes["dkron.io/name"],
        uid=owners[0]["uid"],
        name=metadata["name"],
        slot=datetime.fromisoformat(notes["dkron.io/slot"]),
        trigger=Trigger(notes["dkron.io/trigger"]),
        group=int(notes["dkron.io/group"]),
        attempt=int(notes["dkron.io/attempt"]),
        member=notes.get("dkron.io/member", ""),
        asked=notes.get(OF_RUN, ""),
        created=now,
    )


def _told(at: datetime) -> str:
    """Kubelets tell whole seconds."""
    return rfc3339(at.replace(microsecond=0))


def _without_nothing(container: Object) -> Object:
    return {**container, "state": {key: value for key, value in container["state"].items() if value is not None}}
