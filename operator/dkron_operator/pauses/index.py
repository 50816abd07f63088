"""The DkronPauses by what they select, so that the pauses of one job are found without a look at all.

Of those without room little more than the name is held. One that has long ended needs no room.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from dkron_crds.packed import plain
from dkron_crds.pause import PauseSpec, PauseStatus, WhenResumed
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import JobView
from dkron_operator.watch.object_index import MOST, Common, Key, ObjectIndex, ObjectView

T = TypeVar("T", bound=Hashable)
KEPT = timedelta(days=1)
"""How long a pause counts that has ended by itself: slots that came due in it may be undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseView(ObjectView):
    """A DkronPause as the API server has it."""

    pause: Pause
    status: PauseStatus | None = None
    jobs: frozenset[str] = frozenset()
    """The Dkron names of the jobs that it selects, if it names any."""

    selector: Mapping[str, str] = field(default_factory=dict)
    """The labels of the jobs that it selects, if it names any."""

    everywhere: bool = False
    """Whether it asks to hold in all namespaces."""

    enforce: bool = False
    """Whether it asks that force does not overrule it."""

    def selects(self, job: JobView) -> bool:
        """Whether the job is one of those that it names, wherever it holds."""
        if self.jobs:
            return job.dkron_name in self.jobs
        labels = plain(job.labels)
        return all(labels.get(key) == value for key, value in self.selector.items())


@dataclass(slots=True)
class _Selection:
    """The pauses of one namespace, or those that hold in all, by what they select."""

    by_job: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    by_label: dict[tuple[str, str], set[Key]] = field(default_factory=lambda: defaultdict(set))
    """By one label of their selectors."""
    whole: set[Key] = field(default_factory=set)

    def add(self, view: PauseView) -> None:
        if view.jobs:
            for name in view.jobs:
                self.by_job[name].add(view.key)
        elif view.selector:
            self.by_label[min(view.selector.items())].add(view.key)
        else:
            self.whole.add(view.key)

    def drop(self, view: PauseView) -> None:
        self.whole.discard(view.key)
        _discard(self.by_job, view.jobs, view.key)
        if view.selector:
            _discard(self.by_label, (min(view.selector.items()),), view.key)

    def candidates(self, job: JobView) -> Iterator[Key]:
        yield from self.whole
        yield from self.by_job.get(job.dkron_name, ())
        if self.by_label:
            for label in job.labels.items():
                yield from self.by_label.get(label, ())


def _discard(index: dict[T, set[Key]], places: Iterable[T], key: Key) -> None:
    for place in places:
        found = index.get(place)
        if found is not None:
            found.discard(key)
            if not found:
                del index[place]


class PauseIndex(ObjectIndex[PauseView, PauseSpec]):
    """All DkronPauses. Only a pause of the namespace `home` may hold in all namespaces, and resist force."""

    def __init__(self, home: str, *, now: Callable[[], datetime], most: int = MOST) -> None:
        super().__init__("DkronPause", PauseSpec, PauseStatus, home=home, most=most)
        self._now = now
        self._selections: dict[str, _Selection] = defaultdict(_Selection)
        """By namespace; "" for those that hold in all."""

    def selecting(self, job: JobView) -> tuple[PauseView, ...]:
        """Those that select the job."""
        found = (self._selections.get(namespace) for namespace in ("", job.namespace))
        keys = {key for selection in found if selection is not None for key in selection.candidates(job)}
        return tuple(view for view in map(self._views.__getitem__, sorted(keys)) if view.selects(job))

    def is_allowed(self, view: PauseView) -> bool:
        """Whether its namespace lets it hold where it asks to."""
        return not view.everywhere or view.key[0] == self.home

    def retire(self) -> bool:
        """Make room of the pauses that have long ended. Returns whether others have room by that."""
        for view in [view for view in self if not (view.dropped or self._takes_room(view))]:
            self._drop(view)
            self._leave_room(view)
        return bool(self._promoted)

    def _view(self, common: Common, spec: PauseSpec | None) -> PauseView:
        spec = spec or PauseSpec()
        namespace, name = common["key"]
        pause = Pause(
            namespace, name, common["created"],
            drop=spec.when_resumed is WhenResumed.DROP, until=spec.until, reason=" ".join(spec.reason.split()),
            by=" ".join(spec.paused_by.split()), enforce=spec.enforce and namespace == self.home,
        )  # fmt: skip
        return PauseView(
            **common, pause=pause, jobs=frozenset(spec.jobs), selector=spec.selector,
            everywhere=spec.all_namespaces, enforce=spec.enforce,
        )  # fmt: skip

    def _concerns(self, view: PauseView) -> str:
        return "" if view.everywhere else view.key[0]

    def _takes_room(self, view: PauseView) -> bool:
        return not view.pause.is_over(self._now() - KEPT)

    def _stripped(self, view: PauseView) -> PauseView:
        pause = replace(view.pause, reason="", by="")
        return replace(view, pause=pause, jobs=frozenset(), selector={}, dropped=True)

    def _link(self, view: PauseView) -> None:
        if not (view.problem or view.dropped) and self.is_allowed(view):
            self._selections[self._concerns(view)].add(view)

    def _unlink(self, view: PauseView) -> None:
        selection = self._selections.get(place := self._concerns(view), _Selection())
        selection.drop(view)
        if not (selection.whole or selection.by_job or selection.by_label):
            self._selections.pop(place, None)
