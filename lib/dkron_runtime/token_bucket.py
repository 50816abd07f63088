"""Token buckets, one for each group: a group takes so many tokens a second, and some more at once after a quiet time.

A bucket is one number, the moment at which it is full again (GCRA). A full one needs no number at all, so what is held
grows with the groups that are busy, not with those that there are.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

SWEEP = 256
"""How many buckets may be held before those that are full again are dropped."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` tokens a second, and up to `burst` at once; the bucket is off if `per_second` is 0."""

    per_second: float
    burst: float

    def owe(self, full_at: float, now: float, tokens: float) -> float:
        """Return when a bucket is full again from which so many tokens were used, whether they were there or not."""
        return max(full_at, now) + tokens / self.per_second

    def take(self, full_at: float, now: float) -> tuple[float, float]:
        """Take one token at `now`, in seconds of any clock, from a bucket that is full again at `full_at`. Returns when
        the token is there, and when the bucket is full again.

        A token that is not there yet is reserved: the next one comes later.
        """
        full_at = self.owe(full_at, now, 1)
        return max(now, full_at - self.burst / self.per_second), full_at


@dataclass(slots=True)
class TokenBuckets:
    """The buckets of all groups, with the same rate."""

    rate: Rate
    _full_at: dict[Hashable, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, group: Hashable, now: float) -> float:
        """Take one token of the group; returns when it is there, `now` at the earliest."""
        at, full_at = self.rate.take(self._full_at.get(group, now), now)
        if len(self._full_at) >= SWEEP and group not in self._full_at:
            self._full_at = {key: full for key, full in self._full_at.items() if full > now}
        self._full_at[group] = full_at
        return at
