"""Runs of two jobs that share a pool, by examples: one is due at the seconds 10 and 30, the other at 20."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from dkron_crds.pool import PoolOrder
from tests.chaos.history import Act, Operation, Pool, Record, Run
from tests.chaos.objections import Kind
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import asked, history, made, ran, spec, told
from tests.unit.chaos.model import at

FINE: set[Kind] = set()
ONE = Pool(name="p", size=1)
URGENT = Pool(name="p", size=1, order=PoolOrder.PRIORITY)
OTHER = {"job": "b", "uid": "uid-b"}


@dataclass(frozen=True, slots=True)
class Shared:
    """The runs of the jobs `a` and `b`, when their slots came into line, and what the checker objects to."""

    title: str
    a: list[Run]
    b: list[Run]
    kinds: set[Kind]
    queued: dict[int, float] | None = None
    pool: Pool | None = ONE
    more: tuple[Operation | Pool, ...] = ()
    specs: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    read: float = 31.0


def of_b(*facts: Any) -> list[Any]:
    """The same of the other job."""
    return [replace(fact, **OTHER, **({"name": f"b-{fact.name}"} if isinstance(fact, Run) else {})) for fact in facts]


def recorded(*runs: Run, queued: dict[int, float]) -> Record:
    """The record, in which some slots came into line at these seconds."""
    record, since = told(*runs), {at(slot): at(when) for slot, when in queued.items()}
    known = (each.model_copy(update={"queued_at": since.get(each.slot)}) for each in record.status.executions)
    return replace(record, status=record.status.model_copy(update={"executions": tuple(known)}))


OF_B, OF_A = {"schedule": "20 * * * * *"}, {"schedule": "10,30 * * * * *"}
LONG = [ran(10, lasts=18)]
RETRIED = [ran(10, lasts=1, success=False), ran(10, late=12, lasts=1, attempt=2)]
BACKOFF = {"retries": 1, "retryBackoff": {"initial": "10s", "factor": 1, "max": "10s"}}
OF_TWO: tuple[dict[str, Any], dict[str, Any]] = {"pools": ["p", "r"]}, {}
TWO, FREE = Pool(name="p", size=2), (Pool(name="r", size=1),)
SHARE = Pool(name="p", size=1, of=("a", "b"))
SHARES = (replace(SHARE, of=("a",)), replace(SHARE, of=("b",)))
DELETED = (asked(Act.DELETE, 15),)
ROWS = (
    Shared("one waits for the other", LONG, [ran(20, late=9, lasts=1)], FINE),
    Shared("and does not", LONG, [ran(20, lasts=1)], {Kind.OVERLAP}),
    Shared("there are two places", LONG, [ran(20, lasts=1)], FINE, pool=Pool(name="p", size=2)),
    Shared("two operators act", LONG, [ran(20, lasts=1)], FINE, pool=replace(ONE, most=2)),
    Shared("beside a free place", [ran(10)], [ran(20, late=7, lasts=1)], {Kind.UNTIMELY}),
    Shared("by its record", [ran(10)], [ran(20, late=7, lasts=1)], {Kind.UNTIMELY}, queued={20: 20}),
    Shared("nothing is known of the pool", [ran(10)], [ran(20, late=7, lasts=1)], FINE, pool=None),
    Shared("one is lost in line", LONG, [], {Kind.UNSATISFIED}),
    Shared("it has had no time", LONG, [], FINE, read=29),
    Shared("a retry keeps the place", RETRIED, [ran(20, lasts=1)], {Kind.OVERLAP}, specs=(BACKOFF, {})),
    Shared("and it is free afterwards", RETRIED, [ran(20, late=4, lasts=1)], FINE, specs=(BACKOFF, {})),
    Shared("no run reserves it", [ran(10)], [ran(20, late=7, lasts=1)], {Kind.UNTIMELY}, more=FREE, specs=OF_TWO),
    Shared("one may reserve it", LONG, [ran(20, late=7, lasts=1)], FINE, pool=TWO, more=FREE, specs=OF_TWO),
    Shared("a namespace holds its share", LONG, [ran(20, late=9, lasts=1)], FINE, pool=TWO, more=(SHARE,)),
    Shared("and more", LONG, [ran(20, lasts=1)], {Kind.OVERLAP}, pool=TWO, more=(SHARE,)),
    Shared("another has a share of its own", LONG, [ran(20, lasts=1)], FINE, pool=TWO, more=SHARES),
    Shared("a job that is deleted keeps none", LONG, [ran(20, lasts=1)], FINE, more=DELETED),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_runs_that_share_a_pool(row: Shared) -> None:
    verdict = judge(told_of(row, specs=({**OF_A, **row.specs[0]}, {**OF_B, **row.specs[1]})))
    assert {objection.kind for objection in verdict.objections} == row.kinds, str(verdict)


FIRST, WAITED = ran(10, lasts=23), {20: 20.0, 30: 30.0}
IN_ORDER = ([FIRST, ran(30, late=16, lasts=1)], [ran(20, late=14, lasts=10)])
REVERSED = ([FIRST, ran(30, late=4, lasts=10)], [ran(20, late=25, lasts=1)])
FAST = {"priority": 1}
ORDERS = (
    Shared("the first in line", *IN_ORDER, FINE, WAITED, read=50),
    Shared("the second in line", *REVERSED, {Kind.UNTIMELY}, WAITED, read=50),
    Shared("by priority", *REVERSED, FINE, WAITED, URGENT, specs=(FAST, {}), read=50),
    Shared("against the priority", *IN_ORDER, {Kind.UNTIMELY}, WAITED, URGENT, specs=(FAST, {}), read=50),
    Shared("fifo knows no priority", *IN_ORDER, FINE, WAITED, specs=(FAST, {}), read=50),
    Shared("of two namespaces", *IN_ORDER, FINE, WAITED, URGENT, SHARES, specs=(FAST, {}), read=50),
    Shared("by a guest's priority", *REVERSED, {Kind.UNTIMELY}, WAITED, URGENT, SHARES, specs=(FAST, {}), read=50),
    Shared("one that did not wait", *REVERSED, {Kind.UNTIMELY}, {20: 20}, read=50),
)  # fmt: skip


@pytest.mark.parametrize("row", ORDERS, ids=lambda row: row.title)
def test_runs_get_places_in_their_order(row: Shared) -> None:
    verdict = judge(told_of(row, specs=({**OF_A, **row.specs[0]}, {**OF_B, **row.specs[1]})))
    assert {objection.kind for objection in verdict.objections} == row.kinds, str(verdict)


def told_of(row: Shared, *, specs: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    """The facts of both jobs."""
    pools: dict[str, Any] = {"pools": ["p"]}
    queued = row.queued or {}
    facts: list[Any] = [made(spec(**{**pools, **specs[0]})), *row.a, *row.more]
    facts += of_b(made(spec(**{**pools, **specs[1]})), *row.b)
    if row.queued is not None:
        facts += [recorded(*row.a, queued=queued), *of_b(recorded(*row.b, queued=queued))]
        facts[-1] = replace(facts[-1], status=_named_b(facts[-1]))
    return history(*facts, *([] if row.pool is None else [row.pool]), read=row.read)


def _named_b(record: Record) -> Any:
    known = (each.model_copy(update={"job": f"b-{each.job}"}) for each in record.status.executions)
    return record.status.model_copy(update={"executions": tuple(known)})
