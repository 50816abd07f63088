"""Runs that wait in line, in reports: their place, since when, behind what, and that they neither run nor are late."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import Attempt, AttemptState, Condition, JobStatus, Skipped, SkipReason
from dkron_reports.explain import Question, explain
from dkron_reports.failing import failing
from dkron_reports.health import health_of
from dkron_reports.job import from_object
from dkron_reports.line import Claim, RunKey, places, queues_of, with_queue_places
from dkron_reports.run import Result, attempts_of, is_slow, runs_of
from dkron_reports.slices import at_once
from dkron_reports.summary import summarizing
from dkron_reports.telling import wait_json
from tests.support.builders import NOON, after, claim, execution, request_claim, seen, wire_job

QUEUE = {"concurrency": "queue"}
READY = Condition(type="Ready", status="True", reason="Scheduled", last_transition_time=NOON)


def at(minutes: float) -> datetime:
    return after(minutes=minutes)


def queued(entry: Attempt, since: float) -> Attempt:
    """An entry that began to wait so many minutes after noon."""
    return entry.model_copy(update={"queued_at": at(since)})


def in_line(entry: Attempt, since: float) -> Attempt:
    """A claim that waits since so many minutes after noon."""
    return queued(entry, since).model_copy(update={"state": AttemptState.WAITING, "started_at": at(since)})


RUNNING = seen(claim(at(-3), at=at(-3)))
WAITING = in_line(claim(at(-2)), -2)
LATER = in_line(claim(at(-1)), -1)
TURN = seen(WAITING).model_copy(update={"started_at": at(-0.5)})
ASKED = in_line(request_claim("a", at(-1.5)), -1.5)
WAITED = execution(queued(claim(at(-6), at=at(-4)), -5.9))
STOPPED = execution(
    queued(claim(at(-6), at=at(-4)), -5.9), state=AttemptState.CANCELLED, seconds=0, reason="Stopped",
    message="asked for by ann",
)  # fmt: skip
BEFORE = execution(claim(at(-7), at=at(-7)), seconds=170)


def raw_job(*, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    fields = {"since": at(-60), "observed_generation": 1, "last_schedule_time": NOON, "conditions": (READY,), **status}
    return wire_job(created=at(-60), status=JobStatus(**fields), **{"schedule": "0 * * * * *", **QUEUE, **(spec or {})})


@dataclass(frozen=True)
class Told:
    """A slot, so many minutes after noon, of a job with this status, and what is said of it."""

    slot: float
    what: str
    why: str
    status: dict[str, Any]
    spec: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def dropped(reason: SkipReason) -> dict[str, Any]:
    return {"skipped": Skipped(count=1, last_time=at(-1), last_reason=reason), "active": (RUNNING,)}


LINE = {"active": (RUNNING, WAITING, LATER)}
SINCE = "2026-03-01T11:58:00Z"
NEWEST = {"queue": {"order": "newest"}}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Told(-3, "ran", "running, runs for 3m", LINE), id="what runs"),
        pytest.param(
            Told(-2, "waiting", f"waiting, since {SINCE} (2m) behind the run of 2026-03-01T11:57:00Z, place 1 in line",
                 LINE, facts={"queued_at": SINCE, "place": 1, "result": "waiting", "late_seconds": 0.0}),
            id="what waits"),
        pytest.param(Told(-1, "waiting", "place 2 in line", LINE, facts={"place": 2}), id="the next"),
        pytest.param(
            Told(-1, "waiting", "(60s) behind the run of 2026-03-01T11:58:00Z, place 1", {"active": (TURN, LATER)}),
            id="the one that runs by now"),
        pytest.param(
            Told(-1, "waiting", "behind the run of 2026-03-01T11:57:00Z and 1 other",
                 {"active": (RUNNING, seen(request_claim("forced", at(-1))), LATER)}),
            id="several"),
        pytest.param(Told(-2, "waiting", "place 2 in line", LINE, spec=NEWEST, facts={"place": 2}), id="newest first"),
        pytest.param(
            Told(-6, "ran", "success, 6s late, waited 114s from 2026-03-01T11:54:06Z to 2026-03-01T11:56:00Z behind "
                 "the run of 2026-03-01T11:53:00Z, took 5.0s", {"executions": (WAITED, BEFORE), "success_count": 2},
                 facts={"queued_seconds": 114.0, "late_seconds": 6.0}),
            id="what has waited"),
        pytest.param(
            Told(-6, "stopped", "stopped by ann before it began, waited 114s from 2026-03-01T11:54:06Z to "
                 "2026-03-01T11:56:00Z behind the run of 2026-03-01T11:53:00Z",
                 {"executions": (STOPPED, BEFORE), "error_count": 1},
                 facts={"result": "stopped", "queued_seconds": 114.0}),
            id="what was stopped in line"),
        pytest.param(
            Told(-6, "stopped", "stopped by ann before it began",
                 {"executions": (STOPPED.model_copy(update={"queued_at": None}),), "error_count": 1}),
            id="what was stopped before it had a Job"),
        pytest.param(Told(-1, "skipped", "as many runs waited in line as", dropped(SkipReason.QUEUE_FULL),
                          facts={"reason": "QueueFull", "setting": "spec.queue.max"}), id="the line was full"),
        pytest.param(Told(-1, "skipped", "for longer than spec.queue.expires", dropped(SkipReason.QUEUE_EXPIRED),
                          facts={"reason": "QueueExpired", "setting": "spec.queue.expires"}), id="it expired"),
        pytest.param(Told(-1, "skipped", "a newer run took its place", dropped(SkipReason.REPLACED),
                          facts={"reason": "Replaced", "setting": "spec.concurrency"}), id="it was replaced"),
    ],
)  # fmt: skip
def test_slot_says_how_its_run_waited(case: Told) -> None:
    job = from_object(raw_job(spec=case.spec, **case.status))
    (slot,) = explain(job, Question(at(case.slot), at(case.slot)), now=NOON).as_json()["slots"]
    assert (slot["what"], case.why in slot["why"]) == (case.what, True), slot["why"]
    assert slot["what"] not in {"skipped", "stopped"} or not {"ran", "failed"} & set(slot["why"].split()), (
        "one thing at a time"
    )
    assert {key: slot.get(key) for key in case.facts} == case.facts


def test_explain_quotes_the_quota_that_has_a_run_wait() -> None:
    said = "Job backup-1 does not start: exceeded quota: few, requested: count/jobs.batch=1"
    full = Condition(
        type="Degraded", status="True", reason="QuotaExceeded", message=said, last_transition_time=at(-1)
    )  # fmt: skip
    job = from_object(raw_job(spec={"concurrency": "allow"}, active=(LATER,), conditions=(READY, full)))
    found = explain(job, Question(at(-1), at(-1)), now=NOON)
    assert any(said in remark for remark in found.remarks)
    assert [(each.what, "waiting, since" in each.why) for each in found.slots] == [("waiting", True)]


def test_request_that_waits_is_listed_beside_the_slots() -> None:
    job = from_object(raw_job(active=(RUNNING, WAITING, ASKED)))
    found = explain(job, Question(at(-2), at(-1)), now=NOON)
    assert [(each.what, each.why.partition(":")[0]) for each in found.runs] == [("waiting", "on request")]
    only_asked = from_object(raw_job(spec={"schedule": "@manually"}, active=(ASKED,)))
    (remark,) = [each for each in explain(only_asked, Question(at(1), at(2)), now=NOON).remarks if "newest run" in each]
    assert remark.startswith("its newest run waits in line: on request: waiting, since 2026-03-01T11:58:30Z (90s)")
    in_queue = seen(ASKED).model_copy(update={"state": AttemptState.QUEUED, "queue": "team-a"})
    only_asked = from_object(raw_job(spec={"schedule": "@manually"}, active=(in_queue,)))
    (remark,) = [each for each in explain(only_asked, Question(at(1), at(2)), now=NOON).remarks if "newest run" in each]
    assert remark.startswith(
        "its newest run waits: on request: waiting, since 2026-03-01T11:58:30Z (90s), in LocalQueue"
    )


def test_newest_run_that_was_stopped_in_line_never_began() -> None:
    known = {"executions": (STOPPED,), "error_count": 1}
    only_asked = from_object(raw_job(spec={"schedule": "@manually"}, **known))
    (remark,) = [each for each in explain(only_asked, Question(at(1), at(2)), now=NOON).remarks if "newest run" in each]
    assert remark.startswith("its newest run never began: stopped by ann before it began, waited 114s from 2026-03-01")


REFUSED = Skipped(count=2, last_time=at(-1.5), last_reason=SkipReason.QUEUE_EXPIRED)


@pytest.mark.parametrize(
    ("schedule", "skipped", "expected"),
    [
        pytest.param("@manually", REFUSED, True, id="requests"),
        pytest.param("0 * * * * *", REFUSED, True, id="requests or slots"),
        pytest.param("@manually", REFUSED.model_copy(update={"count": 1}), False, id="only the newest one"),
    ],
)
def test_explanation_says_where_older_skips_are_told(schedule: str, skipped: Skipped, *, expected: bool) -> None:
    job = from_object(raw_job(spec={"schedule": schedule}, skipped=skipped))
    remarks = explain(job, Question(at(-9), at(-8)), now=NOON).remarks
    newest, others = "for longer than spec.queue.expires", "; of the others, Events and DkronRuns may tell why"
    assert [each.endswith(newest + others * expected) for each in remarks if newest in each] == [True]


def test_slot_is_not_told_the_reason_of_a_newer_one() -> None:
    # The run of 11:58 was dropped from the line, and then a request was.
    ran = tuple(execution(claim(at(-minutes), at=at(-minutes)), seconds=20) for minutes in (1, 3))
    known: dict[str, Any] = {"since": at(-3.5), "last_schedule_time": at(-1), "executions": ran, "success_count": 2}
    for last_time in (at(-1), at(-1.5)):
        skipped = Skipped(count=2, last_time=last_time, last_reason=SkipReason.QUEUE_FULL)
        job = from_object(raw_job(**known, skipped=skipped))
        (slot,) = explain(job, Question(at(-2), at(-2)), now=NOON).slots
        assert (slot.what, slot.reason, "no reason is kept" in slot.why) == ("skipped", "", True), slot.why


def test_what_waits_is_neither_running_nor_stuck_nor_over() -> None:
    long_ago = [in_line(claim(at(-minutes)), -minutes) for minutes in (30, 20)]
    health = health_of(raw_job(active=long_ago, next=at(1), last_success=at(-0.5)), now=NOON)
    assert health.words_at(NOON) == ["ready", "waiting"]
    found = at_once(summarizing([health], now=NOON)).as_json()
    assert (found["counts"]["waiting"], found["running"]["total"], found["attention"]["total"]) == (1, 0, 0)
    assert (found["last_hour"]["runs"], "waiting" in found["last_hour"]) == (0, False)
    assert (health.job.active, health.job.waiting) == (0, 2)
    begun = health_of(raw_job(active=(seen(long_ago[0]), long_ago[1]), next=at(1), last_success=at(-0.5)), now=NOON)
    assert begun.words_at(NOON) == ["ready", "running", "waiting"]


def test_run_whose_turn_came_is_stuck_if_it_has_no_job() -> None:
    entry = queued(claim(at(-9), at=at(-2)), -9)
    health = health_of(raw_job(active=(entry,), next=at(1), last_success=at(-0.5)), now=NOON)
    assert health.words_at(NOON) == ["ready", "stuck"]


def test_what_waits_does_not_hide_that_a_job_is_stale() -> None:
    success: dict[str, Any] = {"executions": (execution(claim(at(-9), at=at(-9)), seconds=90),), "last_success": at(-9)}
    stale = health_of(raw_job(next=at(1), active=(LATER,), **success), now=NOON).troubled(NOON)
    assert [each.kind for each in stale] == ["stale"]


IN_QUEUE = seen(claim(at(-5), at=at(-5))).model_copy(
    update={"state": AttemptState.QUEUED, "queued_at": at(-5), "queue": "team-a"}
)


@pytest.mark.parametrize("evictions", [0, 2])
def test_attempt_in_a_queue_of_kueue_neither_runs_nor_is_stale(evictions: int) -> None:
    waits = IN_QUEUE.model_copy(update={"evictions": evictions})
    raw = raw_job(next=at(1), active=(waits,), last_success=at(-9))
    health = health_of(raw, now=NOON)
    assert (health.words_at(NOON), health.troubled(NOON)) == (["ready", "waiting"], [])
    assert (health.job.active, health.job.waiting) == (0, 1)
    (run,) = runs_of(attempts_of(raw["status"]))
    assert (run.result, run.place) == (Result.WAITING, 0)
    again = "waiting, again in LocalQueue team-a (evicted 2 times)"
    assert run.sentence(NOON) == (
        again if evictions else "waiting, since 2026-03-01T11:55:00Z (5m), in LocalQueue team-a"
    )


def test_evicted_attempt_has_the_wait_before_its_first_begin() -> None:
    evicted = IN_QUEUE.model_copy(update={"started_at": at(-4), "evictions": 1})
    job = from_object(raw_job(next=at(1), active=(evicted,)))
    (slot,) = explain(job, Question(at(-5), at(-5)), now=NOON).slots
    assert (slot.what, slot.why) == ("waiting", "waiting, again in LocalQueue team-a (evicted once)")
    (run,) = runs_of(attempts_of(job.raw["status"]))
    assert (run.started, run.waited(NOON)) == (None, timedelta(minutes=1))
    admitted = evicted.model_copy(update={"state": AttemptState.RUNNING, "queue": ""})
    (runs,) = runs_of(attempts_of({"active": [admitted.to_wire()]}))
    assert runs.sentence(NOON).endswith("waited 60s from 2026-03-01T11:55:00Z to 2026-03-01T11:56:00Z, runs for 4m")


def test_place_in_a_queue_is_told_where_it_is_known() -> None:
    raw = raw_job(active=(IN_QUEUE, WAITING))
    assert queues_of(raw["status"]) == ["team-a"]
    placed = with_queue_places(raw, {IN_QUEUE.uid: 7, "another": 1})
    in_queue, in_line = sorted(runs_of(attempts_of(placed["status"])), key=lambda run: run.place, reverse=True)
    assert in_queue.sentence(NOON).endswith("in LocalQueue team-a, place 7 in its ClusterQueue")
    assert wait_json(in_queue)["place"] == 7
    assert in_line.where == "place 1 in line"
    assert attempts_of(raw["status"]) == attempts_of(with_queue_places(raw, {})["status"])


def test_place_in_line_is_behind_what_waits_in_a_queue() -> None:
    raw = raw_job(active=(IN_QUEUE, WAITING))
    runs = runs_of(attempts_of(raw["status"]))
    assert [(run.result, run.place) for run in runs] == [(Result.WAITING, 1), (Result.WAITING, 0)]


@pytest.mark.parametrize("attempts", [(WAITED,), (WAITED, execution(claim(at(-6), attempt=2, at=at(-3))))])
def test_lateness_is_without_the_wait(attempts: tuple[Attempt, ...]) -> None:
    (recent,) = health_of(raw_job(executions=attempts), now=NOON).recent
    assert recent.late == 6.0


def test_run_took_no_time_only_if_it_never_began() -> None:
    ran = execution(claim(at(-6), at=at(-6)), success=False)
    retry = STOPPED.model_copy(update={"attempt": 2, "queued_at": None})
    both, never = (
        runs_of(attempts_of({"executions": [each.to_wire() for each in of]})) for of in ((ran, retry), (STOPPED,))
    )
    assert [run.took(NOON) for run in (*both, *never)] == [timedelta(minutes=2), None]
    assert both[0].sentence(NOON).endswith("2 attempts, stopped by ann before the attempt began")
    at_once_over = execution(claim(at(-6), at=at(-6)), success=False, seconds=0)
    assert runs_of(attempts_of({"executions": [at_once_over.to_wire()]}))[0].took(NOON) == timedelta()


def test_what_waits_is_no_failed_and_no_slow_run() -> None:
    raw = raw_job(active=(WAITING,), executions=(execution(claim(at(-4)), success=False),), error_count=1)
    (found,) = at_once(failing([from_object(raw)], start=at(-60), now=NOON, most=9))["jobs"]
    assert (found["failed"], found["runs"]) == (1, 1)
    usual = [{"startedAt": "2026-03-01T11:00:00Z", "finishedAt": "2026-03-01T11:00:10Z", "state": "Succeeded"}] * 3
    assert not is_slow({"executions": usual, "active": [WAITING.to_wire()]}, NOON)


def test_retry_of_a_run_that_waited_does_not_wait() -> None:
    first = execution(queued(claim(at(-6), at=at(-4)), -5.9), success=False)
    retry = claim(at(-6), attempt=2, at=at(1))
    (run,) = runs_of(attempts_of({"active": [retry.to_wire()], "executions": [first.to_wire()]}))
    assert (run.result, run.place, run.waited(NOON)) == (Result.RUNNING, 0, timedelta(minutes=1.9))


claims = st.builds(
    lambda minute, slot, trigger: Claim(at(minute), at(slot), f"job-{slot}", RunKey(trigger, slot)),
    st.integers(0, 5), st.integers(0, 30), st.sampled_from(["schedule", "manual", "backfill"]),
)  # fmt: skip


@given(waiting=st.lists(claims, max_size=12, unique_by=lambda each: each.run), newest=st.booleans())
def test_places_count_from_one_in_the_order_of_the_line(waiting: list[Claim], *, newest: bool) -> None:
    found = places(waiting, newest=newest)
    in_line = [each for each in waiting if each.run.trigger != "backfill"]
    assert found.keys() == {each.run for each in waiting}
    assert sorted(found[each.run] for each in in_line) == list(range(1, len(in_line) + 1))
    assert all(found[each.run] == 0 for each in waiting if each.run.trigger == "backfill")
    for one in in_line:
        for other in in_line:
            if one.since < other.since:
                assert (found[one.run] < found[other.run]) is not newest
