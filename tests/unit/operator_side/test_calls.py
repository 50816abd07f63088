"""Inline calls: how they begin, go on and end."""

from typing import Any

import pytest

from dkron_crds.job import Attempt, AttemptState, JobStatus
from dkron_operator.act.inline_calls import call_outcome
from dkron_operator.plan.advance import advance
from dkron_operator.plan.plan import Plan
from dkron_operator.plan.situation.view import AttemptJob, JobView, Outcome
from dkron_operator.plan.status.changes import Decided, Dropped, Started
from dkron_pods.inline import NOT_ALLOWED
from tests.support.builders import NOON, after, claim, job_view, outcome, request_claim, run, seen, situation
from tests.support.folding import fold_all
from tests.support.plans import answers_removed, calls_begun, calls_cancelled, outcomes_read, requests_removed

US, THEM = "call-us", "call-them"
CONFIG = {"method": "GET", "url": "http://localhost/", "inline": "true"}
SLOT = claim(after(60))


def inline(**spec: Any) -> JobView:
    return job_view(executor="http", executorConfig=CONFIG, **spec)


def marked(entry: Attempt = SLOT, by: str = US) -> Attempt:
    return entry.model_copy(update={"state": AttemptState.RUNNING, "uid": by})


def look(
    job: JobView | None = None,
    *,
    active: tuple[Attempt, ...] = (),
    status: dict[str, Any] | None = None,
    runs: tuple[AttemptJob, ...] = (),
    seconds: float = 60,
    **fields: Any,
) -> Plan:
    job = job or inline()
    known = {"since": NOON, "fingerprint": job.fingerprint, "active": active}
    given = JobStatus(**{**known, **({"last_schedule_time": after(60)} if active else {}), **(status or {})})
    found = {"caller": US, "runs": list(runs), "now": after(seconds), **fields}
    return advance(situation(job, given, **found))


# --- how one begins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", ["allow", "forbid", "replace"])
def test_a_slot_is_claimed_before_it_is_called(concurrency: str) -> None:
    create = look(inline(concurrency=concurrency)).create
    assert create is not None
    assert (create.call, create.entry) == (True, marked())
    assert create.before == (Decided(after(60)), Started(marked()))
    assert (create.after, create.otherwise) == ((), ())


def test_due_retry_gets_the_mark_of_its_caller() -> None:
    waiting = claim(after(60), attempt=2, at=after(70))
    create = look(active=(waiting,), seconds=70).create
    assert create is not None
    assert (create.call, create.before) == (True, (Started(marked(waiting)),))
    status = fold_all(JobStatus(active=(waiting,)), create.before, inline().spec.history)
    assert status.active == (marked(waiting),)


@pytest.mark.parametrize("missed", ["latest", "skip", "all"])
@pytest.mark.parametrize("requests", [{}, {"a": "2026-03-01T12:00:00Z"}])
def test_a_standby_makes_no_calls_and_skips_no_slots(missed: str, requests: dict[str, str]) -> None:
    plan = look(inline(missedRuns=missed, requests=requests), caller="", seconds=200, fireable_since=after(200))
    assert (plan.create, plan.status.active, plan.status.last_schedule_time) == (None, (), None)
    assert (plan.status.skipped, plan.status.next, requests_removed(plan)) == (None, after(240), [])


def test_job_is_not_ready_where_inline_calls_are_forbidden() -> None:
    plan = look(caller="", policy_violation=NOT_ALLOWED)
    ready = plan.status.conditions[0]
    assert (ready.status, ready.reason, plan.create) == ("False", "InlineNotAllowed", None)
    assert "--inline-calls" in ready.message


def test_newer_run_cancels_an_older_call_under_replace() -> None:
    older = marked(claim(NOON))
    older_runs: dict[str, Any] = {"status": {"last_schedule_time": NOON}, "calls_running": frozenset({older.job})}
    create = look(inline(concurrency="replace"), active=(older,), **older_runs).create
    assert create is not None
    assert create.cancels == (older.job,)


def test_active_call_delays_nothing_where_runs_may_overlap() -> None:
    older = marked(claim(NOON))
    create = look(active=(older,), status={"last_schedule_time": NOON}, calls_running=frozenset({older.job})).create
    assert create is not None
    assert (create.entry.slot, create.cancels) == (after(60), ())


# --- how one goes on ---------------------------------------------------------------------------------------------


def test_running_call_is_left_unchanged() -> None:
    plan = look(active=(marked(),), calls_running=frozenset({SLOT.job}))
    assert plan.status.active == (marked(),)
    assert (calls_begun(plan), outcomes_read(plan), calls_cancelled(plan)) == ([], [], [])


def test_own_claim_with_a_lost_answer_is_called() -> None:
    assert calls_begun(look(active=(marked(),))) == [marked()]


@pytest.mark.parametrize(("retries", "active"), [(0, []), (1, [2])])
def test_claim_of_a_dead_process_is_unknown_and_retried(retries: int, active: list[int]) -> None:
    plan = look(inline(retries=retries), active=(marked(by=THEM),))
    (record,) = plan.status.executions
    assert (record.reason, record.success, record.exit_code) == ("Unknown", False, None)
    assert [entry.attempt for entry in plan.status.active] == active
    assert (calls_begun(plan), plan.status.error_count) == ([], 1)


def test_a_standby_does_not_report_a_call_as_undecided() -> None:
    plan = look(active=(marked(by=THEM),), caller="")
    assert (plan.status.active, plan.status.executions) == ((marked(by=THEM),), ())


@pytest.mark.parametrize("success", [True, False])
def test_end_of_a_call_is_recorded_like_the_end_of_a_job(*, success: bool) -> None:
    ended = outcome(success=success, at=after(61), exit_code=int(not success), reason="" if success else "Error")
    plan = look(inline(retries=1), active=(marked(),), outcomes={SLOT.job: ended}, seconds=61)
    (record,) = plan.status.executions
    assert (record.success, record.exit_code, record.job) == (success, int(not success), SLOT.job)
    assert [entry.attempt for entry in plan.status.active] == ([] if success else [2])


def test_call_continues_when_its_job_switches_to_pods() -> None:
    plan = look(job_view(), active=(marked(),), calls_running=frozenset({SLOT.job}))
    assert plan.status.active == (marked(),)


def test_a_request_that_is_called_is_forgotten() -> None:
    asked = marked(request_claim())
    job = inline(schedule="@manually", requests={"a": "2026-03-01T12:00:00Z"})
    plan = look(job, active=(asked,), status={"last_schedule_time": None}, calls_running=frozenset({asked.job}))
    assert (requests_removed(plan), plan.create) == (["a"], None)


def test_counted_request_is_not_called_again() -> None:
    asked = request_claim()
    job = inline(schedule="@manually", requests={"a": "2026-03-01T12:00:00Z"})
    plan = look(job, status={"counted": (asked.job, "gone")})
    assert (requests_removed(plan), plan.create, plan.status.counted) == (["a"], None, (asked.job,))


# --- stops -------------------------------------------------------------------------------------------------------

WISH = {SLOT.job: "2026-03-01T12:01:00Z by ada"}
BROKEN_OFF = Outcome(success=False, finished_at=after(61), started_at=after(60), lost=True)


def test_a_stop_breaks_the_call_off() -> None:
    plan = look(inline(stops=WISH), active=(marked(),), calls_running=frozenset({SLOT.job}))
    assert (calls_cancelled(plan), answers_removed(plan), plan.status.active) == ([SLOT.job], [], (marked(),))


@pytest.mark.parametrize(
    "fields", [{"outcomes": {SLOT.job: BROKEN_OFF}}, {"caller": "call-new"}, {}], ids=["by us", "by a crash", "unbegun"]
)
def test_cancelled_call_is_recorded_as_stopped(fields: dict[str, Any]) -> None:
    plan = look(inline(stops=WISH, retries=3), active=(marked(),), **fields)
    (record,) = plan.status.executions
    assert (record.reason, record.message) == ("Stopped", "asked for at 2026-03-01T12:01:00Z by ada")
    assert (plan.status.active, calls_begun(plan)) == ((), [])


def test_replaced_call_is_recorded_as_replaced() -> None:
    newer = marked(claim(after(120)))
    plan = look(inline(concurrency="replace", retries=3), active=(marked(), newer), outcomes={SLOT.job: BROKEN_OFF},
                 status={"last_schedule_time": after(120)}, calls_running=frozenset({newer.job}))  # fmt: skip
    assert [record.reason for record in plan.status.executions] == ["Replaced"]
    assert plan.status.active == (newer,)


# --- what is told ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "output", "expected"),
    [
        pytest.param("", b"fine", (True, 0, "", "", "fine", False), id="a success"),
        pytest.param("no", b"no\nbody", (False, 1, "Error", "no", "no\nbody", False), id="a failure"),
        pytest.param("", b"0123456789", (True, 0, "", "", "23456789", True), id="the end of a long answer"),
    ],
)
def test_an_outcome(error: str, output: bytes, expected: tuple[Any, ...]) -> None:
    found = call_outcome(error=error, output=output, size=8, began=NOON, ended=after(1))
    assert (
        found.success, found.exit_code, found.reason, found.message, found.output, found.output_truncated
    ) == expected  # fmt: skip


def test_claim_awaiting_its_retry_can_be_stopped() -> None:
    waiting = claim(after(60), attempt=2, at=after(600))
    plan = look(inline(stops={waiting.job: "2026-03-01T12:01:00Z"}), active=(waiting,))
    assert plan.create is not None
    assert (plan.create.late, plan.create.call) == (True, False)
    assert not [change for change in plan.create.otherwise if isinstance(change, Dropped)]


def test_existing_jobs_are_followed_after_a_switch_to_calls() -> None:
    entry = claim(after(60))
    plan = look(runs=(run(entry),), active=(seen(entry),))
    assert plan.status.active == (seen(entry),)
