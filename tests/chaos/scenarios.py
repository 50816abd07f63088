"""Short scenarios, one for each thing that an operator does in several writes. `scale` makes them longer.

The state in the end does not depend on whether, or where, the operator was killed on the way.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tests.chaos.archive_scenarios import archive
from tests.chaos.object_scenarios import BY_OBJECT
from tests.chaos.records_of_trials import (
    GOOD,
    NODES,
    SECOND,
    SOON,
    TAG,
    Ends,
    every_slot_has_run,
    every_slot_is_accounted_for,
    executions,
    is_disabled,
    job,
    let_rest,
    passed,
    recorded,
)
from tests.chaos.stage import Stage
from tests.chaos.trial import Counted, Scenario, caused, each_first
from tests.chaos.witnesses import Scene
from tests.support.jobs import at
from tests.support.kube import Object

# One Job for each slot


def schedule(scale: int) -> Scenario:
    """Each slot runs, whenever the operator was away. Those that are due as the job is disabled are counted."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="@every 1s", missedRuns="all"))
        await stage.until("its slots", lambda scene: passed(scene, "a", 2 * scale * SECOND))
        await let_rest(stage, "a")

    return Scenario("schedule", play, every_slot_has_run)


# Claimed slots: never two at a time


def forbid(scale: int) -> Scenario:
    """A slot is claimed before its Job is created; one that comes too soon is counted as skipped."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="@every 1s", concurrency="forbid", lasts="1500ms"))
        await stage.until("its slots", lambda scene: passed(scene, "a", (1 + 2 * scale) * SECOND))
        await let_rest(stage, "a")

    return Scenario("forbid", play, every_slot_is_accounted_for)


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


def pool(scale: int) -> Scenario:
    """Runs of two jobs share a place, one after the other; one that has failed keeps it until its retry is over."""
    quick, runs = {"initial": "1s", "factor": 1, "max": "1s"}, 1 + scale
    ends: Ends = {"a": [(1, False), (2, False)] * scale, "b": [GOOD] * runs}

    async def play(stage: Stage) -> None:
        await stage.pool("p", 1)
        await stage.create(job("a", pools=["p"], lasts="2s", code=3, retries=1, retryBackoff=quick))
        await stage.create(job("b", pools=["p"], lasts="2s"))
        for number in range(runs):
            for name in ("a", "b")[number >= scale :]:
                await stage.run(name, f"r{number}")
        await stage.at_rest(*ends, runs=sum(map(len, ends.values())))

    return Scenario("pool", play, partial(recorded, ends))


def replace(scale: int) -> Scenario:
    """The new slot takes the place of the one that runs; none would ever end by itself."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="@every 1s", concurrency="replace", lasts="1h"))
        await stage.until("its slots", lambda scene: passed(scene, "a", (1 + scale) * SECOND))
        await stage.disable("a")
        await stage.until("the job to be disabled", lambda scene: is_disabled(scene, "a"))
        stopped: set[str] = set()
        while stage.scene.status("a").get("active"):
            # One that is stopped may be replaced first.
            await stage.until("one to run, or none", lambda scene: _is_over_or_new(scene, stopped))
            for execution in set(_running(stage.scene, "a")) - stopped:
                await stage.stop("a", execution)
                stopped.add(execution)
        await stage.at_rest("a")

    return Scenario("replace", play, every_slot_is_accounted_for)


def _is_over_or_new(scene: Scene, stopped: set[str]) -> bool:
    return not scene.status("a").get("active") or bool(set(_running(scene, "a")) - stopped)


# Runs on request


def requested(name: str, *jobs: Object, runs: int, ends: Ends, counted: Callable[[], Counted] = caused) -> Scenario:
    """Runs of the job `a` are asked for; in the end the records have these attempts, by job."""

    async def play(stage: Stage) -> None:
        for body in jobs:
            await stage.create(body)
        for number in range(runs):
            await stage.run("a", f"r{number}")
        await stage.at_rest(*ends, runs=sum(map(len, ends.values())))

    return Scenario(name, play, partial(recorded, ends), counted)


def retry(scale: int) -> Scenario:
    """Attempts follow failures, after their delay."""
    failing = job("a", code=3, retries=scale, retryBackoff={"initial": "1s", "factor": 1, "max": "1s"})
    return requested("retry", failing, runs=1, ends={"a": [(n, False) for n in range(1, scale + 2)]})


def manual(scale: int) -> Scenario:
    """Each request is one run, and is removed."""
    return requested("manual", job("a"), runs=2 * scale, ends={"a": [GOOD] * 2 * scale})


def stop(scale: int) -> Scenario:
    """An execution that runs is stopped: its Job is deleted, it is recorded, and the wish is removed."""

    async def play(stage: Stage) -> None:
        for number in range(1, scale + 1):
            await stage.create(job(f"a{number}", lasts="1h", retries=1))
            await stage.run(f"a{number}")
        for number in range(1, scale + 1):
            name = f"a{number}"
            await stage.until("it to run", partial(_runs, name))
            await stage.stop(name, next(_running(stage.scene, name)))
        await stage.at_rest(*(f"a{number}" for number in range(1, scale + 1)), runs=scale)

    def complaints(stage: Stage) -> Iterator[str]:
        for number in range(1, scale + 1):
            reasons = [execution.get("reason") for execution in executions(stage, f"a{number}")]
            if reasons != ["Stopped"]:
                yield f"a{number} is recorded as {reasons}"
        if left := [body["metadata"]["name"] for body in stage.scene.jobs()]:
            yield f"these Jobs are still there: {left}"

    return Scenario("stop", play, complaints)


def _runs(name: str, scene: Scene) -> bool:
    return any(_running(scene, name))


def _running(scene: Scene, name: str) -> Iterator[str]:
    """The Jobs of a job whose pods run, as its status knows them."""
    known = {entry["job"] for entry in scene.status(name).get("active", ()) if entry.get("uid")}
    for pod in scene.pods():
        owner = pod["metadata"].get("labels", {}).get("job-name", "")
        if owner in known and pod.get("status", {}).get("phase") == "Running":
            yield owner


def cleanup(scale: int) -> Scenario:
    """Finished Jobs beyond the history are deleted, when they are recorded and in no doubt; the record is trimmed."""
    kept = {"executions": 2, "successfulJobs": 1, "failedJobs": 1}

    async def play(stage: Stage) -> None:
        await stage.create(job("a", history=kept))
        for number in range(2 + scale):
            await stage.run("a", f"r{number}")
        await stage.until("its runs", lambda scene: scene.status("a").get("successCount") == 2 + scale)
        await stage.until("old Jobs to go", lambda scene: len(scene.jobs()) == 1)

    def complaints(stage: Stage) -> Iterator[str]:
        if (found := len(executions(stage, "a"))) != 2:
            yield f"{found} executions are kept"
        if (counted := stage.scene.status("a").get("successCount")) != 2 + scale:
            yield f"{counted} runs are counted"

    return Scenario("cleanup", play, complaints, hurry=SOON)


# Jobs and other jobs


def chain(scale: int) -> Scenario:
    """Who runs after a job runs once for each of its runs."""
    after = job("b", schedule="", parentJob="a")
    return requested("chain", job("a"), after, runs=scale, ends={"a": [GOOD] * scale, "b": [GOOD] * scale})


def group(scale: int) -> Scenario:
    """A run on several nodes has one Job for each, claimed together."""
    tagged = job("a", tags={TAG: f"yes:{NODES}"})
    return requested("group", tagged, runs=scale, ends={"a": [GOOD] * NODES * scale})


def ephemeral(scale: int) -> Scenario:
    """It is deleted after its first run that succeeded, and what runs after it has run."""

    async def play(stage: Stage) -> None:
        names = [f"a{number}" for number in range(scale)]
        await stage.create(job("b", schedule="", dependsOn=[{"job": name} for name in names[:1]]))
        for name in names:
            await stage.create(job(name, ephemeral=True))
            await stage.run(name)
        await stage.until("it to go", lambda scene: scene.names() == ["b"])
        await stage.at_rest("b", runs=1)

    def complaints(stage: Stage) -> Iterator[str]:
        yield from recorded({"b": [GOOD]}, stage)
        made = Counter(run.job for run in stage.scene.seen.runs(at("9999-01-01T00:00:00Z")))
        yield from (f"{name} has had {number} runs" for name, number in made.items() if number != 1)

    return Scenario("ephemeral", play, complaints)


# The operator itself


def installation(scale: int) -> Scenario:
    """The Lease and the DkronCluster are taken and written by the next operator, too, and jobs run."""
    ends = {"a": [GOOD] * scale}
    return requested("installation", job("a"), runs=scale, ends=ends, counted=each_first)


MAKERS: tuple[Callable[[int], Scenario], ...] = (
    schedule, retry, forbid, queue, pool, replace, manual, cleanup, chain, group, ephemeral, stop, installation,
    archive, *BY_OBJECT,
)  # fmt: skip


def scenarios(scale: int = 1) -> Iterable[Scenario]:
    """All of them."""
    return [make(scale) for make in MAKERS]
