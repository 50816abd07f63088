"""What clients of a storm will ask for by objects of their own: DkronRuns, DkronPauses and DkronBackfills. Made from a
seed, like the rest of the plan. Pure.

One pause holds at a time, so that it is known what each of them does. Ranges of backfills end before every clock can
have been wrong about them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.chaos.jobs import BACKFILLED, FAILING, LABEL, PAUSABLE, REQUESTED, SELECTED, STEADY, TOGETHER
from tests.support.jobs import Object


class Kind(StrEnum):
    """What kind of object is asked for; RESUME deletes the pause, and SUSPEND and GO_ON edit the newest backfill."""

    RUN = "DkronRun"
    PAUSE = "DkronPause"
    RESUME = "no DkronPause"
    BACKFILL = "DkronBackfill"
    SUSPEND = "a DkronBackfill suspended"
    GO_ON = "a DkronBackfill resumed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that a client asks for so many seconds after the beginning. `jobs` are those that it is about. `ago`:
    how many seconds before that moment the slot of a run lies, or the range of a backfill ends. `lasts`: how long that
    range is; or how long a pause holds that ends by itself. `fits`: whether the job takes the values of the
    parameters."""

    at: float
    kind: Kind
    jobs: tuple[str, ...] = ()
    spec: Object = field(default_factory=dict)
    ago: float = 0.0
    lasts: float = 0.0
    fits: bool = True


BETWEEN_RUNS = (1.5, 4.0)
BETWEEN_PAUSES = (8.0, 12.0)
"""Seconds from the end of a pause to the next one: what the first has held is decided by then."""
PAUSED = (16.0, 30.0)
NOTICED = 6.0
"""Seconds from the end of a pause that ends by itself until it is deleted."""
NAMED = 2
"""How many jobs a pause names of the ones that no client changes, and of all."""
UNCHANGED = tuple(sorted(STEADY & set(PAUSABLE)))
LONGER = 120.0
"""Seconds of requests beyond the planned end of a storm: it ends when it was calm for long enough."""
BETWEEN_BACKFILLS = (14.0, 30.0)
FORCED, AGAIN, GIVEN, UNFIT = 0.2, 0.3, 0.2, 0.5
"""How likely a DkronRun is forced, stands for another time, gives a value to a job that declares one, and that value
has a name that the job does not know."""
TWICE = 0.3
"""How likely another one follows at once: a job that forbids two runs refuses it."""
ALL, DROPS, BY_ITSELF = 0.3, 0.4, 0.4
"""How likely a pause holds all jobs with a label, drops slots, and ends by itself."""
LONG_AGO = (40.0, 90.0)
"""Clocks are wrong by less."""
RANGE = (18.0, 30.0)
STOPS, FAILED, SELECTS, SUSPENDS = 0.5, 0.25, 0.3, 0.4
"""How likely a backfill stops after a failure, runs what has failed, is of all jobs with a label, and is suspended."""
SUSPENDED_AFTER, SUSPENDED_FOR = (0.1, 2.5), (8.0, 12.0)
"""Seconds until then, and until it is resumed."""


def requests(seed: int, seconds: float, *, begin: float) -> list[Wanted]:
    """The requests of this seed, in the order of time, until long after the end."""
    of_each = (_runs, _pauses, _backfills)
    found = [each for make in of_each for each in make(Random(f"{make.__name__} {seed}"), begin, seconds + LONGER)]  # noqa: S311
    return sorted(found, key=lambda wanted: wanted.at)


def _runs(random: Random, now: float, end: float) -> Iterator[Wanted]:
    while (now := now + random.uniform(*BETWEEN_RUNS)) < end:
        job, force, again = random.choice(REQUESTED), random.random() < FORCED, random.random() < AGAIN
        given, fits = random.random() < GIVEN, random.random() >= UNFIT
        job = REQUESTED[0] if given else job
        spec: Object = {"force": True} if force else {}
        if given:
            spec["parameters"] = {"day" if fits else "night": "2026-11-01"}
        ago = round(random.uniform(10.0, 3600.0)) if again else 0.0
        wanted = Wanted(now, Kind.RUN, (job,), spec, ago=ago, fits=fits or not given)
        yield wanted
        if random.random() < TWICE:
            yield wanted


def _pauses(random: Random, now: float, end: float) -> Iterator[Wanted]:
    while (now := now + random.uniform(*BETWEEN_PAUSES)) < end:
        names = {*random.sample(UNCHANGED, NAMED), *random.sample(PAUSABLE, NAMED)}
        some, lasts = tuple(sorted(names)), random.uniform(*PAUSED)
        jobs = tuple(sorted(TOGETHER)) if random.random() < ALL else some
        spec: Object = {"jobs": list(jobs)} if jobs == some else {"selector": LABEL}
        if random.random() < DROPS:
            spec["whenResumed"] = "drop"
        by_itself, over = random.random() < BY_ITSELF, now + lasts
        if over > end:
            return
        yield Wanted(now, Kind.PAUSE, jobs, spec, lasts=lasts if by_itself else 0.0)
        now = over + (NOTICED if by_itself else 0.0)
        yield Wanted(now, Kind.RESUME, jobs)


def _backfills(random: Random, now: float, end: float) -> Iterator[Wanted]:
    while (now := now + random.uniform(*BETWEEN_BACKFILLS)) < end:
        spec: Object = {
            "parallelism": random.randint(1, 3),
            "order": random.choice(("oldestFirst", "newestFirst")),
            "onFailure": "stop" if random.random() < STOPS else "continue",
        }
        jobs: tuple[str, ...] = (random.choice(BACKFILLED),)
        if random.random() < FAILED:
            spec["runs"], jobs = "failed", FAILING
        if random.random() < SELECTS:
            spec["selector"], jobs = SELECTED, BACKFILLED
        ago, lasts = round(random.uniform(*LONG_AGO)), round(random.uniform(*RANGE))
        yield Wanted(now, Kind.BACKFILL, jobs, spec, ago=ago, lasts=lasts)
        if random.random() < SUSPENDS:
            yield Wanted(now := now + random.uniform(*SUSPENDED_AFTER), Kind.SUSPEND, jobs)
            yield Wanted(now := now + random.uniform(*SUSPENDED_FOR), Kind.GO_ON, jobs)
