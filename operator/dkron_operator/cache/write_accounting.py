"""The books of one job: which facts its writes have made true, each told once.

A write that was answered is clear. One that was not may have happened all the same: its facts stay in doubt until
the next version of the object is seen, which shows them or never will, since who writes next has to name the version
that it has read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.job import JobStatus
from dkron_operator.plan.fold import Change, recorded
from dkron_operator.plan.read import FOREVER_AGO
from dkron_operator.plan.written import Fact, facts, holds


@dataclass(slots=True)
class WriteAccounting:
    """`mark` is the newest slot that the API server ever had as decided, `forgotten` are Jobs that were recorded until
    somebody wiped the status: neither is counted again. Of `send`, `taken`, `refused` and `unanswered`, one of the last
    three follows the first."""

    mark: datetime = FOREVER_AGO
    forgotten: frozenset[str] = frozenset()
    sent: tuple[Fact, ...] | None = None
    doubtful: tuple[Fact, ...] = ()
    moved: bool = False

    def send(self, base: JobStatus, changes: Iterable[Change]) -> None:
        """These changes are about to be written onto `base`."""
        # One that was broken off had no answer either.
        self._doubt()
        self.sent = facts(base, changes, mark=self.mark, forgotten=self.forgotten)
        self.moved = False

    def taken(self) -> tuple[Fact, ...]:
        """The API server took them: what is true by now. What was in doubt before has not happened."""
        made, self.sent, self.doubtful = self.sent or (), None, ()
        return made

    def refused(self, base: JobStatus) -> tuple[Fact, ...]:
        """It did not; `base` is what is known by now. What is true by earlier writes."""
        self.sent = None
        return self._clear(base) if self.moved else ()

    def unanswered(self, base: JobStatus) -> tuple[Fact, ...]:
        """It gave no answer; the rest as for `refused`."""
        self._doubt()
        return self._clear(base) if self.moved else ()

    def see(self, before: JobStatus, base: JobStatus) -> tuple[Fact, ...]:
        """The API server has another status than before, whoever has written it. What is true by writes of ours."""
        if before.since is not None and base.since is None:
            self.forgotten |= recorded(before) - recorded(base)
        self.remember(base)
        self.moved = True
        # Whether a write that is under way has made this, its answer tells.
        return self._clear(base) if self.sent is None else ()

    def remember(self, base: JobStatus) -> None:
        """The API server has this status."""
        self.mark = max(self.mark, base.last_schedule_time or FOREVER_AGO)

    def forget_mark(self) -> None:
        """The mark was ahead of the clock and is taken back: the slots up to it are counted when they are decided."""
        self.mark = FOREVER_AGO

    def _doubt(self) -> None:
        self.doubtful += tuple(fact for fact in self.sent or () if fact not in self.doubtful)
        self.sent = None

    def _clear(self, base: JobStatus) -> tuple[Fact, ...]:
        found = tuple(fact for fact in self.doubtful if holds(base, fact))
        self.doubtful = ()
        return found
