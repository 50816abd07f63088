"""The network between operators and the API server, and what is wrong with it: answers that are lost, requests that do
not arrive or are refused, delays, another writer in between, watches that are late, repeat themselves, break, or
have to begin again, and lists in many pages.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.history import OLD_LISTS
from tests.simulation.dice import Dice


class Ill(StrEnum):
    """What can be wrong."""

    LOSE = "the answer is lost"
    DROP = "the request is lost"
    REFUSE = "the server refuses"
    SLOW = "everything takes long"
    MEDDLE = "another client writes just before"
    FREEZE = "the watch tells nothing"
    GAP = "the watch begins again, and does not tell what it has missed"
    REPEAT = "the watch repeats itself"
    CUT = "the watch breaks, and goes on where it was, if the server still knows what came then"
    PAGES = "lists come in short pages, and the server may forget meanwhile what they show"
    OLD = f"{OLD_LISTS}: as they were when it began"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong from one second to another, for `share` of the calls of a replica, or of all ("").

    `calls` are those whose "verb resource" begins so; of watches, and of the lists that old lists and short pages
    concern, whose resource does. `status` is what a refusal says.
    """

    ill: Ill
    begin: float
    end: float
    replica: str = ""
    calls: str = ""
    share: float = 1.0
    status: int = 503


class Network:
    """All troubles, and which of them a call meets."""

    def __init__(self, troubles: tuple[Trouble, ...]) -> None:
        self._troubles = troubles
        self._versions: dict[Trouble, int] = {}
        self._met: dict[Trouble, float] = {}
        self._lists: dict[Trouble, float] = {}
        self._refused: dict[Trouble, dict[str, None]] = {}

    def met(self, now: float, replica: str, call: str, dice: Dice) -> dict[Ill, Trouble]:
        """The troubles that a call meets."""
        return {t.ill: t for t in self._now(now, replica) if call.startswith(t.calls) and dice.chance(t.share)}

    def felt(self, now: float, troubles: Iterable[Trouble]) -> None:
        """A call that has met these is over."""
        self._met.update(dict.fromkeys(troubles, now))

    def refuse(self, trouble: Trouble, name: str) -> None:
        """This trouble has refused the object of that name."""
        self._refused.setdefault(trouble, {})[name] = None

    def refused(self, trouble: Trouble) -> tuple[str, ...]:
        """The names that it has refused."""
        return tuple(self._refused.get(trouble, ()))

    def first_list(self, trouble: Trouble) -> float | None:
        """When the first list was taken that it has made old; None if none was."""
        return self._lists.get(trouble)

    def last_met(self, trouble: Trouble) -> float | None:
        """When the last call was over that has met it; None if no call has."""
        return self._met.get(trouble)

    def watch(self, now: float, replica: str, plural: str, ill: Ill) -> Trouble | None:
        """The trouble of this kind that a watch of these has."""
        return next((t for t in self._now(now, replica) if t.ill is ill and plural.startswith(t.calls)), None)

    def pages(self, now: float, replica: str, plural: str) -> Trouble | None:
        """The trouble that has lists of these come in short pages."""
        return self.watch(now, replica, plural, Ill.PAGES)

    def remember(self, trouble: Trouble, version: int) -> None:
        """The newest version of anything, at the moment at which lists begin to be old."""
        self._versions[trouble] = version

    def old(self, now: float, replica: str, plural: str) -> int | None:
        """The version that a list of these has; None is the newest."""
        trouble = self.watch(now, replica, plural, Ill.OLD)
        if trouble is not None:
            self._lists.setdefault(trouble, now)
            self._met[trouble] = now
        return None if trouble is None else self._versions[trouble]

    def _now(self, now: float, replica: str) -> Iterator[Trouble]:
        return (t for t in self._troubles if t.begin <= now < t.end and t.replica in ("", replica))
