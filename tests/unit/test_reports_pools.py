"""Places in the lines of pools: looked up in the statuses of DkronPools, and told in words and to programs."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState
from dkron_crds.pool import SHOWN_IN_LINE
from dkron_operator.pools.index import PoolIndex
from dkron_pods.problem import Problem
from dkron_reports.explain import Question, explain
from dkron_reports.job import from_object
from dkron_reports.pools import waits_for_pools, with_places
from dkron_reports.run import attempts_of, runs_of
from tests.support.builders import NAMESPACE, NOON, after, claim, request_claim, seen, wire_job
from tests.unit.test_reports_line import in_line, queued

Object = dict[str, Any]
RUNNING = seen(claim(after(minutes=-3), at=after(minutes=-3)))
FIRST = in_line(claim(after(minutes=-2)), -2)
LATER = in_line(claim(after(minutes=-1)), -1)
MEMBERS = tuple(
    in_line(claim(after(minutes=-2), name=f"a-{member}").model_copy(update={"member": member}), -2)
    for member in ("x", "y")
)
IN_QUEUE = seen(queued(claim(after(minutes=-2)), -2)).model_copy(
    update={"state": AttemptState.QUEUED, "queue": "team-a"}
)


def pool(name: str, *line: Attempt | str, waiting: int | None = None, **fields: Any) -> Object:
    """A DkronPool with these runs in line: attempts of the job, or ids of another job's."""
    namespace, ids = fields.pop("namespace", NAMESPACE), [each if isinstance(each, str) else each.id for each in line]
    shown = [{"namespace": NAMESPACE, "job": "a", "id": each, "queuedAt": "2026-03-01T11:58:00Z"} for each in ids]
    status = {"waiting": len(line) if waiting is None else waiting, "line": shown}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": fields, "status": status}


def job(*active: Attempt, pools: tuple[str, ...] = ("db",), **spec: Any) -> Object:
    raw = wire_job(pools=list(pools), **spec)
    return raw | {"status": {"active": [each.to_wire() for each in active]}}


OTHERS = tuple(f"9-other-{number}" for number in range(SHOWN_IN_LINE))
DB = pool("db", "9-other", FIRST, LATER)


@dataclass(frozen=True)
class Told:
    """DkronPools, and where the runs of a job are, the newest first."""

    pools: tuple[Object, ...]
    where: list[str]
    active: tuple[Attempt, ...] = (RUNNING, FIRST, LATER)
    spec: Object = field(default_factory=dict)
    conditions: tuple[Object, ...] = ()


def missing(message: str) -> tuple[Object, ...]:
    """The conditions of a job one of whose pools is missing."""
    return ({"type": "Ready", "status": "False", "reason": "PoolNotFound", "message": message},)


METADATA = {"uid": "uid-of-a-pool", "resourceVersion": "1", "creationTimestamp": "2026-03-01T11:00:00Z"}


def problem(namespace: str = "", **fields: Any) -> str:
    """How the operator says that a pool does not exist; or that the one of this namespace has no room."""
    index = PoolIndex("home", most=1)
    for each in (pool(name, namespace=namespace, size=1, **fields) for name in ("db", "lock") if namespace):
        index.upsert({**each, "metadata": {**each["metadata"], **METADATA}})
    found = index.find(NAMESPACE, "lock")
    assert isinstance(found, Problem)
    return found.message


MISSING = missing(problem())
NO_POOL = 'for pool "lock", which does not exist for this namespace'


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Told((DB,), ["3rd of 3 for pool db", "2nd of 3 for pool db", ""]), id="in line"),
        pytest.param(Told((), ["", "", ""]), id="pools that may not be read"),
        pytest.param(
            Told((), ["place 2 in line", "place 1 in line", ""], spec={"concurrency": "queue"}), id="behind its own run"
        ),
        pytest.param(Told((), ["", ""], (FIRST, LATER), {"concurrency": "queue"}), id="its own runs are over"),
        pytest.param(
            Told((DB,), [NO_POOL] * 2, (FIRST, LATER), {"pools": ("db", "lock")}, MISSING), id="a missing pool"
        ),
        pytest.param(
            Told((), [NO_POOL] * 2 + [""], spec={"concurrency": "queue"}, conditions=MISSING),
            id="a missing pool, behind its own run",
        ),
        pytest.param(Told((pool("db", FIRST),), ["place 2 in line", "1st of 1 for pool db", ""]), id="after its own"),
        pytest.param(
            Told((pool("db", *OTHERS, waiting=12),), ["place 1 in line, not among the first ten of 12 for pool db"],
                 (FIRST,)),
            id="beyond the first ten",
        ),
        pytest.param(
            Told((pool("db", *OTHERS[1:], FIRST, waiting=12),),
                 ["place 2 in line, not among the first ten of 12 for pool db", "10th of 12 for pool db"],
                 (FIRST, LATER)),
            id="the last that is named",
        ),
        pytest.param(
            Told((pool("lock", FIRST), DB), ["2nd of 3 for pool db, 1st of 1 for pool lock"], (FIRST,),
                 {"pools": ("lock", "db")}),
            id="several pools",
        ),
        pytest.param(Told((pool("db", MEMBERS[0]),), ["1st of 1 for pool db"], MEMBERS), id="members have one place"),
        pytest.param(Told((pool("db", FIRST), pool("other", LATER)), ["1st of 1 for pool db"], (FIRST,)),
                     id="a pool that the job does not name"),
        pytest.param(
            Told((pool("db", FIRST, namespace="home", namespaces=[NAMESPACE]),), ["1st of 1 for pool db"], (FIRST,)),
            id="a pool of several namespaces"),
        pytest.param(
            Told((pool("db", "9-other", FIRST), pool("db", FIRST, namespace="home", namespaces=[NAMESPACE])),
                 ["2nd of 2 for pool db"], (FIRST,)),
            id="its own namespace's comes first"),
        pytest.param(
            Told((pool("db", FIRST, namespace="home", namespaces=["web"]),), [""], (FIRST,)),
            id="a pool of other namespaces"),
        pytest.param(Told((pool("db", waiting=0),), [""], (FIRST,)), id="not in line yet"),
        pytest.param(Told((DB,), ["in LocalQueue team-a"], (IN_QUEUE,)), id="in a queue of Kueue"),
    ],
)  # fmt: skip
def test_place_is_the_one_of_the_pool_status(case: Told) -> None:
    known = job(*case.active, **case.spec)
    known["status"]["conditions"] = list(case.conditions)
    raw = with_places(known, case.pools)
    runs = runs_of(attempts_of(raw["status"], raw["spec"]))
    assert [run.where if run.started is None else "" for run in runs] == case.where
    if case.conditions:
        assert {(run.place, run.attempts[0].pools) for run in runs} == {(0, ())}, "for programs"


def test_run_of_another_job_with_the_same_id_is_another_one() -> None:
    other = pool("db", FIRST)
    other["status"]["line"][0]["namespace"] = "web"
    raw = with_places(job(FIRST), [other])
    (run,) = runs_of(attempts_of(raw["status"], raw["spec"]))
    assert (run.where, run.place, run.attempts[0].pools) == ("", 0, ())


@pytest.mark.parametrize(
    ("message", "where"),
    [
        pytest.param(problem(), NO_POOL, id="it does not exist"),
        pytest.param(problem(NAMESPACE), 'for pool "lock", which has no effect: see its status', id="it has no effect"),
        pytest.param(
            problem("home", namespaces=[NAMESPACE]),
            'for pool "lock" of namespace home, which has no effect: see its status',
            id="of several namespaces, it has no effect",
        ),
        pytest.param("another sentence", "another sentence", id="of an operator of another version"),
        pytest.param("", "PoolNotFound", id="none"),
    ],
)
def test_missing_pool_is_told_whatever_the_message(message: str, where: str) -> None:
    known = job(FIRST)
    known["status"]["conditions"] = list(missing(message))
    (run,) = runs_of(attempts_of(known["status"], known["spec"]))
    assert run.where == where


@pytest.mark.parametrize(
    ("raw", "asks"),
    [
        pytest.param(job(FIRST), True, id="in line"),
        pytest.param(job(RUNNING), False, id="none waits"),
        pytest.param(job(IN_QUEUE), False, id="in a queue of Kueue"),
        pytest.param(job(FIRST, pools=()), False, id="no pools"),
    ],
)
def test_pools_are_asked_for_only_where_a_run_may_wait(raw: Object, *, asks: bool) -> None:
    assert waits_for_pools(raw) is asks


FORCED = in_line(request_claim("forced", after(minutes=-1)), -1)


@pytest.mark.parametrize(
    ("concurrency", "entry", "pools", "behind"),
    [
        pytest.param("queue", LATER, (), True, id="behind a run of its job"),
        pytest.param("queue", LATER, (pool("db", LATER),), False, id="only for a place: it could begin"),
        pytest.param("queue", LATER, (pool("db", *OTHERS, waiting=11),), True, id="not known to be in that line"),
        pytest.param("allow", LATER, (), False, id="runs of its job run beside each other"),
        pytest.param("forbid", FORCED, (pool("db", FORCED),), False, id="forced"),
    ],
)
def test_run_is_behind_a_run_of_its_job_only_if_it_is(
    concurrency: str, entry: Attempt, pools: tuple[Object, ...], *, behind: bool
) -> None:
    raw = with_places(job(RUNNING, entry, concurrency=concurrency), pools)
    raw["status"] |= {"since": "2026-03-01T11:00:00Z", "lastScheduleTime": "2026-03-01T12:00:00Z"}
    found = explain(from_object(raw), Question(after(minutes=-1), after(minutes=-1)), now=NOON)
    (told,) = [each for each in (*found.slots, *found.runs) if each.what == "waiting"]
    assert ("behind the run of" in told.why) is behind, told.why


def test_explanation_has_the_places_for_programs() -> None:
    raw = with_places(job(FIRST), [pool("db", "9-other", FIRST)])
    raw["status"] |= {"since": "2026-03-01T11:00:00Z", "lastScheduleTime": "2026-03-01T12:00:00Z"}
    found = explain(from_object(raw), Question(after(minutes=-2), after(minutes=-2)), now=NOON).as_json()
    (told,) = [each for each in (*found["slots"], *found["runs"]) if each["what"] == "waiting"]
    assert (told["place"], told["pools"]) == (1, [{"name": "db", "place": 2, "waiting": 2}])
    assert told["why"].endswith("2nd of 2 for pool db")
