"""Short scenarios of deaths at every write: DkronRuns with parameters, and of jobs that are created again, a
DkronBackfill, and pauses that end.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dkron_crds.base import rfc3339
from dkron_crds.job import SkipReason
from dkron_crds.job_metadata import OF_RUN
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_RUNS
from tests.chaos.records_of_trials import (
    SECOND,
    every_slot_has_run,
    every_slot_is_accounted_for,
    executions,
    job,
    let_rest,
    passed,
    recorded,
)
from tests.chaos.stage import Stage
from tests.chaos.trial import Scenario
from tests.chaos.witnesses import Scene
from tests.support.jobs import at
from tests.support.kube import Object, condition

STEP = 2 * SECOND
DAY = "2026-03-01"


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


def recreated(scale: int) -> Scenario:
    """A job is deleted once a DkronRun is bound to it, or has its Job, and created again: the next one does not run
    it."""
    moments = {
        f"{moment.__name__.replace('_', '-')}-{n}": moment for moment in (is_bound, has_begun) for n in range(scale)
    }

    async def play(stage: Stage) -> None:
        for name, moment in moments.items():
            await stage.create(job(name))
            await stage.request(name, name)
            await stage.until(f"{name} to hold", partial(moment, name=name))
            await stage.delete(name)
            await stage.create(job(name))
        await stage.until("all to end", lambda scene: ended(scene, len(moments)))
        await stage.at_rest(*moments)

    def complaints(stage: Stage) -> Iterator[str]:
        for name in stage.scene.now[DKRON_RUNS]:
            if status_of_run(stage.scene, name).get("phase") not in ("Succeeded", "Failed"):
                yield f"{name} has the status {status_of_run(stage.scene, name)}"
        yield from recorded({name: [] for name in moments}, stage)

    return Scenario("recreated", play, complaints)


def is_bound(scene: Scene, name: str) -> bool:
    """Whether the DkronRun says which DkronJob runs it."""
    return "dkronJob" in status_of_run(scene, name)


def has_begun(scene: Scene, name: str) -> bool:
    """Whether a Job of the DkronRun is there."""
    return any(body["metadata"]["annotations"].get(OF_RUN) == name for body in scene.jobs())


def backfill(scale: int) -> Scenario:
    """Slots of the past run again, two at once, each of them once and for its own time, though the job is disabled."""
    end = datetime(2026, 3, 1, 12, tzinfo=UTC)
    slots = [end - n * SECOND for n in range(2 + scale, 0, -1)]

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="* * * * * *", disabled=True))
        within = {"from": rfc3339(slots[0]), "to": rfc3339(end)}
        await stage.backfill("b", job="a", parallelism=2, **within)
        await stage.until("it to end", lambda scene: scene.status_of(DKRON_BACKFILLS, "b").get("finishedAt"))
        await stage.at_rest("a", runs=len(slots))

    def complaints(stage: Stage) -> Iterator[str]:
        ran = sorted(at(execution["slot"]) for execution in executions(stage, "a"))
        if ran != slots:
            yield f"these slots ran: {ran}"
        status = stage.scene.status_of(DKRON_BACKFILLS, "b")
        counts = [status.get(name, 0) for name in ("begun", "succeeded", "failed", "remaining")]
        if counts != [len(slots), len(slots), 0, 0]:
            yield f"begun, succeeded, failed and remaining are {counts}"

    return Scenario("backfill", play, complaints)


def pause(scale: int) -> Scenario:
    """What comes due in a pause that drops slots is counted; after one that ends by itself it runs. Nothing of either
    job runs meanwhile."""
    long = (1 + scale) * STEP

    async def play(stage: Stage) -> None:
        await stage.pause("drops", "a", whenResumed="drop")
        await stage.pause("ends", "b")
        for name in ("a", "b"):
            await stage.create(job(name, schedule=f"@every {STEP.seconds}s", missedRuns="all"))
        await stage.until("them to be paused", lambda scene: all(is_paused(scene, name) for name in ("a", "b")))
        begin = datetime.now(UTC)
        # Only now: an operator that was killed may take long to come back.
        until = (begin + long + 2 * SECOND).replace(microsecond=0)
        await stage.pause_until("ends", until)
        await stage.passed(begin + long)
        stage.held = {"a": (begin, datetime.now(UTC)), "b": (begin, until)}
        await stage.resume("drops")
        await stage.passed(until)
        for name, (_, over) in stage.held.items():
            await stage.until("a slot after it", partial(_has_passed, name, over + STEP))
        await let_rest(stage, "a", "b")

    def complaints(stage: Stage) -> Iterator[str]:
        yield from every_slot_is_accounted_for(stage, "a", step=STEP)
        yield from every_slot_has_run(stage, "b", step=STEP)
        yield from ran_in_its_pause(stage)

    return Scenario("pause", play, complaints)


def ran_in_its_pause(stage: Stage) -> Iterator[str]:
    """Jobs that were made while their job was paused, and slots of "a" that were dropped."""
    runs = stage.scene.seen.runs(at("9999-01-01T00:00:00Z"))
    for run in (run for run in runs if run.job in stage.held):
        begin, end = stage.held[run.job]
        if begin < run.began < end or (run.job == "a" and begin < run.slot < end):
            yield f"{run} began at {run.began}, and {run.job} was paused from {begin} to {end}"
    if stage.scene.status("a").get("skipped", {}).get("count", 0) < 1:
        yield f"no slot of a is counted as skipped ({SkipReason.PAUSED})"


def is_paused(scene: Scene, name: str) -> bool:
    return bool(condition(scene.status(name), "Suspended").get("reason") == "Paused")


def _has_passed(name: str, moment: datetime, scene: Scene) -> bool:
    created = scene.created(name)
    return created is not None and passed(scene, name, moment - created - STEP)


BY_OBJECT: tuple[Callable[[int], Scenario], ...] = (parameters, recreated, backfill, pause)
