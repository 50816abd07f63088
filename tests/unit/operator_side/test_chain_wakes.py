"""Any tree of jobs around a fake API server that fails now and then, with operators that die: each run of a parent has
its effect once, and nobody has to be woken by hand.
"""

import asyncio
import random
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from dkron_crds.depends import dependent_group
from dkron_crds.job import JobStatus
from dkron_kube.errors import Conflict, Unavailable
from dkron_kube.paths import DKRON_JOBS, JOBS
from tests.support.builders import ended, wire_job
from tests.support.edges import Edges, wall
from tests.support.fake_kube import FakeKube

pytestmark = pytest.mark.looptime

KEPT = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}
Object = dict[str, Any]


def plant(dice: random.Random) -> FakeKube:
    """A tree of jobs, the root of which is asked for some runs."""
    kube = FakeKube()
    asked = {f"r{number}": "2026-03-01T12:00:00Z" for number in range(dice.randint(1, 3))}
    kube.put(DKRON_JOBS, wire_job(name="j0", uid="uid-j0", schedule="@manually", requests=asked, history=KEPT))
    for number in range(1, dice.randint(3, 6)):
        link = {"job": f"j{dice.randrange(number)}", "when": dice.choice(["success", "always", "failure"])}
        spec: Object = {"dependsOn": [link], "retries": dice.choice([0, 0, 1]), "schedule": "", "history": KEPT}
        kube.put(DKRON_JOBS, wire_job(name=f"j{number}", uid=f"uid-j{number}", **spec))
    return kube


def disturb(kube: FakeKube, dice: random.Random) -> None:
    """The API server has a bad moment."""
    call = dice.choice(("create jobs", "write dkronjobs"))
    match dice.randrange(4):
        case 0:
            kube.fail(call, *[Unavailable("down")] * dice.randint(1, 4))
        case 1:
            kube.fail("write dkronjobs", Conflict("modified"))
        case 2:
            kube.lose_answer(call)


def running(kube: FakeKube) -> list[str]:
    return [name for name in kube.names(JOBS) if not kube.has(JOBS, name).get("status")]


def end(kube: FakeKube, name: str, *, success: bool) -> None:
    kube.edit(JOBS, name, lambda body: body.update(status=ended("Complete" if success else "Failed", at=wall())))


def groups(kube: FakeKube) -> dict[str, dict[int, Object]]:
    """By job and group the end of the last attempt of a run: the condition of its Job."""
    found: dict[str, dict[int, Object]] = defaultdict(dict)
    bodies = [kube.has(JOBS, name) for name in kube.names(JOBS)]
    for body in sorted(bodies, key=lambda body: int(body["metadata"]["annotations"]["dkron.io/attempt"])):
        notes = body["metadata"]["annotations"]
        (found[notes["dkron.io/name"]][int(notes["dkron.io/group"])],) = body["status"]["conditions"]
    return found


def wanted(link: Object, runs: dict[int, Object]) -> set[int]:
    """The groups that a child has to have, by how the runs of its parent ended."""
    counts = {"success": {"Complete"}, "failure": {"Failed"}, "always": {"Complete", "Failed"}}[link["when"]]
    ends = {
        number: datetime.fromisoformat(end["lastTransitionTime"])
        for number, end in runs.items()
        if end["type"] in counts
    }
    return {dependent_group(f"uid-{link['job']}", number, at) for number, at in ends.items()}


async def live(kube: FakeKube, dice: random.Random, *, steps: int) -> None:
    """One operator, for a while: Jobs end, and calls fail."""
    edges = Edges(kube)
    edges.watch()
    async with edges.running():
        for _ in range(steps):
            disturb(kube, dice)
            await asyncio.sleep(dice.choice([0.01, 0.1, 0.3, 1, 7]))
            if jobs := running(kube):
                end(kube, dice.choice(jobs), success=dice.random() < 0.7)
            edges.watch()


async def settle(kube: FakeKube) -> None:
    """One operator until the end: nothing fails."""
    kube.before.clear()
    kube.unanswered.clear()
    edges = Edges(kube)
    edges.watch()
    async with edges.running():
        for _ in range(30):
            await asyncio.sleep(12)
            jobs = running(kube)
            for name in jobs:
                end(kube, name, success=True)
            edges.watch()
            if not jobs:
                break


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_fails_each_run_has_its_effect_once(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test
    kube = plant(dice)
    await asyncio.sleep(2)
    for _ in range(dice.randint(1, 4)):
        await live(kube, dice, steps=dice.randint(1, 6))
    await settle(kube)
    assert not running(kube)
    made = groups(kube)
    for name in kube.names(DKRON_JOBS):
        body = kube.has(DKRON_JOBS, name)
        status = JobStatus.from_wire(body["status"])
        assert (status.active, status.ended) == ((), ()), name
        for link in body["spec"].get("dependsOn", ()):
            assert set(made[name]) == wanted(link, made[link["job"]]), name
