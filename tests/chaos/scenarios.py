"""Short scenarios of deaths at every write at a real API server: claims, DkronRuns, and the Lease and the DkronCluster.

All others are in the simulation (`tests/unit/simulation/test_every_write.py`). `scale` makes them longer. The state in
the end does not depend on whether, or where, the operator was killed on the way.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from dkron_kube.paths import DKRON_RUNS
from tests.chaos.archive_scenarios import archive
from tests.chaos.records_of_trials import GOOD, SECOND, every_slot_is_accounted_for, job, let_rest, passed, recorded
from tests.chaos.stage import Stage
from tests.chaos.trial import Scenario, each_first
from tests.chaos.witnesses import Scene
from tests.support.kube import Object

DAY = "2026-03-01"


def queue(scale: int) -> Scenario:
    """Slots and requests wait in line; what finds it full, and what waits as the job is disabled, is counted."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="@every 1s", concurrency="queue", queue={"max": 2}, lasts="1500ms"))
        await stage.until("a slot", lambda scene: passed(scene, "a", SECOND))
        for number in range(2):
            await stage.run("a", f"r{number}")
        await stage.until("its slots", lambda scene: passed(scene, "a", (2 + 2 * scale) * SECOND))
        await let_rest(stage, "a")

    return Scenario("queue", play, partial(every_slot_is_accounted_for, asked=2))


def parameters(scale: int) -> Scenario:
    """Each attempt of a DkronRun has the values that it was given; one whose values do not fit is refused once."""

    async def play(stage: Stage) -> None:
        quick = {"initial": "1s", "factor": 1, "max": "1s"}
        await stage.create(job("a", code=3, retries=1, retryBackoff=quick, parameters=[{"name": "day"}]))
        for number in range(scale):
            await stage.request(f"good-{number}", "a", parameters={"day": DAY})
        await stage.request("bad", "a", fits=False, parameters={"night": DAY})
        await stage.until("all to end", lambda scene: ended(scene, scale + 1))
        await stage.at_rest("a", runs=2 * scale)

    def complaints(stage: Stage) -> Iterator[str]:
        yield from recorded({"a": [(1, False), (2, False)] * scale}, stage)
        phases = Counter(status_of_run(stage.scene, name).get("phase") for name in stage.scene.now[DKRON_RUNS])
        if phases != {"Failed": scale, "Refused": 1}:
            yield f"the DkronRuns have the phases {dict(phases)}"
        if (skipped := stage.scene.status("a").get("skipped", {}).get("count", 0)) != 1:
            yield f"{skipped} requests are counted as skipped, not 1"
        given = [value_given(body) for body in stage.scene.jobs()]
        if given != [DAY] * 2 * scale:
            yield f"the Jobs were given {given}"

    return Scenario("parameters", play, complaints)


def ended(scene: Scene, number: int) -> bool:
    """Whether so many DkronRuns are there, and all have ended."""
    there = scene.now[DKRON_RUNS]
    return len(there) >= number and all(status_of_run(scene, name).get("finishedAt") for name in there)


def status_of_run(scene: Scene, name: str) -> Object:
    return scene.status_of(DKRON_RUNS, name)


def value_given(body: Object) -> Any:
    """The value of the parameter that a Job hands to its container."""
    container = body["spec"]["template"]["spec"]["containers"][0]
    return next((entry.get("value") for entry in container["env"] if entry["name"] == "DKRON_PARAM_DAY"), None)


def installation(scale: int) -> Scenario:
    """The Lease and the DkronCluster are taken and written by the next operator, too, and jobs run."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a"))
        for number in range(scale):
            await stage.run("a", f"r{number}")
        await stage.at_rest("a", runs=scale)

    return Scenario("installation", play, partial(recorded, {"a": [GOOD] * scale}), counted=each_first)


MAKERS: tuple[Callable[[int], Scenario], ...] = (queue, parameters, installation, archive)


def scenarios(scale: int = 1) -> Iterable[Scenario]:
    """All of them."""
    return [make(scale) for make in MAKERS]
