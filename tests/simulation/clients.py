"""Clients: people and programs that create, edit and delete jobs, and ask for runs. They get through at once."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.backfill import BackfillSpec
from dkron_crds.base import rfc3339
from dkron_crds.job import JobSpec
from dkron_crds.names import API_VERSION
from dkron_crds.parameter_places import run_problem
from dkron_crds.requests import run_annotation
from dkron_crds.run import RunSpec
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from dkron_crds.stops import stop_annotation
from dkron_kube.errors import KubeError, NotFound
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_JOBS, DKRON_PAUSES, DKRON_POOLS, DKRON_RUNS, JOBS, NODES, PODS
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.read import read_job
from tests.chaos.history import Act, BackfillRequest, Operation, Paused, RunRequest
from tests.simulation.controllers import SQUATTER
from tests.simulation.plans import Event, What
from tests.support.builders import IMAGES
from tests.support.world import Event as Told
from tests.support.world import Object, World

NAMESPACE = "default"
HOME = "home"
"""The namespace of the operator."""
NEIGHBOUR = "neighbour"
"""The namespace of jobs whose names begin with it."""
NO_UID = "00000000-0000-0000-0000-0000deadbeef"
_PHASES = frozenset({"Running", "Succeeded", "Failed"})
_WITH_SPEC = (What.CREATE, What.EDIT)


class Clients:
    """All of them. `operations` is what they asked for and were told was done, `run_requests` are the DkronRuns, and
    `backfill_requests` the DkronBackfills."""

    def __init__(self, world: World, clock: Callable[[], datetime]) -> None:
        self.operations: list[Operation] = []
        self.pauses: list[Paused] = []
        self.run_requests: list[RunRequest] = []
        self.backfill_requests: list[BackfillRequest] = []
        self._world = world
        self._clock = clock
        self._requests = 0
        self._awaited: list[tuple[Event, Callable[[str], None]]] = []
        world.heard.append(self._hear)

    def pause(self, event: Event, jobs: Iterable[str]) -> Callable[[], None]:
        """Pause a job, or all `jobs`; returns how that is ended."""
        begin, name = self._clock(), f"pause-{len(self.pauses)}"
        end = begin + timedelta(seconds=event.lasts)
        spec: Object = {"whenResumed": "drop" if event.spec.get("drop") else "missedRuns", "pausedBy": "person"}
        if event.on:
            spec["jobs"] = [event.on]
        if event.spec.get("until"):
            spec["until"] = rfc3339(end)
        body = {"apiVersion": API_VERSION, "kind": "DkronPause", "metadata": {"name": name}, "spec": spec}
        self._world.create(DKRON_PAUSES, NAMESPACE, body)
        known = len(self.pauses)
        drop, by_itself = bool(event.spec.get("drop")), "until" in spec
        self.pauses += (Paused(job=job, begin=begin, end=end, drop=drop, by_itself=by_itself) for job in jobs)

        def resume() -> None:
            if not by_itself:
                self._world.delete(DKRON_PAUSES, NAMESPACE, name)
                self.pauses[known:] = [replace(each, end=self._clock()) for each in self.pauses[known:]]

        return resume

    def wait(self, event: Event, act: Callable[[str], None]) -> None:
        """Have this done when the next pod of a job begins or ends; it is told the name of the Job."""
        self._awaited.append((event, act))

    def stop(self, job: str, name: str) -> None:
        """Ask for the end of an execution."""
        now = self._clock()
        key, text = stop_annotation(name, now)
        with suppress(KubeError):
            self._patch(job, {"metadata": {"annotations": {key: text}}})
            self.operations.append(Operation(act=Act.STOP, job=job, invoked=now, answered=now, hits=name))

    def newest(self, job: str) -> str | None:
        """The name of the newest Job of a job, if there is one."""
        runs = [body["metadata"] for body in self._runs(job)]
        return max(runs, key=lambda found: int(found["resourceVersion"]), default={"name": None})["name"]

    def waiting(self, job: str) -> str | None:
        """The name of the attempt of a job that waits for its backoff, or in line, or is called."""
        status = self._world.get(DKRON_JOBS, namespace_of(job), job).get("status") or {}
        first = min(status.get("active", ()), key=lambda entry: bool(entry.get("uid")), default=None)
        return None if first is None else first["job"]

    def _runs(self, job: str) -> list[Object]:
        """The Jobs that an operator has made for a job."""
        bodies = self._world.list(JOBS, namespace_of(job))
        notes = ((body, body["metadata"]["annotations"]) for body in bodies)
        return [body for body, its in notes if its.get("dkron.io/name") == job and SQUATTER not in its]

    def _hear(self, event: Told) -> None:
        phase = (event.body.get("status") or {}).get("phase")
        if not self._awaited or event.plural != PODS.plural or phase not in _PHASES:
            return
        name, ends = event.body["metadata"]["labels"]["batch.kubernetes.io/job-name"], phase != "Running"
        for awaited in self._awaited:
            wish, act = awaited
            if wish.races is ends and any(run["metadata"]["name"] == name for run in self._runs(wish.on)):
                self._awaited.remove(awaited)
                act(name)
                return

    def deleted(self, job: str) -> None:
        """This job is gone with its namespace."""
        now = self._clock()
        self.operations.append(Operation(act=Act.DELETE, job=job, invoked=now, answered=now))

    def ask(self, event: Event) -> None:
        """Do what the plan says, if that is possible."""
        match event.what:
            case What.NODES:
                self._set_nodes(event.nodes)
            case What.ASK:
                self._create_run(event)
            case What.BACKFILL:
                self._create_backfill(event)
            case What.CANCEL:
                self._delete_runs(event.on)
            case What.FORGE:
                self._forge(event.on)
            case What.POOL:
                self._set_pool(event)
            case What.NO_POOL:
                self._world.delete(DKRON_POOLS, namespace_of(event.on), event.on)
            case _:
                self._operate(event)

    def _operate(self, event: Event) -> None:
        try:
            answer = self._request(event)
        except KubeError:
            return
        now, more, act = self._clock(), dict[str, Any](), Act(event.what)
        if event.what in _WITH_SPEC:
            more["spec"] = JobSpec.from_wire(event.spec)
        if event.what is What.RUN:
            more |= {"at": _asked_at(now), "force": event.force}
        if event.what is What.CREATE:
            more |= {"uid": answer["metadata"]["uid"], "created": _created(answer)}
        self.operations.append(Operation(act=act, job=event.on, invoked=now, answered=now, **more))

    def _set_pool(self, event: Event) -> None:
        namespace = HOME if event.spec.get("namespaces") else namespace_of(event.on)
        try:
            self._world.patch(DKRON_POOLS, namespace, event.on, {"spec": event.spec})
        except NotFound:
            metadata = {"name": event.on}
            body = {"apiVersion": API_VERSION, "kind": "DkronPool", "metadata": metadata, "spec": event.spec}
            self._world.create(DKRON_POOLS, namespace, body)

    def _set_nodes(self, names: tuple[str, ...]) -> None:
        there = {body["metadata"]["name"] for body in self._world.list(NODES, None)}
        for name in sorted(there - {*names}):
            self._world.delete(NODES, None, name)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        for name in names:
            if name not in there:
                self._world.create(NODES, None, {"metadata": {"name": name, "labels": {"dc": "eu"}}, "status": ready})

    def squat(self, event: Event) -> Callable[[], None] | None:
        """Have a Job there as the next slot's will be, but of another owner; returns how it goes again."""
        try:
            body = self._next_run(self._world.get(DKRON_JOBS, namespace_of(event.on), event.on))
            made = self._world.create(JOBS, namespace_of(event.on), body)
        except KubeError:
            return None

        def go() -> None:
            # The garbage collector may have been here.
            with suppress(KubeError):
                self._world.delete(JOBS, namespace_of(event.on), body["metadata"]["name"], uid=made["metadata"]["uid"])

        return go

    def _forge(self, name: str) -> None:
        with suppress(KubeError):
            job = self._world.get(DKRON_JOBS, namespace_of(name), name)
            if (job.get("status") or {}).get("since") is None:
                return
            body = self._next_run(job)
            body["metadata"]["name"] += "-forged"
            body["metadata"]["ownerReferences"][0]["uid"] = job["metadata"]["uid"]
            self._world.create(JOBS, namespace_of(name), body)

    def remove(self, event: Event) -> str | None:
        """Delete the newest Job of a job that its status has seen; returns its name, if there is one. Of one that is
        gone before that the operator does not know, and it comes again."""
        runs = [body for body in self._runs(event.on) if body["metadata"]["uid"] in self._known(event.on)]
        if not runs:
            return None
        newest = max(runs, key=lambda body: int(body["metadata"]["resourceVersion"]))["metadata"]
        self._world.delete(JOBS, namespace_of(event.on), newest["name"], uid=newest["uid"])
        return str(newest["name"])

    def _known(self, job: str) -> set[str]:
        try:
            status = self._world.get(DKRON_JOBS, namespace_of(job), job).get("status") or {}
        except KubeError:
            return set()
        return {entry.get("uid", "") for entry in status.get("active", ())}

    def _next_run(self, job: Object) -> Object:
        since = (job.get("status") or {}).get("since")
        begin = _created(job) if since is None else datetime.fromisoformat(since)
        slot = Timeline(parse(job["spec"]["schedule"]), begin, None, None).next(self._clock())
        assert slot is not None, "each schedule of a plan goes on for ever"
        entry = scheduled(slot).entry(uid=job["metadata"]["uid"], name=job["metadata"]["name"], at=self._clock())
        body = build_job(read_job(job), entry, images=IMAGES)
        body["metadata"]["annotations"][SQUATTER] = "yes"
        body["metadata"]["ownerReferences"][0]["uid"] = NO_UID
        return body

    def _request(self, event: Event) -> Object:
        name = event.on
        match event.what:
            case What.CREATE:
                body = {"apiVersion": API_VERSION, "kind": "DkronJob", "metadata": {"name": name}, "spec": event.spec}
                return self._world.create(DKRON_JOBS, namespace_of(name), body)
            case What.DELETE:
                self._world.delete(DKRON_JOBS, namespace_of(name), name)
                return {}
            case What.RUN:
                self._requests += 1
                key, text = run_annotation(f"r{self._requests}", _asked_at(self._clock()), force=event.force)
                return self._patch(name, {"metadata": {"annotations": {key: text}}})
            case What.WIPE:
                return self._world.patch(DKRON_JOBS, namespace_of(name), name, {"status": None}, status=True)
            case What.EDIT:
                before = self._world.get(DKRON_JOBS, namespace_of(name), name)["spec"]
                return self._patch(name, {"spec": _replacing(before, event.spec)})
            case _:
                return self._patch(name, {"spec": {"disabled": event.what is What.DISABLE}})

    def _create_run(self, event: Event) -> None:
        self._requests += 1
        name, now, spec = f"a{self._requests}", self._clock(), {"job": event.on, "force": event.force, **event.spec}
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": {"name": name}, "spec": spec}
        made = self._world.create(DKRON_RUNS, namespace_of(event.on), body)
        self.run_requests.append(
            RunRequest(
                name=name, invoked=now, answered=now, uid=made["metadata"]["uid"], created=_created(made),
                spec=RunSpec.from_wire(spec), fits=self._fits(event),
            )
        )  # fmt: skip

    def _create_backfill(self, event: Event) -> None:
        now, metadata = self._clock(), {"name": event.on}
        body = {"apiVersion": API_VERSION, "kind": "DkronBackfill", "metadata": metadata, "spec": event.spec}
        made = self._world.create(DKRON_BACKFILLS, NAMESPACE, body)
        spec, uid = BackfillSpec.from_wire(event.spec), made["metadata"]["uid"]
        self.backfill_requests.append(BackfillRequest(name=event.on, invoked=now, answered=now, uid=uid, spec=spec))

    def _fits(self, event: Event) -> bool:
        """Whether the job takes these values; one that is not there may."""
        try:
            job = self._world.get(DKRON_JOBS, namespace_of(event.on), event.on)
        except KubeError:
            return True
        return not run_problem(JobSpec.from_wire(job["spec"]), event.spec.get("parameters", {}))

    def _delete_runs(self, job: str) -> None:
        """Delete the DkronRuns of a job that are there."""
        found = self._world.list(DKRON_RUNS, namespace_of(job))
        names = [body["metadata"]["name"] for body in found if body["spec"]["job"] == job]
        for name in names:
            self._world.delete(DKRON_RUNS, namespace_of(job), name)
        now = self._clock()
        self.run_requests[:] = [
            replace(each, cancelled=now) if each.name in names else each for each in self.run_requests
        ]

    def _patch(self, name: str, body: dict[str, Any]) -> Object:
        return self._world.patch(DKRON_JOBS, namespace_of(name), name, body)


def namespace_of(job: str) -> str:
    """The namespace of the job of this name."""
    return NEIGHBOUR if job.startswith(NEIGHBOUR) else NAMESPACE


def _replacing(before: Object, after: Object) -> Object:
    """The merge patch that leaves nothing of what was there before."""
    patch = dict.fromkeys(before)
    for key, value in after.items():
        old = before.get(key)
        patch[key] = _replacing(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return patch


def _created(job: Object) -> datetime:
    return datetime.fromisoformat(job["metadata"]["creationTimestamp"])


def _asked_at(now: datetime) -> datetime:
    """A client's times: its clock is as far off as an operator's, and it took a moment to write."""
    return now - timedelta(seconds=1)
