"""DkronRuns, pauses and backfills by examples: what the checker objects to, in histories that are written by hand."""

from dataclasses import replace
from typing import Any

import pytest

from dkron_crds.backfill import BackfillSpec, BackfillStatus, BackfillTarget
from dkron_crds.conditions import Condition, ConditionStatus
from dkron_crds.job import Trigger
from dkron_crds.requests import group_of
from dkron_crds.run import BoundJob, RunPhase, RunSpec, RunStatus
from tests.chaos.history import Act, BackfillObject, BackfillRequest, Paused, Run, RunObject, RunRequest, Suspended
from tests.chaos.objections import Kind
from tests.chaos.verdict import judge
from tests.unit.chaos.facts import UID, asked, broke, history, made, ran, spec, told
from tests.unit.chaos.model import at

FINE: set[Kind] = set()
BY_HAND = spec("@manually")
TENS = {missed: spec(missedRuns=missed) for missed in ("all", "latest", "skip")}
GROUP = int(at(15).timestamp()) * 10**9 + 7


def request(when: float = 15.3, name: str = "r", *, answered: bool = True, **more: Any) -> RunRequest:
    """A client creates a DkronRun of the job "a"."""
    facts = {key: more.pop(key) for key in ("refused", "fits") if key in more}
    known: dict[str, Any] = {"answered": at(when + 0.1), "created": at(int(when))} if answered else {}
    return RunRequest(name=name, invoked=at(when), spec=RunSpec.from_wire({"job": "a", **more}), **known, **facts)


def of(phase: str = "Succeeded", *, when: float = 15.3, name: str = "r", reason: str = "", **more: Any) -> RunObject:
    """The DkronRun as it was last."""
    ended = phase not in ("Pending", "Running")
    kind = "Complete" if phase == "Succeeded" else "Failed"
    end, uid = at(more.pop("end", 18)), more.pop("bound", UID)
    condition = Condition(
        type=kind, status=ConditionStatus.TRUE, reason=reason or phase, message="", last_transition_time=end
    )
    status = RunStatus(
        phase=RunPhase(phase), group=None if phase == "Pending" else more.pop("group", GROUP),
        conditions=(condition,) if ended else (), finished_at=end if ended else None,
        attempt_count=more.pop("attempts", 0 if phase == "Refused" else 1),
        dkron_job=BoundJob(name="a", uid=uid) if uid else None,
    )  # fmt: skip
    facts = {key: more.pop(key) for key in ("gone", "backfill") if key in more}
    wanted = RunSpec.from_wire({"job": "a", **more})
    return RunObject(
        name=name, uid=f"uid-{name}", seen=at(when), created=at(int(when)), spec=wanted, status=status, **facts
    )


def ran_for(name: str = "r", slot: float = 15, *, group: int = GROUP, late: float = 0.5, **more: Any) -> Run:
    """What ran for a DkronRun, so long after its slot."""
    fields = {"trigger": Trigger.MANUAL, "name": f"a-{name}-{group}-{more.get('attempt', 1)}", **more}
    return ran(slot, late=late, asked=name, group=group, **fields)


def paused(begin: float, end: float, **more: Any) -> Paused:
    return Paused(job="a", begin=at(begin), end=at(end), **more)


RAN = [request(), of(), ran_for()]
REFUSED = of("Refused", reason="Disabled")
OFF, ON = asked(Act.DISABLE, 10), asked(Act.ENABLE, 25)
AGAIN = ran_for(group=GROUP + 1)
REMADE = [asked(Act.DELETE, 15.7), replace(made(BY_HAND, when=16.5), uid="uid-2")]
NEXT = replace(ran_for(late=2.5), uid="uid-2", name="y")
GONE = of("Failed", reason="JobDeleted")
LEFT = asked(Act.DELETE, 30)
"""It is deleted when the run must be over."""
GONE_LATER = of("Failed", reason="JobDeleted", end=31)
REMADE_OFF = [REMADE[0], replace(REMADE[1], spec=spec("@manually", disabled=True))]
LONG = asked(Act.RUN, 12.3, at=at(12.3))
BUSY = [LONG, ran(12.3, trigger=Trigger.MANUAL, group=6, lasts=10)]
FAILED = ran_for(success=False)

WITHDRAWN = replace(request(), cancelled=at(15.6))
UNNAMED = ran_for("", group=group_of("uid-r", at(15)))
NO_JOB = broke(15.1, 15.9, down=False, hits=("a-1772323215-0123abcd",))
"""The API server refuses a Job of it."""
SECOND: dict[str, Any] = {"scheduledTime": "2026-03-01T00:00:02Z"}

RUNS = [
    pytest.param(BY_HAND, facts, kinds, id=f"DkronRuns: {name}")
    for name, facts, kinds in (
        ("it ran", RAN, FINE),
        ("it did not run", [request(), of("Pending")], {Kind.REQUEST}),
        ("no answer, and it is not there", [request(answered=False)], FINE),
        ("no answer, and it is there", [request(answered=False), of("Pending")], {Kind.REQUEST}),
        ("two Jobs, by two names", [*RAN, AGAIN], {Kind.DOUBLE}),
        ("two Jobs of one attempt", [*RAN, replace(ran_for(), name="x")], {Kind.DOUBLE}),
        ("two Jobs, of a job and of the next", [*RAN, *REMADE, NEXT], {Kind.DOUBLE, Kind.EXTRA}),
        ("it ran as the job that has the name since", [request(), of(), *REMADE, NEXT], {Kind.EXTRA}),
        ("it was for that one", [request(), of(bound="uid-2"), *REMADE, NEXT], FINE),
        ("it says that its job was deleted, and it was", [request(), GONE, *REMADE], FINE),
        ("the same, and it had run", [request(), GONE, ran_for(), *REMADE], FINE),
        ("it says that its job was deleted, and it was not", [request(), GONE], {Kind.REQUEST}),
        ("another one was", [request(), of("Failed", reason="JobDeleted", bound="uid-2"), *REMADE], {Kind.REQUEST}),
        ("it says so, and its job was deleted later", [request(), FAILED, GONE, LEFT], {Kind.REQUEST}),
        ("it says so, and its job is still there", [request(), GONE, asked(Act.DELETE, 15.7, answered=False), told()],
         {Kind.REQUEST}),
        ("it says so when it had to run before", [request(), GONE, asked(Act.DELETE, 17.5)], {Kind.REQUEST}),
        ("it says so when it had to be refused long before", [OFF, request(), GONE_LATER, LEFT], {Kind.REQUEST}),
        ("it says so when it may have been refused", [OFF, request(), GONE, asked(Act.DELETE, 17.5)], FINE),
        ("it says so when it had run long before", [*RAN[::2], GONE_LATER, LEFT], {Kind.RECORD}),
        ("it says so when it had failed long before", [request(), FAILED, GONE_LATER, LEFT], {Kind.RECORD}),
        ("it failed, and says so, and it was not", [request(), FAILED, GONE], {Kind.REQUEST}),
        ("its job was deleted, and it waits", [request(), of("Pending"), *REMADE], {Kind.REQUEST}),
        ("its job was deleted, and it says that it runs", [request(), of("Running"), REMADE[0]], {Kind.REQUEST}),
        ("it ran as the next job, and had to before", [request(), of(bound="uid-2"), LEFT,
         replace(REMADE[1], invoked=at(31), answered=at(31), created=at(31)),
         replace(ran_for(late=16.5), uid="uid-2")], {Kind.UNTIMELY}),
        ("it ran, and says that it is for no job", [request(), of(bound=""), ran_for()], {Kind.EXTRA}),
        ("it ran late", [request(), of(), ran_for(late=8)], {Kind.UNTIMELY}),
        ("refused as another job would", [OFF, request(), of("Refused", reason="Disabled", bound="uid-2"), *REMADE],
         {Kind.REQUEST}),
        ("refused as its job would", [request(), of("Refused", reason="Disabled", bound="uid-2"), *REMADE_OFF], FINE),
        ("refused without a cause by a deleted job", [request(), REFUSED, *REMADE], {Kind.REQUEST}),
        ("the next job does not count it", [OFF, request(), of("Refused", reason="Disabled", end=15.6), *REMADE,
         replace(told(), uid="uid-2")], FINE),
        ("it found no job, and had not waited", [request(), of("Refused", reason="JobNotFound", bound=""), REMADE[0]],
         {Kind.REQUEST}),
        ("the API server refused it", [request(refused=True), ran_for()], {Kind.EXTRA}),
        ("no client asked", [ran_for()], {Kind.EXTRA}),
        ("before it was asked for", [request(18), of(when=18), ran_for(late=0.2)], {Kind.UNTIMELY, Kind.EXTRA}),
        ("for another time", [request(), of(), ran_for(slot=12, late=4)], {Kind.EXTRA}),
        ("for the time that it stands for",
         [request(scheduledTime="2026-03-01T00:00:02Z"), of(), ran_for(slot=2, late=14)], FINE),
        ("in an outage", [request(), of("Pending"), broke(14, None)], FINE),
        ("disabled, and refused", [OFF, request(), REFUSED, told(skipped=1)], FINE),
        ("refused, and not counted", [OFF, request(), REFUSED, told()], {Kind.RECORD}),
        ("refused, and counted twice", [OFF, request(), REFUSED, told(skipped=2)], {Kind.RECORD}),
        ("disabled, and neither", [OFF, request(), of("Pending")], {Kind.REQUEST}),
        ("disabled, and it ran", [OFF, *RAN], {Kind.EXTRA}),
        ("disabled, and forced", [OFF, request(force=True), of(), ran_for()], FINE),
        ("disabled, and forced, and refused", [OFF, request(force=True), REFUSED], {Kind.REQUEST}),
        ("refused without a cause", [request(), REFUSED], {Kind.REQUEST}),
        ("refused, and it ran", [OFF, ON, request(25.0), of("Refused", when=25, reason="Disabled"),
         ran_for(slot=25)], {Kind.EXTRA, Kind.RECORD}),
        ("values that do not fit, refused", [request(fits=False), of("Refused", reason="InvalidParameters")], FINE),
        ("values that do not fit, and it ran", [request(fits=False), of(), ran_for()], {Kind.EXTRA}),
        ("values that do not fit, and it says that it ran", [request(fits=False), of()], {Kind.RECORD}),
        ("values that fit, refused", [request(), of("Refused", reason="InvalidParameters")], {Kind.REQUEST}),
        ("it says that it failed", [request(), of("Failed"), ran_for()], {Kind.RECORD}),
        ("it says that it runs", [request(), of("Running"), ran_for()], {Kind.RECORD}),
        ("it says another number", [request(), of(group=5), ran_for()], {Kind.RECORD}),
        ("it counts two attempts", [request(), of(attempts=2), ran_for()], {Kind.RECORD}),
        ("it failed", [request(), of("Failed"), FAILED], FINE),
        ("it is gone too soon", [request(), of(gone=at(25)), ran_for()], {Kind.RECORD}),
        ("it is gone, and had to run", [request(), of("Pending", gone=at(20))], {Kind.REQUEST, Kind.RECORD}),
        ("a client deletes it", [WITHDRAWN, of("Pending", gone=at(15.6))], FINE),
        ("a client deletes it, and it had to run before",
         [replace(WITHDRAWN, cancelled=at(20)), of("Pending", gone=at(20))], {Kind.REQUEST}),
        ("a client deletes it, and it runs later", [WITHDRAWN, of("Pending", gone=at(15.6)), ran_for(late=5)],
         {Kind.EXTRA}),
        ("a client deletes it while it runs", [WITHDRAWN, of("Running", gone=at(15.6)), ran_for()], FINE),
        ("a client deletes it as Running without a Job", [WITHDRAWN, of("Running", gone=at(15.6))],
         {Kind.REQUEST}),
        ("a client deletes it when it may have been refused",
         [OFF, replace(WITHDRAWN, cancelled=at(18.5)), of("Pending", gone=at(18.5))], FINE),
        ("its Job does not name it, as it is gone", [WITHDRAWN, of("Pending", gone=at(15.6)), UNNAMED], FINE),
        ("its Job does not name it, ended with its job",
         [request(), of("Failed", reason="JobDeleted", group=UNNAMED.group, end=15.4), UNNAMED, *REMADE], FINE),
        ("its Job does not name it, though it ended later",
         [request(), of("Failed", reason="JobDeleted", group=UNNAMED.group), UNNAMED, *REMADE], {Kind.EXTRA}),
        ("its Job does not name it", [request(), of("Running", group=UNNAMED.group), UNNAMED],
         {Kind.EXTRA, Kind.REQUEST}),
        ("it has a time to live",
         [request(ttlSecondsAfterFinished=2), of(ttlSecondsAfterFinished=2, gone=at(25)), ran_for()], FINE),
    )
]  # fmt: skip
RETRIES = [
    pytest.param(spec("@manually", retries=1, retryBackoff={"initial": "1s"}), [NO_JOB, *facts], kinds, id=f"{name}")
    for name, facts, kinds in (
        ("DkronRuns with retries: the first is refused",
         [request(**SECOND), of(attempts=2, **SECOND), ran_for(slot=2, late=15, attempt=2)], FINE),
        ("DkronRuns with retries: the second is refused",
         [request(**SECOND), of("Failed", attempts=2, **SECOND), ran_for(slot=2, late=13.5, success=False)], FINE),
    )
]  # fmt: skip
RIVALS = [
    pytest.param(facts, kinds, id=f"DkronRuns of two operators: {name}")
    for name, facts, kinds in (
        ("it did not run", [request(), of("Pending")], {Kind.REQUEST}),
        ("it ran twice", [*RAN, AGAIN], {Kind.DOUBLE}),
        ("refused without a cause", [request(), REFUSED], {Kind.REQUEST}),
        ("one refuses what the other runs", [asked(Act.DISABLE, 15), request(), REFUSED, ran_for()], FINE),
        ("one refuses what the other runs", [request(), REFUSED, ran_for()], {Kind.EXTRA, Kind.RECORD}),
        ("it ran in a pause", [paused(10, 26), *RAN], {Kind.EXTRA}),
    )
]  # fmt: skip
FORBIDS = [
    pytest.param(spec("@manually", concurrency="forbid"), [*BUSY, *facts], kinds, id=f"DkronRuns of forbid: {name}")
    for name, facts, kinds in (
        ("refused", [request(), of("Refused", reason="ConcurrencyForbidden")], FINE),
        ("it ran", RAN, {Kind.OVERLAP}),
        ("it was forced", [request(force=True), of(), ran_for()], FINE),
    )
]
IN_LINE = [replace(WITHDRAWN, cancelled=at(16)), of("Waiting", gone=at(16))]
"""It joins the line, and a client deletes it there."""
LINES = [
    pytest.param(spec("@manually", concurrency="queue"), [*BUSY, *facts], kinds, id=f"DkronRuns in line: {name}")
    for name, facts, kinds in (
        ("it ran", [*IN_LINE, ran_for(late=7.8)], FINE),
        ("it is gone, and did not run", IN_LINE, {Kind.REQUEST}),
        ("it is gone when its job is disabled", [*IN_LINE, asked(Act.DISABLE, 17)], FINE),
        ("its job is disabled after its turn", [*IN_LINE, asked(Act.DISABLE, 40)], {Kind.REQUEST}),
    )
]
PAUSE = paused(12, 26)
DROPS = paused(12, 26, drop=True)
UNTIL = paused(12, 26, by_itself=True)
LATER = ran(20, late=6.5)
PAUSES = [
    pytest.param(job, facts, kinds, id=f"pauses: {name}")
    for name, job, facts, kinds in (
        ("what it held runs afterwards", TENS["all"], [PAUSE, ran(10), LATER, ran(30)], FINE),
        ("it was ignored", TENS["all"], [PAUSE, ran(10), ran(20), ran(30)], {Kind.UNTIMELY}),
        ("what it held is lost", TENS["all"], [PAUSE, ran(10), ran(30)], {Kind.UNSATISFIED}),
        ("the latest runs afterwards", TENS["latest"], [PAUSE, ran(10), LATER, ran(30)], FINE),
        ("the latest of perhaps held slots runs afterwards", TENS["latest"],
         [replace(PAUSE, gone=at(32)), ran(10), ran(30, late=4)], FINE),
        ("neither of these runs", TENS["latest"], [replace(PAUSE, gone=at(32)), ran(10)], {Kind.UNSATISFIED}),
        ("missedRuns is skip", TENS["skip"], [PAUSE, ran(10), ran(30)], FINE),
        ("missedRuns is skip, and it ran", TENS["skip"], [PAUSE, ran(10), LATER, ran(30)], {Kind.EXTRA}),
        ("it drops", TENS["all"], [DROPS, ran(10), ran(30)], FINE),
        ("it drops, and what it held ran", TENS["all"], [DROPS, ran(10), LATER, ran(30)], {Kind.EXTRA}),
        ("it drops, and that is counted", TENS["all"], [DROPS, ran(10), ran(30), told(ran(10), ran(30), skipped=1)],
         FINE),
        ("it drops, and that is not counted", TENS["all"], [DROPS, ran(10), ran(30), told(ran(10), ran(30))],
         {Kind.RECORD}),
        ("it ends by itself", TENS["all"], [UNTIL, ran(10), LATER, ran(30)], FINE),
        ("it ends by itself, and was ignored", TENS["all"], [UNTIL, ran(10), ran(20), ran(30)], {Kind.UNTIMELY}),
        ("no operator could have seen it", TENS["all"], [paused(19.5, 26), ran(10), ran(20), ran(30)], FINE),
        ("asked for, and not yet made", TENS["all"], [replace(PAUSE, made=at(19)), ran(10), ran(20), ran(30)], FINE),
        ("deleted, and that was not answered yet", TENS["all"],
         [replace(PAUSE, gone=at(33)), ran(10), ran(20, late=12), ran(30, late=4)], FINE),
        ("two in a row", TENS["all"], [PAUSE, replace(PAUSE, begin=at(26.5), end=at(31)), ran(10), ran(20, late=12),
         ran(30, late=2)], FINE),
        ("the first of two drops, and it ran", TENS["all"], [DROPS, paused(26.5, 31), ran(10), ran(20, late=12),
         ran(30, late=2)], {Kind.EXTRA}),
        ("a DkronRun is refused", BY_HAND, [PAUSE, request(), of("Refused", reason="Paused")], FINE),
        ("a DkronRun ran", BY_HAND, [PAUSE, *RAN], {Kind.EXTRA}),
        ("a DkronRun was forced", BY_HAND, [PAUSE, request(force=True), of(), ran_for()], FINE),
        ("a DkronRun is refused without one", BY_HAND, [request(), of("Refused", reason="Paused")], {Kind.REQUEST}),
    )
]  # fmt: skip
RANGE = {"job": "a", "from": "2026-03-01T00:00:05Z", "to": "2026-03-01T00:00:35Z"}
"""Three slots of a job that is due each ten seconds; the backfill is created after fifty."""


def backfill(**more: Any) -> BackfillRequest:
    return BackfillRequest(
        name="b", invoked=at(50.3), answered=at(50.4), spec=BackfillSpec.from_wire({**RANGE, **more})
    )


def target(*slots: float) -> tuple[BackfillTarget, ...]:
    return (BackfillTarget(job="a", uid=UID, slots=tuple(map(at, slots))),)


def both(*slots: float) -> tuple[BackfillTarget, ...]:
    """The same of "a" and of "b"."""
    return *target(*slots), BackfillTarget(job="b", uid="uid-b", slots=tuple(map(at, slots)))


def backfilled(reason: str = "Finished", *decided: Any, succeeded: int = 3, failed: int = 0) -> BackfillObject:
    """The DkronBackfill as it was last, which had decided these slots."""
    kind, begun = ("Complete" if reason == "Finished" else "Failed"), succeeded + failed
    condition = Condition(
        type=kind, status=ConditionStatus.TRUE, reason=reason, message="", last_transition_time=at(70)
    )
    count = sum(len(each.slots) for each in decided[0]) if decided else 3
    status: Any = {
        "plan": {"count": count, "jobs": 1}, "begun": begun, "succeeded": succeeded, "failed": failed,
        "remaining": count - begun,
    }  # fmt: skip
    whole = BackfillStatus.from_wire(status).model_copy(update={"conditions": (condition,), "finished_at": at(70)})
    return BackfillObject(name="b", uid="uid-b", status=whole, decided=decided or (target(10, 20, 30),))


def one(slot: int, begin: float, name: str = "", *, success: bool = True, **more: Any) -> list[Any]:
    """A slot of the backfill that ran from `begin` on, for two seconds."""
    name, group = name or f"b-{slot}", int(at(int(begin)).timestamp()) * 10**9 + slot
    phase, time = "Succeeded" if success else "Failed", f"2026-03-01T00:00:{slot:02}Z"
    run = of(phase, when=begin, name=name, group=group, backfill="b", scheduledTime=time, force=True)
    facts = {"trigger": Trigger.BACKFILL, "group": group, "late": begin - slot + 0.2, **more}
    return [run, ran_for(name, more.pop("ran", slot), success=success, **facts)]


def of_b(slot: int, begin: float) -> list[Any]:
    """The same of the job "b"."""
    run, did = one(slot, begin, f"b-b-{slot}")
    bound = run.status.model_copy(update={"dkron_job": BoundJob(name="b", uid="uid-b")})
    spec_of_b = run.spec.model_copy(update={"job": "b"})
    return [replace(run, spec=spec_of_b, status=bound), replace(did, job="b", uid="uid-b")]


def suspended(end: float | None = 60) -> Suspended:
    """It is suspended after its first slot."""
    until = {} if end is None else {"end": at(end), "gone": at(end + 0.1)}
    return Suspended(name="b", begin=at(52), made=at(52.1), **until)


EACH = [*one(10, 51), *one(20, 54), *one(30, 57)]
BEGUN = BackfillStatus.from_wire({"plan": {"count": 3, "jobs": 1}, "begun": 1, "succeeded": 1, "remaining": 2})
FIRST_FAILED = [*one(10, 51, success=False), *one(20, 54), *one(30, 57)]
BACKFILLS = [
    pytest.param(facts, kinds, id=f"backfills: {name}")
    for name, facts, kinds in (
        ("each slot ran", [backfill(), backfilled(), *EACH], FINE),
        ("one is lost", [backfill(), backfilled(), *EACH[:2], *EACH[4:]], {Kind.BACKFILL}),
        ("one is lost after its DkronRun was made", [backfill(), backfilled(), *EACH[:3], *EACH[4:]],
         {Kind.BACKFILL, Kind.REQUEST, Kind.RECORD}),
        ("one has two DkronRuns", [backfill(), backfilled(), *EACH, *one(20, 60, "again")], {Kind.BACKFILL}),
        ("one DkronRun has two Jobs", [backfill(), backfilled(), *EACH, replace(EACH[3], name="x", group=9)],
         {Kind.BACKFILL, Kind.DOUBLE}),
        ("one that is none of them ran", [backfill(), backfilled(), *EACH, *one(25, 60)], {Kind.BACKFILL}),
        ("for another time", [backfill(), backfilled(), *EACH[:3], replace(EACH[3], slot=at(25)), *EACH[4:]],
         {Kind.BACKFILL, Kind.EXTRA}),
        ("no client asked", EACH[:2], {Kind.EXTRA}),
        ("two at once", [backfill(), backfilled(), *one(10, 51), *one(20, 52), *one(30, 57)], {Kind.BACKFILL}),
        ("two at once, as it says", [backfill(parallelism=2), backfilled(), *one(10, 51), *one(20, 52), *one(30, 57)],
         FINE),
        ("in another order", [backfill(), backfilled(), *one(20, 51), *one(10, 54), *one(30, 57)], {Kind.BACKFILL}),
        ("newest first", [backfill(order="newestFirst"), backfilled(), *one(30, 51), *one(20, 54), *one(10, 57)], FINE),
        ("it decided another time", [backfill(), backfilled("Finished", target(10, 20, 30), target(10, 20)), *EACH],
         {Kind.BACKFILL}),
        ("it decided too few", [backfill(), backfilled("Finished", target(10, 20), succeeded=2), *EACH[:4]],
         {Kind.BACKFILL}),
        ("it has not ended", [backfill(), replace(backfilled(), status=BackfillStatus()), *EACH], {Kind.BACKFILL}),
        ("it stops", [backfill(), backfilled("Stopped", succeeded=0, failed=1), *FIRST_FAILED[:2]], FINE),
        ("it does not stop", [backfill(), backfilled("RunsFailed", succeeded=2, failed=1), *FIRST_FAILED],
         {Kind.BACKFILL}),
        ("it goes on", [backfill(onFailure="continue"), backfilled("RunsFailed", succeeded=2, failed=1), *FIRST_FAILED],
         FINE),
        ("it stops where it should go on",
         [backfill(onFailure="continue"), backfilled("Stopped", succeeded=0, failed=1), *FIRST_FAILED[:2]],
         {Kind.BACKFILL}),
        ("it counts a failure", [backfill(), backfilled("RunsFailed", succeeded=2, failed=1), *EACH], {Kind.BACKFILL}),
        ("as another job of the same name",
         [backfill(), backfilled("Finished", (BackfillTarget(job="a", uid="b", slots=tuple(map(at, (10, 20, 30)))),)),
          *EACH], {Kind.BACKFILL}),
        ("it goes on after it was suspended", [backfill(), suspended(), backfilled(), *EACH[:2], *one(20, 61),
         *one(30, 64)], FINE),
        ("one begins while it is suspended", [backfill(), suspended(), backfilled(), *EACH], {Kind.BACKFILL}),
        ("it is suspended for good", [backfill(), suspended(None), replace(backfilled(), status=BEGUN), *EACH[:2]],
         FINE),
        ("it does not go on", [backfill(), suspended(), replace(backfilled(), status=BEGUN), *EACH[:2]],
         {Kind.BACKFILL}),
        ("in a pause", [backfill(), backfilled(), paused(45, 69), *EACH], FINE),
    )
]  # fmt: skip


LABELS = ("team=data", "tier=1")
OF_BOTH = {"job": None, "selector": {"team": "data"}, "to": "2026-03-01T00:00:25Z"}
FOUR = [*one(10, 51), *of_b(10, 54), *one(20, 57), *of_b(20, 60)]
SELECTED = [
    pytest.param(labels, facts, kinds, id=f"backfills by label: {name}")
    for name, labels, facts, kinds in (
        ("each slot ran", LABELS, [backfilled("Finished", both(10, 20), succeeded=4), *FOUR], FINE),
        ("one is lost", LABELS, [backfilled("Finished", both(10, 20), succeeded=4), *FOUR[:6]], {Kind.BACKFILL}),
        ("in another order", LABELS, [backfilled("Finished", both(10, 20), succeeded=4), *of_b(10, 51), *one(10, 54),
         *FOUR[4:]], {Kind.BACKFILL}),
        ("a job is left out", LABELS, [backfilled("Finished", target(10, 20), succeeded=2), *one(10, 51), *one(20, 57)],
         {Kind.BACKFILL}),
        ("a job has no such label", LABELS[1:], [backfilled("Finished", both(10, 20), succeeded=4), *FOUR],
         {Kind.BACKFILL}),
        ("that job is left out", LABELS[1:], [backfilled("Finished", target(10, 20), succeeded=2), *one(10, 51),
         *one(20, 57)], FINE),
    )
]  # fmt: skip
RETRIED = [ran(20, success=False), ran(20, attempt=2, late=4)]
"""Of the slots 10, 20 and 30 the second was made good by a retry."""
BEFORE = [ran(10, success=False), *RETRIED, ran(30, success=False), ran(30, attempt=2, late=4, success=False),
          ran(10, attempt=2, late=4, success=False)]  # fmt: skip
LOST_TWO = [backfilled("Finished", target(10, 30), succeeded=2), *one(10, 51), *one(30, 54)]
AFTER_FAILURES = [
    pytest.param(kept, facts, kinds, id=f"backfills of failed slots: {name}")
    for name, kept, facts, kinds in (
        ("each ran", 100, [*BEFORE, *LOST_TWO], FINE),
        ("one without a record is left out", 3, [*BEFORE,
         backfilled("Finished", target(30), succeeded=1), *one(30, 51)], FINE),
        ("one is left out", 100, [*BEFORE, backfilled("Finished", target(10), succeeded=1), *one(10, 51)],
         {Kind.BACKFILL}),
        ("one had succeeded", 100, [*BEFORE, backfilled("Finished", target(10, 20, 30)), *EACH], {Kind.BACKFILL}),
        ("one runs at that moment", 100, [*BEFORE[:4], ran(30, attempt=2, late=20, lasts=2, success=False), BEFORE[5],
         backfilled("Finished", target(10), succeeded=1), *one(10, 51)], FINE),
        ("none is found", 100, [*BEFORE, replace(backfilled("Finished", (), succeeded=0), decided=())],
         {Kind.BACKFILL}),
    )
]  # fmt: skip


@pytest.mark.parametrize(("labels", "facts", "kinds"), SELECTED)
def test_objections_to_a_backfill_by_label(labels: Any, facts: list[Any], kinds: set[Kind]) -> None:
    other = replace(made(spec()), job="b", uid="uid-b", labels=labels)
    off = [asked(Act.DISABLE, 1), replace(asked(Act.DISABLE, 1), job="b")]
    verdict = judge(history(replace(made(spec()), labels=LABELS), other, *off, backfill(**OF_BOTH), *facts, read=90))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


@pytest.mark.parametrize(("kept", "facts", "kinds"), AFTER_FAILURES)
def test_objections_to_a_backfill_of_failed_slots(kept: int, facts: list[Any], kinds: set[Kind]) -> None:
    job = spec(retries=1, retryBackoff={"initial": "1s"}, history={"executions": kept})
    verdict = judge(history(made(job), asked(Act.DISABLE, 38), backfill(runs="failed"), *facts, read=90))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


CHILD: dict[str, Any] = {"job": "b", "uid": "uid-b", "trigger": Trigger.DEPENDENT}
ENDS = [ran(10), ran(20), ran(30)]
HELD = Paused(job="b", begin=at(8), end=at(27))


def after(end: float, begin: float) -> Run:
    """A run of the job "b" after the end of one of "a"."""
    return ran(end, late=begin - end, name=f"b-{end}-{begin}", **CHILD)


AFTER_PARENTS = [
    pytest.param(facts, kinds, id=f"after a parent: {name}")
    for name, facts, kinds in (
        ("the latest runs afterwards", [HELD, after(22.5, 28), after(32.5, 33)], FINE),
        ("each runs afterwards", [HELD, after(12.5, 28), after(22.5, 28), after(32.5, 33)], {Kind.EXTRA}),
        ("none runs afterwards", [HELD, after(32.5, 33)], {Kind.CHAIN}),
        ("it runs in the pause", [HELD, after(12.5, 13), after(22.5, 28), after(32.5, 33)], {Kind.EXTRA}),
        ("it drops", [replace(HELD, drop=True), after(32.5, 33)], FINE),
        ("it drops, and one runs", [replace(HELD, drop=True), after(22.5, 28), after(32.5, 33)], {Kind.EXTRA}),
    )
]


@pytest.mark.parametrize(("facts", "kinds"), AFTER_PARENTS)
def test_objections_to_dependents_in_a_pause(facts: list[Any], kinds: set[Kind]) -> None:
    child = replace(made(spec("", parentJob="a")), job="b", uid="uid-b")
    verdict = judge(history(made(spec()), child, *ENDS, *facts))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


@pytest.mark.parametrize(("job", "facts", "kinds"), [*RUNS, *RETRIES, *FORBIDS, *LINES, *PAUSES])
def test_objections_to_a_history(job: Any, facts: list[Any], kinds: set[Kind]) -> None:
    verdict = judge(history(made(job), *facts))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


@pytest.mark.parametrize(("facts", "kinds"), RIVALS)
def test_objections_to_two_operators(facts: list[Any], kinds: set[Kind]) -> None:
    told = history(made(BY_HAND), *facts)
    verdict = judge(replace(told, terms=replace(told.terms, rivals=True)))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


@pytest.mark.parametrize(("facts", "kinds"), BACKFILLS)
def test_objections_to_a_backfill(facts: list[Any], kinds: set[Kind]) -> None:
    off = asked(Act.DISABLE, 1)
    verdict = judge(history(made(spec()), off, *facts, read=90))
    assert {objection.kind for objection in verdict.objections} == kinds, str(verdict)


def test_verdict_counts_what_it_required() -> None:
    refused: list[Any] = [PAUSE, request(), of("Refused", reason="Paused")]
    facts = [*refused, request(28, "s", force=True), ran(10), LATER, ran(30)]
    said = judge(history(made(TENS["all"]), *facts)).told(most=0)
    assert "of 2 DkronRuns 1 had to run, 1 were refused; of 2 slots near 1 pauses 1 had to run after them" in said
    said = judge(history(made(spec()), asked(Act.DISABLE, 1), backfill(), backfilled(), *EACH, read=90)).told(most=0)
    assert "of 3 slots of 1 backfills 3 had to run, 3 ran" in said
