"""The verdict on a history: what cannot be explained, each with what was going on around it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dkron_crds.base import rfc3339
from tests.chaos import telling
from tests.chaos.asked import Asked, all_asked
from tests.chaos.backfilled import Backfill, all_backfills
from tests.chaos.calm import Calm, calm
from tests.chaos.case import Case
from tests.chaos.fault_windows import Weather
from tests.chaos.history import History, Operation, Run
from tests.chaos.job_lifetimes import lives
from tests.chaos.needs import Need
from tests.chaos.objections import Kind, Objection
from tests.chaos.pools import with_crowds
from tests.chaos.recovery import signs
from tests.chaos.required import required
from tests.chaos.rules import (
    accounts,
    attempts,
    backfills,
    chains,
    ends,
    jobs,
    lines,
    overlaps,
    pools,
    records,
    requests,
    run_objects,
    slots,
    stops,
    windows,
)

RULES: tuple[Callable[[Case], Iterator[Objection]], ...] = (
    slots.check,
    jobs.check,
    overlaps.check,
    lines.check,
    attempts.check,
    ends.check,
    stops.check,
    requests.check,
    records.check,
    accounts.check,
)
NEAR = timedelta(seconds=30)
MOST = 4
"""How many runs, operations and faults are told with an objection."""


@dataclass(frozen=True)
class Verdict:
    """The objections to a history, in the order of time. `runs` and `backfills` are the DkronRuns and DkronBackfills.
    `calm`: how much of it could be judged without an excuse; None if no slot came due. `unjudged`: how many objections
    only the pace of a machine explains that had too much to do."""

    history: History
    cases: tuple[Case, ...]
    runs: tuple[Asked, ...]
    backfills: tuple[Backfill, ...]
    objections: tuple[Objection, ...]
    calm: Calm | None = None
    unjudged: int = 0

    @property
    def valid(self) -> bool:
        """Whether nothing was lost and nothing ran twice."""
        return not self.objections

    def __str__(self) -> str:
        return self.told(most=len(self.objections))

    def told(self, *, most: int) -> str:
        """The summary, and at most so many objections."""
        shown = [self.paragraph(objection) for objection in self.objections[:most]]
        more = len(self.objections) - len(shown)
        asked = required(self.history.pauses, self.cases, self.runs, self.backfills)
        lines = [self.summary, *([asked] if asked else []), *([str(self.calm)] if self.calm is not None else [])]
        if self.unjudged:
            pace = f"the machine took {self.history.terms.overload:.1f} times as long as a verdict allows for"
            lines.insert(0, f"not judged: {pace}, which may explain {self.unjudged} objections; repeat it on its own")
        return "\n\n".join(["\n".join(lines), *shown, *([f"and {more} more"] if more else [])])

    @property
    def summary(self) -> str:
        """One line: what was judged, and how many objections there are."""
        targets = [target for case in self.cases for target in case.targets]
        must = sum(target.need is Need.MUST for target in targets)
        unrun = sum(len(case.unrun) for case in self.cases)
        return (
            f"{len(self.objections)} objections to {len(self.cases)} jobs with {len(self.history.runs)} runs: of "
            f"{len(targets)} slots {must} had to run, {unrun} did not run; {len(self.history.faults)} faults"
        )

    def paragraph(self, objection: Objection) -> str:
        """An objection, with the nearest runs of the job, and the operations and faults around it."""
        if not objection.job:
            return f"{objection.kind.upper()}: {objection.text}."
        case = next(case for case in self.cases if (case.life.job, case.life.uid) == (objection.job, objection.uid))
        around = [
            _told("runs near", (telling.run(run) for run in _nearest(case.life.runs, objection.at))),
            _told("asked for", (telling.operation(op) for op in _recent(case, objection.at))),
            _told(
                "broken",
                (telling.fault(fault) for fault in case.weather.around(objection.at, objection.at, NEAR)[-MOST:]),
            ),
        ]
        where = f"{objection.job} ({objection.uid})" if objection.uid else objection.job
        return f"{objection.kind.upper()}: {where} at {rfc3339(objection.at)}: {objection.text}. " + " ".join(around)


def judge(history: History) -> Verdict:
    """Judge a history. Of a machine that had too much to do, only the objections stand that its pace cannot explain.
    Raises ValueError if it cannot be understood."""
    verdict = _judge(history)
    if verdict.valid or history.terms.overload <= 1:
        return verdict
    patient = _judge(replace(history, terms=history.terms.patient()))
    return patient if patient.objections else replace(verdict, objections=(), unjudged=len(verdict.objections))


def _judge(history: History) -> Verdict:
    weather = Weather.of(history.faults, history.terms, signs(history))
    cases = with_crowds(history, [Case(life, weather) for life in lives(history, weather)], weather)
    runs = tuple(all_asked(history, cases, weather))
    of_backfills = tuple(all_backfills(history, cases, runs, weather))
    found = [objection for case in cases for objection in _objections(case, cases)]
    found += pools.check(history, cases)
    found += (*run_objects.check(history, cases, runs), *backfills.check(of_backfills, runs))
    known = calm(cases)
    found.extend(_of_all(history, known))
    objections = sorted(found, key=lambda each: (each.at, each.kind, each.text))
    return Verdict(history, cases, runs, of_backfills, tuple(objections), known)


def _of_all(history: History, known: Calm | None) -> Iterator[Objection]:
    """Where too little is calm, nothing is proved, and a verdict without objections would say that it is."""
    share = 0.0 if known is None else known.share
    if share < history.terms.calm:
        text = f"{100 * share:.1f} % of the time is calm, and {100 * history.terms.calm:.0f} % must be"
        yield Objection(Kind.STORMY, "", "", history.terms.read, text)


def _objections(case: Case, cases: Sequence[Case]) -> Iterator[Objection]:
    found = [objection for rule in RULES for objection in rule(case)]
    found += chains.check(case, cases)
    yield from found
    # Where slots are wrong, times are; only what the slots hide is news.
    if not {Kind.UNSATISFIED, Kind.EXTRA, Kind.DOUBLE, Kind.UNTIMELY} & {objection.kind for objection in found}:
        yield from windows.check(case)


def _nearest(runs: Iterable[Run], at: datetime) -> list[Run]:
    nearest = sorted(runs, key=lambda run: abs(run.began - at))[:MOST]
    return sorted(nearest, key=lambda run: run.began)


def _recent(case: Case, at: datetime) -> list[Operation]:
    return [op for op in case.life.operations if op.invoked <= at + NEAR][-MOST:]


def _told(what: str, items: Iterable[str]) -> str:
    return f"{what.capitalize()}: {'; '.join(items) or 'nothing'}."
