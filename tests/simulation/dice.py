"""Dice: chance that depends on only a seed and a name, never on who has thrown before under another name. So a plan
without one of its events goes on much as it did with it.
"""

from zlib import crc32

_MASK = (1 << 64) - 1


class Dice:
    """Numbers that follow from a seed and a name (splitmix64)."""

    def __init__(self, seed: int, name: str) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 ^ crc32(name.encode()) * 0xD1B54A32D192ED03) & _MASK

    def chance(self, share: float) -> bool:
        """Whether it happens, in so many of all cases."""
        return self.number() < share

    def between(self, least: float, most: float) -> float:
        """Any number from one to the other."""
        return least + (most - least) * self.number()

    def number(self) -> float:
        """From 0 to 1, without 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)
