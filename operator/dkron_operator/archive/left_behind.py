"""Records of deleted jobs. No status holds them any more, so they wait for the archive in memory, in bounded number."""

from collections.abc import Iterable, Mapping
from itertools import islice

from dkron_archive.records import Entry, SkippedSlots
from dkron_operator.archive.outbox import Key

ROOM = 1000
"""How many executions, and how many ranges of slots, are held."""


class LeftBehind:
    """Records of deleted jobs that the archive does not have yet."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.slots: list[SkippedSlots] = []

    def add(self, entries: Mapping[Key, Entry], slots: Iterable[SkippedSlots]) -> int:
        """Take these. Returns how many older ones had to go."""
        self.entries |= entries
        self.slots += slots
        surplus = list(islice(self.entries, max(0, len(self.entries) - ROOM)))
        for key in surplus:
            del self.entries[key]
        slots_before = len(self.slots)
        self.slots = self.slots[-ROOM:]
        return len(surplus) + slots_before - len(self.slots)

    def clear(self) -> None:
        """Another process acts."""
        self.entries.clear()
        self.slots.clear()
