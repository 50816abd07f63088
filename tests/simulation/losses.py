"""Histories of a right operator with one loss in them, as a wrong one would leave it: no checker may accept them.

`python -m tests.simulation.losses` measures how many are accepted, and how many slots had to run at all.
"""

import argparse
import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dkron_crds.job import Attempt, AttemptState, GroupStatus, JobStatus, Skipped, SkipReason, Trigger
from tests.chaos.excuses import FORBIDDEN, IN_LINE, excuses
from tests.chaos.history import History, Record, Run
from tests.chaos.verdict import judge
from tests.simulation.planner import plan
from tests.simulation.simulation import simulate

SEEDS = 200


@dataclass(frozen=True, slots=True)
class Loss:
    """`places` are the groups of runs, each with all that follows from it, that can be lost; `lose` has them so."""

    places: Callable[[History], Iterator[tuple[Run, ...]]]
    lose: Callable[[History, tuple[Run, ...]], History]


def _groups(history: History, trigger: Trigger) -> Iterator[tuple[Run, ...]]:
    found: dict[object, list[Run]] = {}
    for run in history.runs:
        if run.trigger is trigger:
            found.setdefault(run.of, []).append(run)
    yield from (tuple(sorted(runs, key=lambda run: run.attempt)) for runs in found.values())


def _scheduled(history: History) -> Iterator[tuple[Run, ...]]:
    return _groups(history, Trigger.SCHEDULE)


def _manual(history: History) -> Iterator[tuple[Run, ...]]:
    return _groups(history, Trigger.MANUAL)


def _retries(history: History) -> Iterator[tuple[Run, ...]]:
    """From the second attempt on: what is lost is that it was made."""
    for trigger in (Trigger.SCHEDULE, Trigger.MANUAL):
        yield from (runs[1:] for runs in _groups(history, trigger) if len(runs) > 1)


def _single(history: History) -> Iterator[tuple[Run, ...]]:
    """First attempts that were the only ones, and have a record that can be changed."""
    recorded = {each.job for record in history.records for each in record.status.executions}
    return (runs for runs in _scheduled(history) if len(runs) == 1 and runs[0].name in recorded)


def never_was(history: History, lost: tuple[Run, ...]) -> History:
    """Nothing is left of these runs, and no record says that there was anything."""
    kept = tuple(run for run in history.runs if run not in lost)
    return _recorded(replace(history, runs=kept), lost, _forgotten)


def counted(history: History, lost: tuple[Run, ...]) -> History:
    """Nothing is left of them, and their slot is counted as skipped, as if another run had been in its way."""
    uid, slot = lost[0].uid, lost[0].slot
    statuses = tuple(
        replace(seen, skipped=seen.skipped + 1) if seen.uid == uid and seen.mark and seen.mark >= slot else seen
        for seen in history.statuses
    )
    return replace(_recorded(never_was(history, lost), lost, _skipped), statuses=statuses)


def only_recorded(history: History, lost: tuple[Run, ...]) -> History:
    """No Job was made, and the status says that it was lost."""
    kept = tuple(run for run in history.runs if run not in lost)
    return _recorded(replace(history, runs=kept), lost, _lost)


LOSSES: dict[str, Loss] = {
    "a scheduled run, silently": Loss(_scheduled, never_was),
    "a scheduled run, counted as skipped": Loss(_scheduled, counted),
    "a manual run": Loss(_manual, never_was),
    "a retry": Loss(_retries, never_was),
    "a Job, recorded as JobLost": Loss(_single, only_recorded),
}


Change = Callable[[JobStatus, tuple[Run, ...]], JobStatus]


def _recorded(history: History, lost: tuple[Run, ...], change: Change) -> History:
    def of(record: Record) -> Record:
        return replace(record, status=change(record.status, lost)) if record.uid == lost[0].uid else record

    return replace(history, records=tuple(map(of, history.records)))


def _forgotten(status: JobStatus, lost: tuple[Run, ...]) -> JobStatus:
    names = {run.name for run in lost}
    gone = [each for each in status.executions if each.job in names]
    kept = tuple(each for each in status.executions if each.job not in names)
    counts = {
        # One whose record has made room for newer ones was counted all the same.
        "success_count": max(0, status.success_count - sum(_success(run, gone) for run in lost)),
        "error_count": max(0, status.error_count - sum(_failure(run, gone) for run in lost)),
    }
    active = tuple(entry for entry in status.active if entry.job not in names)
    return status.model_copy(update={"executions": kept, "active": active, "status": _outcome(kept), **counts})


def _success(run: Run, gone: list[Attempt]) -> bool:
    told = next((each for each in gone if each.job == run.name), None)
    return told.success if told else run.success is True


def _failure(run: Run, gone: list[Attempt]) -> bool:
    told = next((each for each in gone if each.job == run.name), None)
    return not told.success if told else run.success is False


def _outcome(kept: tuple[Attempt, ...]) -> GroupStatus:
    """The outcome of the newest run that is left."""
    if not kept:
        return GroupStatus.NEVER
    newest = max(kept, key=lambda each: (each.slot.replace(microsecond=0), each.group, each.attempt))
    return GroupStatus.SUCCESS if newest.success else GroupStatus.FAILED


def _skipped(status: JobStatus, lost: tuple[Run, ...]) -> JobStatus:
    before, slot = status.skipped, lost[0].slot
    count, last = (before.count, before.last_time) if before else (0, slot)
    reason = SkipReason.CONCURRENCY_FORBIDDEN
    return status.model_copy(
        update={"skipped": Skipped(count=count + 1, last_time=max(last, slot), last_reason=reason)}
    )


def _lost(status: JobStatus, lost: tuple[Run, ...]) -> JobStatus:
    name = lost[0].name
    told = next((each for each in status.executions if each.job == name), None)
    if told is None:
        return _forgotten(status, lost)
    failed = told.model_copy(
        update={"state": AttemptState.FAILED, "exit_code": None, "reason": "JobLost", "output": ""}
    )
    kept = tuple(failed if each.job == name else each for each in status.executions)
    moved = int(told.success)
    return status.model_copy(
        update={
            "executions": kept, "status": _outcome(kept),
            "success_count": status.success_count - moved, "error_count": status.error_count + moved,
        }
    )  # fmt: skip


# --- how many are accepted -------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """`tried` and `accepted` histories with each loss, and `slots` by why they did not have to run; empty: they had."""

    tried: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    slots: Counter[str] = field(default_factory=Counter)
    wrong: list[int] = field(default_factory=list)

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.tried + other.tried, self.accepted + other.accepted, self.slots + other.slots, self.wrong + other.wrong
        )

    def __str__(self) -> str:
        losses = (f"{self.accepted[name]:5} of {self.tried[name]:5} accepted: {name}" for name in LOSSES)
        slots = (f"{count:5} {why or 'had to run'}" for why, count in self.slots.most_common())
        return "\n".join(
            [*losses, f"{self.slots.total():5} slots, {self.required:.1%} had to run or to be counted", *slots]
        )

    @property
    def required(self) -> float:
        """The share of slots that had to run, or had to be counted as skipped because another run stood in the way."""
        return sum(self.slots[why] for why in ("", FORBIDDEN, IN_LINE)) / max(1, self.slots.total())

    def share(self, loss: str) -> float:
        """How many of these losses are accepted."""
        return self.accepted[loss] / max(1, self.tried[loss])


def measure(seed: int) -> Measured:
    """One loss of each kind in the history of a seed, and what each of its slots had to do."""
    # The histories are of DkronJobs, and an archive would only make others.
    found, result = Measured(), simulate(replace(plan(seed), archives=False))
    if result.wrong:
        found.wrong.append(seed)
        return found
    found.slots.update(excuse.why for excuse in excuses(judge(result.history)))
    for name, loss in LOSSES.items():
        if places := list(loss.places(result.history)):
            lost = random.Random(f"{seed} {name}").choice(places)  # noqa: S311 - no secret
            found.tried[name] += 1
            found.accepted[name] += judge(loss.lose(result.history, lost)).valid
    return found


def measured(seeds: Iterable[int], *, jobs: int = 1) -> Measured:
    """All of them together."""
    if jobs == 1:
        return sum(map(measure, seeds), Measured())
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        return sum(pool.imap_unordered(measure, seeds, chunksize=8), Measured())


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if each history was right before something was lost in it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.losses", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many ({SEEDS})")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    options = parser.parse_args(arguments)
    found = measured(range(options.first, options.first + options.seeds), jobs=options.jobs)
    print(found)
    if found.wrong:
        print(f"objected to as they are: {' '.join(map(str, sorted(found.wrong)))}")
    return int(bool(found.wrong))


if __name__ == "__main__":
    sys.exit(main())
