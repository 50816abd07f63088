"""What all scenarios of deaths at every write share: their jobs, and what must be true of the records in the end."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.chaos.stage import Stage
from tests.chaos.witnesses import Scene
from tests.support.jobs import KEEP_ALL, at, dkron_job, simulated
from tests.support.kube import Object, condition

SECOND = timedelta(seconds=1)

Ends = dict[str, list[tuple[int, bool]]]
"""The number and the success of each attempt, by job."""
GOOD = (1, True)


def job(name: str, *, lasts: str = "100ms", code: int = 0, **spec: Any) -> Object:
    template = simulated(run_for=lasts, exit_code=code)
    return dkron_job(name, **{"history": KEEP_ALL, "jobTemplate": template, **spec})


def executions(stage: Stage, name: str) -> list[Object]:
    """The record of a job, oldest first."""
    return list(reversed(stage.scene.status(name).get("executions", ())))


def passed(scene: Scene, name: str, slots: timedelta) -> bool:
    """Whether the mark is so far behind the job's creation."""
    mark = scene.status(name).get("lastScheduleTime")
    created = scene.created(name)
    return bool(mark and created and at(mark) - created >= slots)


def is_disabled(scene: Scene, name: str) -> bool:
    return bool(condition(scene.status(name), "Suspended").get("reason") == "Disabled")


async def let_rest(stage: Stage, *names: str) -> None:
    for name in names:
        await stage.disable(name)
    await stage.until("them to be disabled", lambda scene: all(is_disabled(scene, name) for name in names))
    await stage.at_rest(*names)


def every_slot_is_accounted_for(stage: Stage, name: str = "a", *, asked: int = 0) -> Iterator[str]:
    """Each up to the mark has run once, or is counted as skipped; and so has each of the runs that were asked for."""
    mark, created = stage.scene.status(name).get("lastScheduleTime"), stage.scene.created(name)
    if mark is None or created is None:
        yield "no slot was decided"
        return
    due = (at(mark) - created) // SECOND + asked
    ran = Counter(f"{execution['slot']} {execution['trigger']}" for execution in executions(stage, name))
    skipped = stage.scene.status(name).get("skipped", {}).get("count", 0)
    if len(ran) + skipped != due or max(ran.values(), default=0) > 1:
        yield f"{due} runs of {name} were due, {skipped} are counted as skipped, and these ran: {dict(ran)}"


def recorded(wanted: Ends, stage: Stage) -> Iterator[str]:
    """Mistakes in the records: attempts with their ends, by job."""
    for name, ends in wanted.items():
        found = [(execution["attempt"], execution["state"] == "Succeeded") for execution in executions(stage, name)]
        if sorted(found) != sorted(ends):
            yield f"{name} has these attempts in its record: {found}, not {ends}"
