"""Exponential backoff: each failure in a row doubles the pause before the next try."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The first and the longest pause, in seconds, and the factors between which each pause is spread at random."""

    first: float
    last: float
    spread: tuple[float, float] = (1.0, 1.0)

    def after(self, failures: int) -> float:
        """Return how many seconds to pause after so many failures in a row; the first is 1."""
        pause = min(self.first * 2.0 ** min(failures - 1, 16), self.last)
        low, high = self.spread
        return pause if low == high else pause * random.uniform(low, high)  # noqa: S311 - only spreads load
