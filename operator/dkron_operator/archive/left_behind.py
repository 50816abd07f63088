"""Records of deleted jobs. No status holds them any more, so they wait for the archive in memory, in bounded number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dkron_archive.records import Entry, SkippedSlots
from dkron_operator.archive.outbox import Key
from dkron_operator.kit.shared_room import SharedRoom

ROOM = 1000
"""How many executions, and how many ranges of slots, are held for all namespaces."""


@dataclass(frozen=True, slots=True)
class Left:
    """An execution with the end of its output that its record shows, and how much more the job wanted of it."""

    entry: Entry
    output_bytes: int


class LeftBehind:
    """Records of deleted jobs that the archive does not have yet."""

    def __init__(self) -> None:
        self.entries: SharedRoom[Key, Left] = SharedRoom(ROOM)
        self.slots: SharedRoom[tuple[str, datetime], SkippedSlots] = SharedRoom(ROOM)

    def add(self, left: Iterable[Left], slots: Iterable[SkippedSlots]) -> int:
        """Take these. Returns how many others had to go."""
        records = [(each, each.entry.execution) for each in left]
        keys = [(record.job.namespace, (record.job.uid, record.attempt_job), each) for each, record in records]
        gone = sum(self.entries.put(*each) for each in keys)
        return gone + sum(self.slots.put(each.job.namespace, (each.job.uid, each.last), each) for each in slots)

    def clear(self) -> None:
        """Another process acts."""
        self.entries.clear()
        self.slots.clear()
