"""Runs that wait in the line of their job, or for a place in a pool, whatever happens at whichever write: each begins
once, or is counted.
"""

from collections import Counter
from typing import Any

import pytest

from dkron_crds.job import SkipReason, Trigger
from tests.simulation.controllers import Course
from tests.simulation.every_write import HOURLY, Story, ask, attempts, backfill, dkron_run, job, nodes, status
from tests.simulation.plans import Event, What
from tests.simulation.pools import POOL, pool
from tests.simulation.quotas import quota
from tests.simulation.simulation import Result


def nothing_waits_in_the_end(result: Result) -> None:
    assert status(result).active == ()


def the_one_in_line_was_stopped(result: Result) -> None:
    reasons = Counter(execution.reason for execution in status(result).executions)
    assert (reasons, len(attempts(result))) == ({"": 2, "Stopped": 1}, 2)
    assert (status(result).active, status(result).error_count) == ((), 1)


def each_ran_or_found_the_line_full(result: Result) -> None:
    skipped = status(result).skipped
    assert skipped is not None
    assert (len(attempts(result)) + skipped.count, skipped.last_reason) == (4, SkipReason.QUEUE_FULL)


def both_members_ran_twice(result: Result) -> None:
    assert Counter(Counter(attempts(result)).values()) == {2: 2}


def each_request_ran_in_its_turn(result: Result) -> None:
    assert [len(attempts(result, name)) for name in ("j0", "j1")] == [2, 2]
    assert (status(result).active, status(result, "j1").active) == ((), ())


def each_retry_had_its_place(result: Result) -> None:
    assert [len(attempts(result, name)) for name in ("j0", "j1")] == [4, 2]
    assert (status(result).active, status(result, "j1").active) == ((), ())


def each_slot_ran_in_order(result: Result) -> None:
    runs = sorted(result.history.runs, key=lambda run: run.began)
    assert [run.slot.hour for run in runs if run.trigger is Trigger.BACKFILL] == [0, 1, 2, 3]


def each_end_had_its_run(result: Result) -> None:
    assert [len(attempts(result, name)) for name in ("j0", "j1")] == [2, 2]
    assert (status(result).active, status(result, "j1").active) == ((), ())


LONG, LONGER = Course(fails=0.0, lasts=6.0), Course(fails=0.0, lasts=15.0)
SHORT, FAILS = Course(fails=0.0, lasts=3.0), Course(fails=1.0, lasts=2.0)
DISABLED = Event(at=16.0, what=What.DISABLE, on="j0")
OLDEST, NEWEST = {"max": 2}, {"max": 2, "order": "newest", "expires": "5s"}
LINES = {
    "the oldest first, with requests": Story(
        events=(job(schedule="*/5 * * * * *", concurrency="queue", queue=OLDEST), *ask(5.5, 6.0), DISABLED),
        course=LONG, disturbed=(5.4, 11), holds=nothing_waits_in_the_end, away=True,
    ),
    "the newest first, and old ones expire": Story(
        events=(job(schedule="*/3 * * * * *", concurrency="queue", queue=NEWEST), DISABLED), course=LONG,
        disturbed=(6, 13), holds=nothing_waits_in_the_end,
    ),
    "a stop in line": Story(
        events=(job(concurrency="queue"), *ask(3.0, 3.1, 3.2), Event(at=4.0, what=What.STOP, on="j0", waits=True)),
        course=LONG, disturbed=(4, 12), holds=the_one_in_line_was_stopped, unjudged="A WRONG RECORD",
    ),
    "DkronRuns in a line that is full": Story(
        events=(job(concurrency="queue", queue={"max": 1}), *dkron_run(3.0, 3.1, 3.2, 3.3)), course=LONGER,
        disturbed=(3.05, 5.5), ends=60.0, holds=each_ran_or_found_the_line_full,
    ),
    "a line on two nodes": Story(
        events=(nodes("ab"), job(tags={"dc": "eu:2"}, concurrency="queue"), *ask(3.0, 3.1)), course=LONG,
        disturbed=(3.05, 8), holds=both_members_ran_twice,
    ),
}  # fmt: skip
IN_POOL: dict[str, Any] = {"pools": [POOL]}
RETRIED: dict[str, Any] = {"retries": 1, "retryBackoff": {"initial": "2s"}}
TWO_JOBS = (job(**IN_POOL), job("j1", **IN_POOL), *ask(3.0, 3.1), *ask(3.05, 3.15, of="j1"))
POOLS = {
    "two jobs share a place": Story(
        events=(pool(size=1), *TWO_JOBS), course=SHORT, disturbed=(2.9, 9), ends=50.0,
        holds=each_request_ran_in_its_turn, away=True,
    ),
    "retries keep their places": Story(
        events=(pool(size=1), job(**IN_POOL, **RETRIED), job("j1", **IN_POOL), *TWO_JOBS[2:]), course=FAILS,
        disturbed=(2.9, 10), ends=60.0, holds=each_retry_had_its_place,
    ),
    "a pool that shrinks, and is gone for a while": Story(
        events=(
            pool(size=2), *TWO_JOBS, pool(at=3.5, size=1), Event(at=6.0, what=What.NO_POOL, on=POOL),
            pool(at=12.0, size=1),
        ),
        course=SHORT, disturbed=(2.9, 16), ends=50.0, holds=each_request_ran_in_its_turn,
    ),
    "a backfill": Story(
        events=(pool(size=1), job(schedule=HOURLY, **IN_POOL), backfill(at=3.0, slots=4, parallelism=4)), course=SHORT,
        disturbed=(2.9, 5), ends=50.0, holds=each_slot_ran_in_order, away=True,
    ),
    "a job in two pools": Story(
        events=(
            pool(size=2), pool("other", size=1, order="priority"), job(pools=[POOL, "other"]),
            job("j1", pools=["other"], priority=1), *TWO_JOBS[2:],
        ),
        course=SHORT, disturbed=(2.9, 9), ends=50.0, holds=each_request_ran_in_its_turn,
    ),
}  # fmt: skip
FULL, ROOM = quota(0, at=2.0), quota(None, at=7.0)
QUOTAS = {
    "requests of two jobs": Story(
        events=(FULL, job(), job("j1"), *ask(3.0, 3.1), *ask(3.05, 3.15, of="j1"), ROOM), course=SHORT,
        disturbed=(2.9, 14), ends=60.0, holds=each_request_ran_in_its_turn, away=True,
    ),
    "slots that are claimed": Story(
        events=(FULL, job(schedule="*/5 * * * * *", concurrency="forbid"), DISABLED, ROOM), course=SHORT,
        disturbed=(4, 14), ends=60.0, holds=nothing_waits_in_the_end,
    ),
    "slots of a line": Story(
        events=(FULL, job(schedule="*/5 * * * * *", concurrency="queue"), DISABLED, ROOM), course=SHORT,
        disturbed=(4, 14), ends=60.0, holds=nothing_waits_in_the_end,
    ),
    "DkronRuns": Story(
        events=(FULL, job(), job("j1"), *dkron_run(3.0, 3.1), *dkron_run(3.05, 3.15, of="j1"), ROOM), course=SHORT,
        disturbed=(2.9, 14), ends=60.0, holds=each_request_ran_in_its_turn,
    ),
    "retries": Story(
        events=(job(**RETRIED), job("j1"), *ask(3.0, 3.1), *ask(3.05, 3.15, of="j1"), quota(0, at=4.0),
                quota(None, at=9.0)),
        course=FAILS, disturbed=(2.9, 14), ends=60.0, holds=each_retry_had_its_place,
    ),
    "members": Story(
        events=(nodes("ab"), quota(1, at=2.0), job(tags={"dc": "eu:2"}), *ask(3.0, 3.1), ROOM), course=SHORT,
        disturbed=(2.9, 14), ends=60.0, holds=both_members_ran_twice,
    ),
    "a backfill": Story(
        events=(FULL, job(schedule=HOURLY), backfill(at=3.0, slots=4, parallelism=2), ROOM), course=SHORT,
        disturbed=(2.9, 7.6), ends=50.0, holds=each_slot_ran_in_order,
    ),
    "a job that follows another": Story(
        events=(quota(1, at=2.0), job(), job("j1", dependsOn=[{"job": "j0"}]), *ask(3.0), *ask(4.0), ROOM),
        course=SHORT, disturbed=(3.9, 9), ends=60.0, holds=each_end_had_its_run,
    ),
    "a pool": Story(
        events=(FULL, pool(size=1), *TWO_JOBS, ROOM), course=SHORT, disturbed=(2.9, 14), ends=60.0,
        holds=each_request_ran_in_its_turn,
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", LINES.values(), ids=LINES.keys())
def test_death_at_any_write_leaves_the_line_whole(story: Story) -> None:
    assert story.check() > 1


@pytest.mark.parametrize("story", POOLS.values(), ids=POOLS.keys())
def test_death_at_any_write_leaves_the_places_right(story: Story) -> None:
    assert story.check() > 1


@pytest.mark.parametrize("story", QUOTAS.values(), ids=QUOTAS.keys())
def test_death_at_any_write_leaves_what_waits_for_room(story: Story) -> None:
    assert story.check() > 1
