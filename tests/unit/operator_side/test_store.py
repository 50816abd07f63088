"""The store: the newest version of an object wins, wherever it comes from."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest

from dkron_checks.checks import of_settings
from dkron_crds.job import AttemptState, Condition, ConditionStatus, JobSpec, JobStatus, ReadyReason
from dkron_operator.cache.cached_job import CachedJob
from dkron_operator.cache.store import Store
from dkron_operator.cache.views import verdict
from dkron_operator.plan.situation import spec_check
from dkron_operator.plan.situation.view import PodProblem
from dkron_operator.plan.status.changes import Decided, Started
from dkron_pods.problem import Problem
from tests.support.builders import NOON, UID, after, claim, ended, job_view, seen, wire_job, wire_run

ENTRY = claim()
OTHER_UID = "00000000-0000-0000-0000-00000000000b"
COUNTED = JobStatus(since=NOON, counted=(ENTRY.job,), success_count=1)
TRIMMED = JobStatus(since=NOON, success_count=1, last_schedule_time=ENTRY.slot)
Event = Callable[[Store], Iterable[str]]


def store(*bodies: dict[str, Any]) -> Store:
    filled = Store()
    for body in bodies:
        filled.upsert_job(body)
    return filled


def entry(found: Store, uid: str = UID) -> CachedJob:
    result = found.get(uid)
    assert result is not None
    return result


# --- DkronJobs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "changed"),
    [
        pytest.param(4, False, id="an older version is late news"),
        pytest.param(5, False, id="the same version is known, it may be our own write"),
        pytest.param(6, True, id="a newer version is news"),
        pytest.param(10, True, id="versions are numbers, not texts"),
    ],
)
def test_a_job_that_is_seen_again(version: int, *, changed: bool) -> None:
    found = store(wire_job(version=5))
    assert bool(found.upsert_job(wire_job(version=version, status=JobStatus(success_count=9)))) is changed
    assert entry(found).status.success_count == (9 if changed else 0)


def test_new_generation_is_read_again() -> None:
    found = store(wire_job(version=1))
    found.upsert_job(wire_job(version=2, generation=2, schedule="@hourly"))
    assert entry(found).job.spec.schedule == "@hourly"


def test_only_requests_and_deletion_are_read_in_a_generation() -> None:
    found = store(wire_job(version=1))
    found.upsert_job(wire_job(version=2, requests={"a": "2026-03-01T12:00:00Z"}, deleting=True))
    job = entry(found).job
    assert ([request.id for request in job.requests], job.deleting) == (["a"], True)


def test_second_event_does_not_mark_the_status_as_written() -> None:
    found = store(wire_job(version=1))
    found.upsert_job(wire_job(version=2))
    assert not entry(found).job.status_written
    found.upsert_job(wire_job(version=3, status=JobStatus()))
    assert entry(found).job.status_written
    found.upsert_job(wire_job(version=4))
    assert entry(found).job.status_written


def test_pending_changes_fold_onto_the_version_of_another_writer() -> None:
    found = store(wire_job(version=1))
    entry(found).record(Started(ENTRY), Decided(NOON))
    found.upsert_job(wire_job(version=2, status=JobStatus(success_count=7)))
    status = entry(found).status
    assert (status.success_count, status.active, status.last_schedule_time) == (7, (ENTRY,), NOON)


@pytest.mark.parametrize(
    ("wiped", "mark"),
    [
        pytest.param(None, after(60), id="by a wiped status"),
        pytest.param(NOON, after(60), id="by an older time"),
        pytest.param(after(120), after(120), id="but it moves forward"),
    ],
)
def test_a_mark_is_not_moved_back(wiped: datetime | None, mark: datetime) -> None:
    found = store(wire_job(version=1, status=JobStatus(last_schedule_time=after(60))))
    found.upsert_job(wire_job(version=2, status=JobStatus(last_schedule_time=wiped)))
    assert entry(found).status.last_schedule_time == mark
    assert bool(entry(found).pending) is (mark != wiped), "it is written again"


def test_unwritten_mark_is_not_moved_back_either() -> None:
    found = store(wire_job(version=1))
    entry(found).record(Decided(after(60)))
    entry(found).settle(1, JobStatus(last_schedule_time=after(60)), 2)
    found.upsert_job(wire_job(version=3, status=JobStatus()))
    assert entry(found).status.last_schedule_time == after(60)


def test_a_job_that_is_gone_takes_its_jobs_along() -> None:
    found = store(wire_job())
    found.upsert_attempt(wire_run(ENTRY))
    assert list(found.remove_job(UID)) == []
    assert (found.get(UID), found.places()) == (None, {})
    assert list(found.remove_job(UID)) == []


# --- names ---------------------------------------------------------------------------------------------------------


def namesake(uid: str, created: datetime) -> dict[str, Any]:
    body = wire_job(uid=uid, name=f"object-{uid}", created=created)
    body["spec"]["name"] = "backup"
    return body


@pytest.mark.parametrize("order", [[0, 1], [1, 0]], ids=["seen first", "seen last"])
def test_older_of_two_namesakes_keeps_the_dkron_name(order: list[int]) -> None:
    bodies = [wire_job(created=NOON), namesake("later", after(1))]
    found = store(*(bodies[number] for number in order))
    assert found.duplicate(entry(found)) is None
    problem = found.duplicate(entry(found, "later"))
    assert problem is not None
    assert problem.message == 'DkronJob backup already has the name "backup"'


def test_one_of_two_equally_old_namesakes_keeps_the_name() -> None:
    found = store(namesake("a", NOON), namesake("b", NOON))
    assert [found.duplicate(entry(found, uid)) is None for uid in ("a", "b")] == [True, False]


def test_namesakes_are_requeued_when_the_oldest_changes() -> None:
    found = store(wire_job())
    assert list(found.upsert_job(namesake("later", after(1)))) == ["later"], "the name has the same holder as before"
    assert set(found.upsert_job(namesake("older", after(-1)))) == {"older", UID, "later"}
    assert list(found.remove_job(UID)) == []
    assert list(found.remove_job("older")) == ["later"]
    assert found.duplicate(entry(found, "later")) is None


# --- Jobs ----------------------------------------------------------------------------------------------------------


def test_a_job_may_be_seen_before_its_owner() -> None:
    found = Store()
    assert list(found.upsert_attempt(wire_run(ENTRY))) == [UID]
    found.upsert_job(wire_job())
    assert list(entry(found).observed.attempts) == [ENTRY.job]


def seen_at(version: int, *, uid: str = "", over: bool = False) -> Event:
    return lambda found: found.upsert_attempt(
        wire_run(ENTRY, uid=uid, version=version, status=ended() if over else None)
    )


def lost_at(version: int, *, uid: str = "", over: bool = False) -> Event:
    return lambda found: found.remove_attempt(
        wire_run(ENTRY, uid=uid, version=version, status=ended() if over else None)
    )


@pytest.mark.parametrize(
    ("troubled", "wakes"),
    [
        pytest.param((), [], id="that a pod has started changes no plan"),
        pytest.param((ENTRY.job,), [UID], id="nor is it degraded any more, if it was"),
        pytest.param(("another",), [], id="what is wrong with another attempt stays so"),
    ],
)
def test_started_pod_requeues_a_job_with_a_problem(troubled: tuple[str, ...], wakes: list[str]) -> None:
    found = Store()
    found.upsert_job(wire_job())
    found.upsert_attempt(wire_run(ENTRY))
    entry(found).observed.pod_problems.update(dict.fromkeys(troubled, PodProblem("ImagePullBackOff", "no such image")))
    assert list(found.upsert_attempt(wire_run(ENTRY, version=2, status={"active": 1, "ready": 1}))) == wakes
    assert entry(found).observed.attempts[ENTRY.job].state is AttemptState.RUNNING


@pytest.mark.parametrize(
    ("events", "gone", "finished"),
    [
        pytest.param([(seen_at(5, over=True), True), (seen_at(4), False)], False, True, id="the newest version wins"),
        pytest.param(
            [(seen_at(5), True), (seen_at(6), False), (seen_at(5, over=True), False), (seen_at(7, over=True), True)],
            False, True, id="a version without changes wakes no worker and still counts",
        ),
        pytest.param(
            [(seen_at(5), True), (lost_at(6, over=True), True)], True, True,
            id="a deleted one stays as gone with its end until recorded",
        ),
        pytest.param(
            [(seen_at(5), True), (lost_at(6), True), (seen_at(7), False)], True, False,
            id="late news do not bring a deleted one back",
        ),
        pytest.param(
            [(seen_at(5, uid="first"), True), (seen_at(8, uid="second"), True), (lost_at(6, uid="first"), False)],
            False, False, id="late news of a deletion do not hide a new one",
        ),
    ],
)  # fmt: skip
def test_known_attempt_after_events(events: list[tuple[Event, bool]], *, gone: bool, finished: bool) -> None:
    """After these events, of which some wake a worker."""
    found = store(wire_job())
    for event, wakes in events:
        assert list(event(found)) == ([UID] if wakes else [])
    known = entry(found).observed.attempts[ENTRY.job]
    assert (known.gone, known.finished) == (gone, finished)


def test_recorded_and_deleted_job_leaves_nothing_behind() -> None:
    found = store(wire_job(status=JobStatus(counted=(ENTRY.job,))))
    found.upsert_attempt(wire_run(ENTRY, version=5, status=ended()))
    assert list(found.remove_attempt(wire_run(ENTRY, version=6, status=ended()))) == [UID]
    assert entry(found).observed.attempts == {}


def test_job_without_an_owner_is_forgotten_when_deleted() -> None:
    found = store(wire_job())
    found.remove_job(UID)
    found.upsert_attempt(wire_run(ENTRY))
    found.remove_attempt(wire_run(ENTRY))
    assert found.places() == {}


def test_whatever_vanished_unseen_is_lost_by_its_uid() -> None:
    found = store(wire_job())
    found.upsert_attempt(wire_run(ENTRY, uid="run"))
    assert found.places().keys() == {UID, "run"}
    assert list(found.on_deleted("run")) == [UID]
    assert entry(found).observed.attempts[ENTRY.job].gone
    assert list(found.on_deleted("unknown")) == []
    found.on_deleted(UID)
    assert found.get(UID) is None


# --- settling ------------------------------------------------------------------------------------------------------


def test_change_during_a_write_stays_pending() -> None:
    one = entry(store(wire_job()))
    one.record(Started(ENTRY))
    one.record(Decided(NOON))
    one.settle(1, JobStatus(active=(ENTRY,)), 2)
    assert one.pending == [Decided(NOON)]
    assert (one.base, one.version) == (JobStatus(active=(ENTRY,)), 2)
    assert one.status == JobStatus(active=(ENTRY,), last_schedule_time=NOON)


def test_answer_to_a_write_does_not_hide_a_later_version() -> None:
    found = store(wire_job(version=1))
    one = entry(found)
    one.record(Started(ENTRY))
    found.upsert_job(wire_job(version=3, status=JobStatus(active=(seen(ENTRY),), success_count=4)))
    one.settle(1, JobStatus(active=(ENTRY,)), 2)
    assert one.version == 3
    assert one.status == JobStatus(active=(seen(ENTRY),), success_count=4)


def test_invalid_status_counts_as_wiped_until_it_is_written() -> None:
    body = wire_job(version=1)
    body["status"] = {"active": "many"}
    one = entry(store(body))
    assert (one.status, one.unreadable) == (JobStatus(), True)
    one.settle(0, JobStatus(), 2)
    assert not one.unreadable


# --- the verdict of an earlier process -----------------------------------------------------------------------------


def ready(status: str, reason: str, *, generation: int = 1) -> JobStatus:
    condition = Condition(
        type="Ready", status=ConditionStatus(status), reason=reason, message="m", last_transition_time=NOON,
        observed_generation=generation,
    )  # fmt: skip
    return JobStatus(conditions=(condition,))


@pytest.mark.parametrize(
    ("status", "checked", "refused"),
    [
        pytest.param(JobStatus(), -1, False, id="not asked"),
        pytest.param(ready("True", "Scheduled"), 1, False, id="it was accepted"),
        pytest.param(ready("True", "Scheduled", generation=7), -1, False, id="another generation was accepted"),
        pytest.param(ready("False", "InvalidTemplate"), -1, True, id="it was refused, and is until it is asked again"),
        pytest.param(ready("False", "UnknownExecutor"), -1, False, id="its problem lay in the spec"),
        pytest.param(ready("Unknown", "Pending"), -1, False, id="the question was open"),
    ],
)
def test_findings_of_an_earlier_process_are_adopted(status: JobStatus, checked: int, *, refused: bool) -> None:
    generation, problem = verdict(job_view(), status)
    assert (generation, problem is not None) == (checked, refused)


# --- the account ---------------------------------------------------------------------------------------------------


def test_account_gets_only_persisted_statuses() -> None:
    told: list[int | None] = []
    found = Store()
    found.on_stored.add(lambda _, status: told.append(None if status is None else status.success_count))
    found.upsert_job(wire_job(version=1))
    found.upsert_job(wire_job(version=2, status=JobStatus(success_count=1)))
    found.upsert_job(wire_job(version=2, status=JobStatus(success_count=9)))
    late = entry(found)
    late.record(Decided(NOON))
    found.settle(late, 1, base=JobStatus(success_count=2), version=3)
    found.upsert_job({**wire_job(version=4), "status": {"successCount": "many"}})
    assert told == [0, 1, 2, 0], "what makes no sense is told as wiped"
    found.remove_job(UID)
    found.remove_job(UID)
    found.settle(late, 0, base=JobStatus(success_count=3), version=5)
    assert told[4:] == [None], "a write that ends after its job is no sign of life"


# --- another process may have acted --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [True, False])
def test_unpersisted_mark_is_dropped_after_another_leader(*, written: bool) -> None:
    behind = JobStatus(since=NOON, last_schedule_time=NOON)
    found = store(wire_job(status=JobStatus(since=NOON, last_schedule_time=after(60)) if written else behind))
    entry(found).record(Decided(after(60)))
    found.renew(behind=False)
    found.upsert_job(wire_job(version=9, status=behind))
    assert entry(found).status.last_schedule_time == (after(60) if written else NOON)
    assert bool(entry(found).pending) is written


@pytest.mark.parametrize(
    ("before", "told", "behind"),
    [
        pytest.param(False, False, False, id="what was read stays so"),
        pytest.param(False, True, True, id="what was read may be old by now"),
        pytest.param(True, False, True, id="what was never read is no newer by that"),
    ],
)
def test_entry_is_behind_after_another_leader(*, before: bool, told: bool, behind: bool) -> None:
    found = store(wire_job())
    entry(found).behind = before
    found.renew(behind=told)
    assert entry(found).behind is behind


def test_gone_job_is_kept_until_a_plan_has_read_it() -> None:
    store = Store()
    store.upsert_job(wire_job(version=1, status=COUNTED))
    store.upsert_attempt(wire_run(ENTRY, version=2, status=ended()))
    store.upsert_job(wire_job(version=3, status=TRIMMED))
    (entry,) = store
    store.remove_attempt(wire_run(ENTRY, version=4, status=ended()))
    assert entry.observed.attempts[ENTRY.job].gone


def test_late_version_of_a_deleted_job_is_no_new_job() -> None:
    store = Store()
    store.upsert_job(wire_job(version=1))
    store.mark_missing(UID)
    assert list(store.upsert_job(wire_job(version=2))) == []
    assert (len(store), store.places()) == (0, {UID: None})
    assert list(store.on_deleted(UID)) == []
    assert store.places() == {}


@pytest.mark.parametrize("versions", [(1, 5, 4), (5, 4)], ids=["before", "only later"])
def test_successor_reports_its_predecessor_as_deleted(versions: tuple[int, ...]) -> None:
    store = Store()
    for version in versions:
        uids = [OTHER_UID] if version == 5 else [UID]
        told = store.upsert_job(wire_job(uid=uids[0], version=version))
        assert list(told) == ([] if version == 4 else uids)
    (entry,) = store
    assert (entry.job.uid, store.duplicate(entry)) == (OTHER_UID, None)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({}, None, id="sound"),
        pytest.param({"command": ""}, ReadyReason.INVALID_EXECUTOR_CONFIG, id="with a fault"),
        pytest.param({"schedule": "nonsense"}, ReadyReason.INVALID_SCHEDULE, id="that cannot be read"),
    ],
)
def test_spec_is_checked_once_and_not_by_a_list(
    spec: dict[str, Any], reason: ReadyReason | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[JobSpec] = []

    def check(checked: JobSpec) -> Iterator[Problem]:
        made.append(checked)
        return of_settings(checked)

    monkeypatch.setattr(spec_check, "of_settings", check)
    known = store(wire_job(**spec))
    assert made == []
    for version in (2, 3):
        assert getattr(entry(known).job.problem, "reason", None) == reason
        known.upsert_job(wire_job(version=version, **spec))
    assert len(made) == (reason is not ReadyReason.INVALID_SCHEDULE)


def test_fault_of_a_check_concerns_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec_check, "remarks", lambda *_: 1 / 0)
    job = entry(store(wire_job())).job
    why = "the job cannot be read: the operator cannot check it (ZeroDivisionError)"
    assert job.problem == Problem(ReadyReason.UNREADABLE, why)
    assert job.unprompted is None
