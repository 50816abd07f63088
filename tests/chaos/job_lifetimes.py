"""A life is one DkronJob object, from its creation to its deletion. The same name created again is another life, with
another uid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from dkron_crds.job import JobSpec
from dkron_crds.requests import group_of
from tests.chaos.fault_windows import Weather
from tests.chaos.history import FOREVER, Act, History, Operation, Paused, Record, Run, RunObject, RunRequest, Seen
from tests.chaos.spans import Change, Span, projected, spans

_CHANGES = frozenset({Act.CREATE, Act.EDIT, Act.DISABLE, Act.ENABLE, Act.DELETE})

Setting = JobSpec | None
"""The spec of a job; None once it is deleted."""
Renewed = tuple[Setting, int]
"""Its spec, and how often its status was wiped before: slots count again after that."""


@dataclass(frozen=True)
class Life:
    """One DkronJob: what was asked of it, what ran of it, and its record if it still was there at the end."""

    job: str
    uid: str
    created: datetime
    operations: tuple[Operation, ...]
    changes: tuple[Change[Setting], ...]
    renewals: tuple[Change[Renewed], ...]
    runs: tuple[Run, ...]
    record: Record | None
    sinces: tuple[datetime, ...]
    statuses: tuple[Seen, ...] = ()
    pauses: tuple[Paused, ...] = ()
    run_requests: tuple[RunRequest, ...] = ()
    run_objects: tuple[RunObject, ...] = ()
    labels: frozenset[str] = frozenset()

    @cached_property
    def settings(self) -> list[Span[Setting]]:
        """Which specs may have been in force when."""
        return spans(self.changes)

    @cached_property
    def asked_by_name(self) -> frozenset[str]:
        """The names of the DkronRuns of this job."""
        names = {each.name for each in self.run_requests} | {each.name for each in self.run_objects}
        return frozenset(names)

    @property
    def deleted(self) -> datetime:
        """From when on it may be gone."""
        return min((span.first for span in self.settings if span.value is None), default=FOREVER)

    @property
    def gone(self) -> datetime:
        """From when on every operator must have seen that it is gone."""
        return min((span.sure for span in self.settings if span.value is None and span.sure), default=FOREVER)

    def is_there(self, begin: datetime, end: datetime) -> bool:
        """Whether it surely was there all that time."""
        made = next((span.sure for span in self.settings), None)
        return made is not None and made <= begin and end < self.deleted

    def specs(self, begin: datetime, end: datetime) -> list[JobSpec]:
        """All that may have been in force at some moment of that time."""
        return [span.value for span in self.settings if span.value is not None and span.touches(begin, end)]

    def without(self, runs: Iterable[Run]) -> "Life":
        """The same without these."""
        left_out = set(runs)
        return replace(self, runs=tuple(run for run in self.runs if run not in left_out))


def lives(history: History, weather: Weather) -> list[Life]:
    """Every DkronJob that a client created, and every one that ran or left a record."""
    seen = {(fact.job, fact.uid) for facts in (history.runs, history.records) for fact in facts}
    made = [op for op in _effective(history) if op.act is Act.CREATE]
    claimed = {op.uid for op in made}
    found: list[Life] = []
    for op in sorted(made, key=lambda op: op.invoked):
        # Without an answer, no client has the uid: it is one that turned up.
        uid = op.uid or next((uid for job, uid in sorted(seen) if job == op.job and uid not in claimed), "")
        claimed.add(uid)
        found.append(_life(history, weather, op, uid))
    strangers = sorted((job, uid) for job, uid in seen if uid not in claimed)
    return found + [_stranger(history, job, uid) for job, uid in strangers]


def _effective(history: History) -> list[Operation]:
    """What may have had an effect. A job that is there at the end was never deleted. So neither a deletion after its
    creation nor a second creation had one, if it was not answered."""
    left = {record.uid for record in history.records}
    since = {op.job: op.invoked for op in history.operations if op.act is Act.CREATE and op.uid in left}

    def is_vain(op: Operation) -> bool:
        return op.act in (Act.CREATE, Act.DELETE) and op.answered is None and op.invoked > since.get(op.job, FOREVER)

    return [op for op in history.operations if not (op.refused or is_vain(op))]


def _life(history: History, weather: Weather, create: Operation, uid: str) -> Life:
    operations = _its_operations(history, create, uid)
    life = Life(
        job=create.job,
        uid=uid,
        created=create.created or create.invoked,
        operations=operations,
        changes=tuple(projected(_changes(operations, weather), lambda renewed: renewed[0])),
        renewals=tuple(_changes(operations, weather)),
        runs=tuple(sorted(_runs(history, uid), key=lambda run: (run.began, run.name))),
        record=next((record for record in history.records if record.uid == uid), None),
        sinces=tuple(sorted(fact.since for fact in history.sinces if fact.uid == uid)),
        statuses=tuple(sorted((fact for fact in history.statuses if fact.uid == uid), key=lambda fact: fact.at)),
        pauses=tuple(fact for fact in history.pauses if fact.job == create.job),
        run_requests=tuple(fact for fact in history.run_requests if fact.spec.job == create.job and not fact.refused),
        run_objects=tuple(fact for fact in history.run_objects if fact.spec.job == create.job),
        labels=frozenset(create.labels),
    )
    return life.without(_still_on_their_way(life, weather))


def _runs(history: History, uid: str) -> Iterator[Run]:
    """The runs of a job. A Job that is made once its DkronRun is gone, or ended with its job, because it was claimed
    before, does not name it; the number of its run tells."""
    asked = {group_of(each.uid, each.created): each for each in history.run_objects}
    for run in history.runs:
        if run.uid == uid:
            of = None if run.asked else asked.get(run.group)
            yield run if of is None or not _asked_no_more(of, run.began) else replace(run, asked=of.name)


def _asked_no_more(of: RunObject, when: datetime) -> bool:
    ended = of.status.finished_at
    return of.gone is not None or (ended is not None and ended <= when)


def _still_on_their_way(life: Life, weather: Weather) -> Iterator[Run]:
    """Runs that there were before, made once more when a storm was there as the job was deleted: with the first Job its
    name was gone, and a second request to create it may have been on its way."""
    seen: set[object] = set()
    for run in life.runs:
        late = life.deleted <= run.began <= weather.decided(life.deleted)
        if late and run.cause in seen and weather.excuse(life.deleted) is not None:
            yield run
        seen.add(run.cause)


def _stranger(history: History, job: str, uid: str) -> Life:
    runs = tuple(run for run in history.runs if run.uid == uid)
    return Life(job, uid, FOREVER, (), (), (), runs, None, ())


def _its_operations(history: History, create: Operation, uid: str) -> tuple[Operation, ...]:
    """What names its uid, or its name between its creation and the next one."""
    effective = _effective(history)
    others = (op.invoked for op in effective if op.act is Act.CREATE and op.job == create.job)
    end = min((invoked for invoked in others if invoked > create.invoked), default=FOREVER)
    mine = (
        op
        for op in effective
        if op is create
        or (
            op.job == create.job
            and op.act is not Act.CREATE
            and (op.uid == uid if op.uid else create.invoked <= op.invoked < end)
        )
    )
    return tuple(sorted(mine, key=lambda op: op.invoked))


def _changes(operations: Iterable[Operation], weather: Weather) -> Iterator[Change[Renewed]]:
    spec: Setting = None
    wipes = 0
    for op in operations:
        if op.act is Act.WIPE:
            wipes += 1
        elif op.act in _CHANGES:
            spec = _after(spec, op)
        else:
            continue
        yield Change((spec, wipes), *_known(op, weather))


def _known(op: Operation, weather: Weather) -> tuple[datetime, datetime | None]:
    """From when on it may have had its effect, and from when on it surely had."""
    if op.act is Act.CREATE and op.answered is not None:
        # Slots count from the moment that the API server wrote down, whenever the operator sees the job.
        seen = op.created or op.answered
        return min(op.invoked, seen), seen
    return op.invoked, None if op.answered is None else weather.decided(op.answered)


def _after(spec: Setting, op: Operation) -> Setting:
    match op.act:
        case Act.DELETE:
            return None
        case Act.DISABLE | Act.ENABLE:
            # Of what is gone nothing is changed; and an answer knows best what became of operations without one.
            return op.spec or (spec and spec.model_copy(update={"disabled": op.act is Act.DISABLE}))
        case _:
            if op.spec is None:
                raise ValueError(f'the {op.act} of "{op.job}" at {op.invoked} has no spec')
            return op.spec
