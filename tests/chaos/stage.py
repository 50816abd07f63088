"""Where a trial happens: what is asked for in its namespace, noted as facts, and what is awaited of it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dkron_crds.job import JobSpec
from dkron_crds.names import API_VERSION
from dkron_crds.requests import run_annotation
from dkron_crds.run import RunSpec
from dkron_kube.client import KubeClient
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from tests.chaos.history import Act, Fault, Operation, RunRequest
from tests.chaos.witnesses import Scene

Object = dict[str, Any]
PATIENCE = 240.0
"""Seconds for one step of a scenario, on a machine that does many trials at once, and other things."""


@dataclass
class Stage:
    """One namespace, what is asked for in it, and what is seen in it."""

    namespace: str
    client: KubeClient
    scene: Scene
    archive: Path
    """The file of the operator's archive, if it has one."""
    operations: list[Operation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[RunRequest] = field(default_factory=list)

    async def create(self, body: Object) -> None:
        """Create a DkronJob."""
        now = datetime.now(UTC)
        answer = await self.client.create(DKRON_JOBS, self.namespace, body)
        metadata = answer["metadata"]
        made = datetime.fromisoformat(metadata["creationTimestamp"])
        self._note(
            Act.CREATE, metadata["name"], now, uid=metadata["uid"], created=made, spec=JobSpec.from_wire(body["spec"])
        )

    async def run(self, job: str, request: str = "once") -> None:
        """Ask for a run."""
        now = datetime.now(UTC)
        key, text = run_annotation(request, now, by="a trial")
        await self.client.patch(DKRON_JOBS, self.namespace, job, {"metadata": {"annotations": {key: text}}})
        self._note(Act.RUN, job, now, at=now)

    async def request(self, name: str, job: str, *, fits: bool = True, **spec: Any) -> None:
        """Create a DkronRun. `fits`: whether the values are such as the job takes."""
        now, wanted = datetime.now(UTC), {"job": job, **spec}
        body = {"apiVersion": API_VERSION, "kind": "DkronRun", "metadata": {"name": name}, "spec": wanted}
        metadata = (await self.client.create(DKRON_RUNS, self.namespace, body))["metadata"]
        made = datetime.fromisoformat(metadata["creationTimestamp"])
        known = RunRequest(name=name, invoked=now, spec=RunSpec.from_wire(wanted), fits=fits, created=made)
        self.requests.append(replace(known, answered=datetime.now(UTC), uid=metadata["uid"]))

    async def disable(self, job: str) -> None:
        """Let it rest."""
        now = datetime.now(UTC)
        await self.client.patch(DKRON_JOBS, self.namespace, job, {"spec": {"disabled": True}})
        self._note(Act.DISABLE, job, now)

    async def until(self, what: str, holds: Callable[[Scene], object]) -> None:
        """Wait until that holds of the scene."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(self.scene):
                    await self.scene.changed.wait()
        except TimeoutError:
            raise Stuck(f"waited {PATIENCE:.0f} s for {what}; {self.described()}") from None

    async def agreed(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until that holds of something that wakes nothing when it changes."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():  # noqa: ASYNC110 - nothing wakes us
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Stuck(f"waited {PATIENCE:.0f} s for {what}; {self.described()}") from None

    async def at_rest(self, *jobs: str, runs: int = 0) -> None:
        """Wait until these jobs have so many executions at least, in all, and nothing active or owed."""
        await self.until(f"{', '.join(jobs)} to rest", lambda scene: is_at_rest(scene, jobs, runs))

    def described(self) -> str:
        """The objects that are there."""
        return " ".join(f"{name}: {job.get('status')}" for name, job in self.scene.now[DKRON_JOBS].items())

    def _note(self, act: Act, job: str, invoked: datetime, **more: Any) -> None:
        self.operations.append(Operation(act=act, job=job, invoked=invoked, answered=datetime.now(UTC), **more))


class Stuck(Exception):
    """What should have happened did not."""


def is_at_rest(scene: Scene, jobs: Iterable[str], runs: int) -> bool:
    """Whether nothing is active, asked for or owed, every Job is recorded, and there were enough executions."""
    done = 0
    recorded: set[str] = set()
    for name in jobs:
        status = scene.status(name)
        notes = scene.now[DKRON_JOBS].get(name, {}).get("metadata", {}).get("annotations", {})
        if (
            not status
            or status.get("active")
            or status.get("ended")
            or any(key.startswith("run.dkron.io/") for key in notes)
        ):
            return False
        done += status.get("successCount", 0) + status.get("errorCount", 0)
        recorded |= {execution["job"] for execution in status.get("executions", ())}
    finished = {job["metadata"]["name"] for job in scene.jobs() if "deletionTimestamp" not in job["metadata"]}
    return done >= runs and finished <= recorded
