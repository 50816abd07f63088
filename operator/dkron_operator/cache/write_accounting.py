"""Write accounting of one job: which facts its writes have made true, each counted once.

An answered write is certain. A write without an answer may have happened all the same: its facts stay in doubt until
the next version of the object is seen. That version shows them, or they never happened, because each write has to name
the version that its writer read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import History, JobStatus
from dkron_operator.plan.situation.read import FOREVER_AGO
from dkron_operator.plan.status.changes import Change
from dkron_operator.plan.status.facts import Countable, Facts, Marked, Recorded, holds
from dkron_operator.plan.status.fold import fold, recorded


@dataclass(slots=True)
class WriteAccounting:
    """The facts of the job's writes. Each `send` is followed by one of `taken`, `refused` and `unanswered`."""

    mark: datetime = FOREVER_AGO
    """The newest slot that the API server ever had as decided; it is not counted again."""

    forgotten: frozenset[str] = frozenset()
    """Jobs that were recorded until the status was wiped; they are not counted again."""

    sent: tuple[Countable, ...] | None = None
    """The facts of the write in progress; None if there is none."""

    takes_back: bool = False
    """Whether the write in progress moves a mark back that was ahead of the clock."""

    doubtful: tuple[Countable, ...] = ()
    """The facts of writes without an answer."""

    moved: bool = False
    """Whether another version of the object was seen since the write was sent."""

    def send(self, base: JobStatus, changes: Iterable[Change], history: History, facts: Facts) -> None:
        """These changes are about to be written onto `base`, and make these facts true of it."""
        # A write that was cancelled got no answer either.
        self._doubt()
        if self.mark > (base.last_schedule_time or FOREVER_AGO):
            # A user who wipes the status takes no slot back.
            _, facts = fold(base.model_copy(update={"last_schedule_time": self.mark}), changes, history)
        self.sent = tuple(fact for fact in facts if isinstance(fact, Countable) and not self._counted(fact))
        self.takes_back = any(isinstance(fact, Marked) and fact.back for fact in facts)
        self.moved = False

    def taken(self) -> tuple[Countable, ...]:
        """The API server accepted the write. Returns the facts that are true now; none that was in doubt happened."""
        made, self.sent, self.doubtful = self.sent or (), None, ()
        if self.takes_back:
            self.forget_mark()
        return made

    def refused(self, base: JobStatus) -> tuple[Countable, ...]:
        """The API server refused the write. Returns the facts of earlier writes that `base`, known by now, shows."""
        self.sent = None
        return self._clear(base) if self.moved else ()

    def unanswered(self, base: JobStatus) -> tuple[Countable, ...]:
        """The write got no answer. Otherwise as for `refused`."""
        self._doubt()
        return self._clear(base) if self.moved else ()

    def upsert(self, before: JobStatus, base: JobStatus) -> tuple[Countable, ...]:
        """The API server has a new status, from any writer. Returns the facts of our writes that it shows."""
        if before.since is not None and base.since is None:
            self.forgotten |= recorded(before) - recorded(base)
        self.remember(base)
        self.moved = True
        # If a write is in progress, its answer tells whether it caused this version.
        return self._clear(base) if self.sent is None else ()

    def remember(self, base: JobStatus) -> None:
        """The API server has this status."""
        self.mark = max(self.mark, base.last_schedule_time or FOREVER_AGO)

    def forget_mark(self) -> None:
        """The mark was ahead of the clock and moved back: the slots up to it are counted once they are decided."""
        self.mark = FOREVER_AGO

    def _counted(self, fact: Countable) -> bool:
        return isinstance(fact, Recorded) and fact.execution.job in self.forgotten

    def _doubt(self) -> None:
        self.doubtful += tuple(fact for fact in self.sent or () if fact not in self.doubtful)
        self.sent = None

    def _clear(self, base: JobStatus) -> tuple[Countable, ...]:
        found = tuple(fact for fact in self.doubtful if holds(base, fact))
        self.doubtful = ()
        return found
