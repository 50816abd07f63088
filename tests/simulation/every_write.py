"""Stories that are written by hand, each told once for every write of the operator in it, with something wrong there.

As `make chaos-writes` does it with a real process, but with all that a network can do as well, and in virtual time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dkron_crds.job import JobStatus
from dkron_operator.plan.status.facts import Recorded, SlotResult, Slots
from tests.simulation.controllers import Course
from tests.simulation.network import Ill
from tests.simulation.plans import Event, Plan, What
from tests.simulation.simulation import Result, simulate

KEEP_ALL = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}
HOURLY = "0 30 * * * *"
COUNTED = frozenset(
    {
        "create jobs", "delete jobs", "patch dkronjobs", "write dkronjobs", "delete dkronjobs", "write dkronruns",
        "delete dkronruns", "create dkronruns", "write dkronbackfills", "call",
    }
)  # fmt: skip
"""The calls at which something goes wrong."""
JUST = 1e-6
"""Seconds before one of these calls begins."""
AWAY = 9.0
"""Seconds until an operator is started again, if it is not started at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What clients do until second `ends`, and what has to hold then. One write that begins in `disturbed` goes wrong:
    the operator dies before or after it, its request or its answer is lost, or another client writes first."""

    events: tuple[Event, ...]
    holds: Callable[[Result], None] = lambda _: None
    ends: float = 25.0
    disturbed: tuple[float, float] = (0.0, 12.0)
    course: Course = Course(fails=0.0, lasts=1.0)  # noqa: RUF009 - it is frozen
    replicas: int = 1
    away: bool = False
    """Whether an operator that dies may stay away for a while."""
    creates: float = 0.0
    """How many Jobs a second a namespace may have created; 0: any number."""
    archive_away: tuple[float, float] | None = None
    """From when to when the archive is away; None if there is none."""
    seed: int = 1
    unjudged: str = ""
    """How objections begin that the checker has without a cause: it asks which Jobs there were."""

    @property
    def plan(self) -> Plan:
        """The plan in which nothing goes wrong."""
        return Plan(
            seed=self.seed, replicas=self.replicas, elects=False, course=self.course, skews=(0.0,) * self.replicas,
            events=self.events, calm=self.disturbed[1], ends=self.ends,
            creates=self.creates, archives=self.archive_away is not None, archive_away=self.archive_away or (0.0, 0.0),
        )  # fmt: skip

    def check(self) -> int:
        """Tell it undisturbed, and with each mishap at each write; returns how often. Raises AssertionError."""
        calm = simulate(self.plan)
        self._judge(calm, exactly=True)
        first, last = self.disturbed
        writes = [(at, call) for at, call in dict.fromkeys(calm.writes) if call in COUNTED and first <= at < last]
        assert writes, "nothing is written meanwhile"
        events = [event for at, call in writes for event in self._mishaps(at - JUST, call)]
        for event in events:
            told = simulate(self.plan.with_events(sorted((*self.events, event), key=lambda each: each.at)))
            self._judge(told, exactly=event.what is not What.KILL)
        return 1 + len(events)

    def _mishaps(self, at: float, call: str) -> Iterator[Event]:
        died = Event(at=at, what=What.KILL, on="operator-0", calls=call)
        yield died
        yield replace(died, done=True)
        if self.away:
            yield replace(died, done=True, lasts=AWAY)
        overtaken = (Ill.MEDDLE,) if call.startswith(("write", "patch")) else ()
        for ill in () if call == "call" else (Ill.DROP, Ill.LOSE, *overtaken):
            yield replace(died, what=What.ILL, ill=ill, lasts=2 * JUST)

    def _judge(self, result: Result, *, exactly: bool) -> None:
        wrong = [text for text in result.wrong if not (self.unjudged and text.startswith(self.unjudged))]
        told = "\n\n".join([str(result.plan), *wrong])
        assert not wrong, told
        try:
            self.holds(result)
            if all(event.what is not What.WIPE for event in self.events):
                # Of what was wiped another process cannot know that it was counted.
                killed = any(event.what is What.KILL for event in self.events)
                _count(result, exactly=exactly and not killed)
        except AssertionError as exc:
            exc.add_note(told)
            raise


def _count(result: Result, *, exactly: bool) -> None:
    """Metrics count each fact once, or, if a process died before it could, at most once."""
    records = [fact.execution for fact in result.facts if isinstance(fact, Recorded)]
    if result.plan.replicas > 1:
        # Timers are exact here. Several operators that act may find a call undecided in the same microsecond, and one
        # whose request was lost takes the record of another for its own.
        undecided = dict.fromkeys(each for each in records if each.reason == "Unknown")
        records = [*undecided, *(each for each in records if each.reason != "Unknown")]
    ended = [each.id for each in records]
    fired = [fact.slot for fact in result.facts if isinstance(fact, Slots) and fact.result is SlotResult.FIRED]
    assert len(ended) == len(set(ended)), "an execution is counted twice"
    jobs = {event.on for event in result.plan.events if event.what is What.CREATE}
    if len(jobs) == result.plan.replicas == 1:
        assert len(fired) == len(set(fired)), "a slot is counted twice"
    if exactly:
        recorded = {each.id for record in result.history.records for each in record.status.executions}
        assert recorded <= set(ended), "an execution is not counted"


# --- what stories are made of ----------------------------------------------------------------------------------------


def job(name: str = "j0", *, at: float = 1.0, **spec: Any) -> Event:
    """A job is created, which runs only on request unless it says otherwise."""
    common = {"schedule": "" if {"parentJob", "dependsOn"} & spec.keys() else "@manually", "history": KEEP_ALL}
    given = {**common, "executorConfig": {"command": "true"}, "concurrency": "allow", **spec}
    return Event(at=at, what=What.CREATE, on=name, spec=given)


def inline(**spec: Any) -> Event:
    """A job that the operator calls itself."""
    config = {"method": "GET", "url": "http://localhost/", "inline": "true"}
    return job(executor="http", executorConfig=config, **spec)


def ask(*times: float, of: str = "j0") -> tuple[Event, ...]:
    """Runs are requested."""
    return tuple(Event(at=at, what=What.RUN, on=of) for at in times)


def dkron_run(*times: float, of: str = "j0", force: bool = False, **spec: Any) -> tuple[Event, ...]:
    """DkronRuns are created."""
    return tuple(Event(at=at, what=What.ASK, on=of, force=force, spec=spec) for at in times)


def backfill(*, at: float, slots: int, **spec: Any) -> Event:
    """A DkronBackfill of so many slots of the jobs whose schedule is `HOURLY`, which have none of their own here."""
    given = {"from": "2026-02-01T00:00:00Z", "to": f"2026-02-01T{slots:02}:00:00Z", "selector": {}, **spec}
    return Event(at=at, what=What.BACKFILL, on="b0", spec=given)


def nodes(names: str, *, at: float = 0.0) -> Event:
    """These are the nodes from then on, each with a name of one letter."""
    return Event(at=at, what=What.NODES, nodes=tuple(names))


def status(result: Result, name: str = "j0") -> JobStatus:
    """The status in the end."""
    return next(record.status for record in result.history.records if record.job == name)


def attempts(result: Result, name: str = "j0") -> list[tuple[str, int, bool | None]]:
    """Member, attempt and end of each Job that there was, in that order."""
    return sorted((run.member, run.attempt, run.success) for run in result.history.runs if run.job == name)
