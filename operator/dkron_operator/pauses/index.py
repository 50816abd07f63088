"""The DkronPauses by what they select, so that the pauses of one job are found without a look at all.

A namespace has room for so many of them, the oldest; of the others little more than the name is held, and they have no
effect. So a namespace with many pauses costs the others nothing. One that has long ended needs no room.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from dkron_crds.base import first_problem
from dkron_crds.packed import plain
from dkron_crds.pause import PauseSpec, PauseStatus, WhenResumed
from dkron_operator.kit.object_guard import FAULT, ObjectGuard
from dkron_operator.kit.oldest_first import OldestFirst
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import JobView
from dkron_operator.watch.followed import Key, status_of

Object = dict[str, Any]
log = logging.getLogger(__name__)

Age = tuple[datetime, str]
"""When it was created, and its name."""
T = TypeVar("T", bound=Hashable)
MOST = 256
"""How many DkronPauses of a namespace have an effect."""
KEPT = timedelta(days=1)
"""How long a pause counts that has ended by itself: slots that came due in it may be undecided."""


@dataclass(frozen=True, slots=True)
class PauseView:
    """A DkronPause as the API server has it."""

    pause: Pause
    uid: str
    version: int
    generation: int
    jobs: frozenset[str] = frozenset()
    """The Dkron names of the jobs that it selects, if it names any."""

    selector: Mapping[str, str] = field(default_factory=dict)
    """The labels of the jobs that it selects, if it names any."""

    everywhere: bool = False
    """Whether it asks to hold in all namespaces."""

    enforce: bool = False
    """Whether it asks that force does not overrule it."""

    problem: str = ""
    """What keeps the spec from being read; empty if nothing does."""

    dropped: bool = False
    """Whether the selection was not kept, because there was no room for it."""

    status: PauseStatus | None = None
    """None if the operator fails to read it; it then stays as it is."""

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return self.pause.namespace, self.pause.name

    @property
    def age(self) -> Age:
        """By which the oldest have room."""
        return self.pause.created, self.pause.name

    def selects(self, job: JobView) -> bool:
        """Whether the job is one of those that it names, wherever it holds."""
        if self.jobs:
            return job.dkron_name in self.jobs
        labels = plain(job.labels)
        return all(labels.get(key) == value for key, value in self.selector.items())


def read_pause(body: Object) -> PauseView:
    """Read a DkronPause without its status. One whose spec is not valid has a `problem`, and selects nothing."""
    try:
        return _view(body["metadata"], PauseSpec.from_wire(dict(body.get("spec") or {})))
    except ValidationError as exc:
        return _view(body["metadata"], PauseSpec(), f"spec.{first_problem(exc)}")


def read_pause_status(body: Object) -> PauseStatus:
    """Read the status of a DkronPause."""
    return status_of(body, PauseStatus)


def unread_pause(body: Object) -> PauseView:
    """A DkronPause whose spec the operator fails to read: it selects nothing."""
    return _view(body["metadata"], PauseSpec(), FAULT)


def _view(metadata: Object, spec: PauseSpec, problem: str = "") -> PauseView:
    pause = Pause(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        drop=spec.when_resumed is WhenResumed.DROP,
        until=spec.until,
        reason=" ".join(spec.reason.split()),
        by=" ".join(spec.paused_by.split()),
    )
    return PauseView(
        pause, metadata["uid"], int(metadata["resourceVersion"]), metadata.get("generation", 0),
        jobs=frozenset(spec.jobs), selector=spec.selector, everywhere=spec.all_namespaces,
        enforce=spec.enforce, problem=problem,
    )  # fmt: skip


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


class PauseIndex:
    """All DkronPauses. Only a pause of the namespace `home` may hold in all namespaces, and resist force."""

    def __init__(self, home: str, *, now: Callable[[], datetime], most: int = MOST) -> None:
        self._home = home
        self._now = now
        self._most = most
        self._views: dict[Key, PauseView] = {}
        self._ages: dict[str, OldestFirst[Age]] = {}
        self._selections: dict[str, _Selection] = defaultdict(_Selection)
        self._everywhere = _Selection()
        self._promoted: set[Key] = set()
        self._guard = ObjectGuard(log)

    def __iter__(self) -> Iterator[PauseView]:
        return iter(self._views.values())

    def selecting(self, job: JobView) -> tuple[PauseView, ...]:
        """Those that select the job."""
        here = self._selections.get(job.namespace)
        keys = {*self._everywhere.candidates(job), *(here.candidates(job) if here is not None else ())}
        return tuple(view for view in map(self._views.__getitem__, sorted(keys)) if view.selects(job))

    def has_room(self, view: PauseView) -> bool:
        """Whether it is one of those that have an effect."""
        ages = self._ages.get(view.pause.namespace)
        return ages is not None and not self._is_past(view) and ages.has_room(view.age)

    def is_allowed(self, view: PauseView) -> bool:
        """Whether its namespace lets it hold where it asks to."""
        return not view.everywhere or view.pause.namespace == self._home

    def is_enforced(self, view: PauseView) -> bool:
        """Whether force does not overrule it: it asks for that, and its namespace allows it."""
        return view.enforce and view.pause.namespace == self._home

    def missing(self) -> list[Key]:
        """Those that have room by now, and whose selection was not kept."""
        found = [self._views[key] for key in sorted(self._promoted) if key in self._views]
        self._promoted = {view.key for view in found if view.dropped and self.has_room(view)}
        return sorted(self._promoted)

    def upsert(self, body: Object) -> str | None:
        """Take in a pause. Returns the namespace whose jobs it concerns, "" for all; None if nothing has changed for
        them."""
        view = self._read(body)
        if view is None:
            return None
        before = self._views.get(view.key)
        if before is not None and before.uid == view.uid:
            if view.version < before.version or (view.version == before.version and not before.dropped):
                return None
            if view.generation == before.generation and not before.dropped:
                self._views[view.key] = replace(before, status=view.status, version=view.version)
                return None
        if before is not None:
            self.remove(view.key)
        if not self._is_past(view):
            ages = self._ages.setdefault(view.pause.namespace, OldestFirst(self._most))
            if (younger := ages.upsert(view.age)) is not None:
                self._shrink((view.pause.namespace, younger[1]))
        if not self.has_room(view):
            view = _lean(view)
        self._views[view.key] = view
        if not (view.problem or view.dropped) and self.is_allowed(view):
            self._selection(view).add(view)
        everywhere = view.everywhere or (before is not None and before.everywhere)
        return "" if everywhere else view.pause.namespace

    def remove(self, key: Key) -> str | None:
        """A pause is gone. Returns the namespace whose jobs that concerns, "" for all; None if it was not known."""
        view = self._views.pop(key, None)
        if view is None:
            return None
        self._selection(view).drop(view)
        self._leave_room(view)
        return "" if view.everywhere else view.pause.namespace

    def retire(self) -> bool:
        """Make room of the pauses that have long ended. Returns whether others have room by that."""
        for view in [view for view in self._views.values() if not view.dropped and self._is_past(view)]:
            self._selection(view).drop(view)
            self._views[view.key] = _lean(view)
            self._leave_room(view)
        return bool(self._promoted)

    def _read(self, body: Object) -> PauseView | None:
        """The pause; None if not even its metadata can be read. One that the operator fails to read has no effect, as
        one that is not valid."""
        read = self._guard.read
        view = read("DkronPause", body, read_pause) or read("DkronPause", body, unread_pause)
        if view is None:
            return None
        pause = replace(view.pause, enforce=self.is_enforced(view))
        return replace(view, pause=pause, status=read("the status of DkronPause", body, read_pause_status))

    def _leave_room(self, view: PauseView) -> None:
        namespace = view.pause.namespace
        ages = self._ages.get(namespace)
        if ages is None:
            return
        if (next_oldest := ages.remove(view.age)) is not None:
            self._promoted.add((namespace, next_oldest[1]))
        if not ages:
            del self._ages[namespace]
            self._selections.pop(namespace, None)

    def _is_past(self, view: PauseView) -> bool:
        return view.pause.until is not None and view.pause.until <= self._now() - KEPT

    def keys(self, namespace: str | None) -> set[Key]:
        """All that are known in a namespace, or in all (None)."""
        return {key for key in self._views if namespace in (None, key[0])}

    def _shrink(self, key: Key) -> None:
        """A pause lost its room to an older one."""
        view = self._views.get(key)
        if view is None or view.dropped or self.has_room(view):
            return
        self._selection(view).drop(view)
        self._views[key] = _lean(view)

    def _selection(self, view: PauseView) -> _Selection:
        return self._everywhere if view.everywhere else self._selections[view.pause.namespace]


def _lean(view: PauseView) -> PauseView:
    pause = replace(view.pause, reason="", by="")
    return replace(view, pause=pause, jobs=frozenset(), selector={}, dropped=True)
