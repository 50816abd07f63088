"""Whether a figure got worse from one version to another, by runs that took turns. All figures are costs: less is
better."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FLOOR = 0.05
"""Noise that is always assumed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure of both versions: their medians, `ratio` (now by base), and by how much that varies by chance."""

    figure: str
    base: float
    now: float
    ratio: float
    noise: float

    @property
    def verdict(self) -> str:
        """Worse, better or the same, where the ratio differs from 1 by more than the noise."""
        if abs(self.ratio - 1) <= self.noise:
            return "same"
        return "worse" if self.ratio > 1 else "better"

    def __str__(self) -> str:
        columns = (self.figure, f"{self.base:.3g}", f"{self.now:.3g}", f"{self.ratio:.2f}", f"{self.noise:.0%}")
        return " | ".join((*columns, self.verdict))


def line(figure: str, base: Sequence[float], now: Sequence[float]) -> Line:
    """The figure, from one value of each version for each round.

    The ratio is the median of the rounds' ratios, and the noise their spread: a load that lasts longer than a round is
    in both values, and drops out.
    """
    ratios = [_ratio(before, after) for before, after in zip(base, now, strict=True)]
    noise = max(ratios) - min(ratios) if min(ratios) != max(ratios) else 0.0
    return Line(figure, statistics.median(base), statistics.median(now), statistics.median(ratios), max(FLOOR, noise))


def _ratio(before: float, after: float) -> float:
    if not before:
        return float("inf") if after else 1.0
    return after / before


def lines(base: Sequence[Mapping[str, float]], now: Sequence[Mapping[str, float]]) -> list[Line]:
    """Each figure of either version, from the figures of each round. One that a round lacks, such as a call that a
    version never makes, is 0 there."""
    names = dict.fromkeys(name for figures in (*base, *now) for name in figures)
    return [line(name, [each.get(name, 0.0) for each in base], [each.get(name, 0.0) for each in now]) for name in names]
