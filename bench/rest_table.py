"""The table of the benchmark of the REST API: from the rounds of two contenders to a line."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from load import Outcome


@dataclass(frozen=True, slots=True)
class Round:
    """One load, and the seconds of CPU that the server used for it."""

    outcome: Outcome
    cpu: float

    @property
    def cost(self) -> float:
        """Seconds of CPU for each answer."""
        return self.cpu / len(self.outcome.latencies)


class Rounds:
    """The results of one contender's rounds; the first is its warm-up."""

    def __init__(self) -> None:
        self._all: list[Round] = []

    def add(self, round_: Round) -> None:
        """One more."""
        self._all.append(round_)

    def median(self, of: Callable[[Round], float]) -> float:
        """Of a figure, over the rounds that count."""
        return statistics.median(of(each) for each in self._all[1:])

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.median(lambda each: each.outcome.rate)

    @property
    def cost(self) -> float:
        """Microseconds of CPU for each answer."""
        return self.median(lambda each: each.cost) * 1e6

    def latency(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        return self.median(lambda each: each.outcome.percentile(share)) * 1000

    def share_of(self, other: "Rounds") -> float:
        """Our rate, divided by another contender's in the same round."""
        pairs = zip(self._all[1:], other._all[1:], strict=True)
        return statistics.median(mine.outcome.rate / theirs.outcome.rate for mine, theirs in pairs)


HEADER = (
    f"{'':<16} {'reference':>10} {'dkron-api':>10} {'share':>6} {'Dkron':>7} {'times':>6} {'p50 ms':>8} {'p99 ms':>8} "
    f"{'ref. µs':>8} {'ours µs':>8} {'load':>5}"
)


def row(name: str, ours: Rounds, reference: Rounds, dkron: int) -> str:
    """A line of the table."""
    than_dkron = f"{dkron:>7,} {ours.rate / dkron:>5.1f}x" if dkron else " " * 14
    return (
        f"{name:<16} {reference.rate:>10,.0f} {ours.rate:>10,.0f} {ours.share_of(reference):>6.0%} {than_dkron} "
        f"{ours.latency(0.5):>8.2f} {ours.latency(0.99):>8.2f} {reference.cost:>8.0f} {ours.cost:>8.0f} "
        f"{ours.median(lambda each: each.outcome.busy):>5.0%}"
    )
