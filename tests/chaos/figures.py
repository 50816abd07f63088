"""A history in figures: what was broken how often, what ran, how late, and how soon all was well again. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from dkron_crds.job import Trigger
from tests.chaos.history import Fault, Run
from tests.chaos.needs import Need
from tests.chaos.verdict import Verdict

ON_TIME = timedelta(seconds=1)
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Figures:
    """`calm` and `stormy` are how late the first attempts of slots were that came due in such times and that no pause
    held. `allowed`: how late they may be in calm times. `recoveries`: from the end of each storm's last fault, by its
    name, until a slot that came due after it ran on time."""

    slots: Counter[str]
    runs: Counter[str]
    faults: Counter[str]
    calm: tuple[timedelta, ...]
    stormy: tuple[timedelta, ...]
    allowed: timedelta
    recoveries: tuple[tuple[str, timedelta], ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """A line for each."""
        yield f"slots:        {_counted(self.slots)}"
        yield f"runs:         {_counted(self.runs)}"
        yield f"lateness:     {_spread(self.calm)} in calm times; {_spread(self.stormy)} in storms"
        yield f"allowed:      {_seconds(self.allowed)} in calm times; the busier the machine, the more"
        if self.recoveries:
            longest = max(seconds for _, seconds in self.recoveries)
            yield f"recovery:     {len(self.recoveries)} storms, the longest {_seconds(longest)}"
        yield f"faults:       {sum(self.faults.values())}"
        for what, number in sorted(self.faults.items(), key=lambda item: (-item[1], item[0])):
            yield f"  {number:4} {what}"


def figures(verdict: Verdict, faults: Iterable[str] = ()) -> Figures:
    """The figures of a history that was judged. `faults` are those that were done, in the words of a plan; without it
    the faults of the history are counted."""
    weather = verdict.cases[0].weather if verdict.cases else None
    history = verdict.history
    first = [run for run in history.runs if run.trigger is Trigger.SCHEDULE and run.attempt == 1]
    held = {(case.life.uid, target.slot) for case in verdict.cases for target in case.targets if target.held}
    first = [run for run in first if (run.uid, run.slot) not in held]
    calm: list[timedelta] = []
    stormy: list[timedelta] = []
    for run in first:
        excused = weather is not None and weather.excuse(run.slot) is not None
        (stormy if excused else calm).append(max(run.began - run.slot, ZERO))
    targets = [target for case in verdict.cases for target in case.targets]
    needs = Counter({f"{need} run": sum(target.need is need for target in targets) for need in Need})
    needs["did not"] = sum(len(case.unrun) for case in verdict.cases)
    return Figures(
        slots=needs,
        runs=Counter(run.trigger.value if run.attempt == 1 else "retry" for run in history.runs),
        faults=Counter(faults) or Counter(fault.what for fault in history.faults),
        calm=tuple(sorted(calm)),
        stormy=tuple(sorted(stormy)),
        allowed=history.terms.lateness,
        recoveries=tuple(_recoveries(history.faults, first)),
    )


def _recoveries(faults: Iterable[Fault], runs: Iterable[Run]) -> Iterator[tuple[str, timedelta]]:
    good = sorted((run for run in runs if run.began - run.slot <= ON_TIME), key=lambda run: run.began)
    known = sorted((fault for fault in faults if fault.end is not None), key=lambda fault: fault.begin)
    for fault in known:
        if fault.end is None or any(other.begin <= fault.end < (other.end or fault.end) for other in known):
            continue
        following = min((other.begin for other in known if other.begin > fault.end), default=None)
        run = next((run for run in good if run.slot > fault.end), None)
        if run is not None and (following is None or run.began < following):
            yield fault.what, run.began - fault.end


def percentile(values: tuple[timedelta, ...], part: float) -> timedelta:
    """Of values in order: the one that so many of a hundred do not exceed."""
    return values[min(len(values) - 1, int(len(values) * part / 100))]


def _spread(values: tuple[timedelta, ...]) -> str:
    if not values:
        return "none"
    middle, most = percentile(values, 50), percentile(values, 99)
    return f"p50 {_seconds(middle)}, p99 {_seconds(most)}, most {_seconds(values[-1])} of {len(values)}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def _seconds(of: timedelta) -> str:
    return f"{of.total_seconds():.2f} s"
