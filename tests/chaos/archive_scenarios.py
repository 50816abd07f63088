"""The scenario of deaths around every write to the archive, a SQLite file that outlives the operator."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.chaos.archive_writes import RESOURCE
from tests.chaos.proxy.call import Call
from tests.chaos.records_of_trials import SECOND, every_slot_is_accounted_for, executions, job, let_rest, passed
from tests.chaos.stage import Stage
from tests.chaos.trial import Counted, Scenario

RECORDS = "SELECT attempt_job FROM execution ORDER BY 1"
COUNTED = "SELECT sum(success + failed) FROM tally JOIN job ON job = number WHERE name = '' AND step = 86400"
SKIPPED = "SELECT sum(count) FROM skipped"
NEWEST = "SELECT max(generation) FROM revision"


def archive(scale: int) -> Scenario:
    """Each execution and each slot that did not run is in the archive once, and counted once, and so is the spec. The
    spec before it is lost if an operator dies before it has stored it."""

    async def play(stage: Stage) -> None:
        await stage.create(job("a", schedule="@every 1s", concurrency="forbid", lasts="1500ms"))
        await stage.until("its slots", lambda scene: passed(scene, "a", (1 + scale) * SECOND))
        await let_rest(stage, "a")
        await stage.agreed("the archive to have all", lambda: not list(differences(stage)))

    def complaints(stage: Stage) -> Iterator[str]:
        yield from every_slot_is_accounted_for(stage)
        yield from differences(stage)

    return Scenario("archive", play, complaints, counted=of_archive, archives=True)


def of_archive() -> Counted:
    """The writes to the archive."""
    return is_of_archive


def is_of_archive(call: Call) -> bool:
    """Whether the operator tells of a write to its archive."""
    return call.resource == RESOURCE


def differences(stage: Stage) -> Iterator[str]:
    """Where the archive says something else than the status, which shows all."""
    shown = sorted(execution["job"] for execution in executions(stage, "a"))
    status = stage.scene.status("a")
    if (found := read(stage.archive, RECORDS)) != shown:
        yield f"the archive has {found}, the status {shown}"
    for what, query, expected in (
        ("executions", COUNTED, len(shown)),
        ("skipped slots", SKIPPED, status.get("skipped", {}).get("count", 0)),
        ("as the newest generation", NEWEST, 2),
    ):
        (number,) = read(stage.archive, query) or [0]
        if (number or 0) != expected:
            yield f"the archive has {number} {what}, not {expected}"
    if lost := status.get("unarchived", {}).get("lost", 0):
        yield f"{lost} records are lost"


def read(file: Path, query: str) -> list[object]:
    """The first column; nothing before there are tables."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=10)) as connection:
            return [row[0] for row in connection.execute(query)]
    except sqlite3.OperationalError:
        return []
