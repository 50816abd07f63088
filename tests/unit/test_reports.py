"""What became of each slot, what is due, and how jobs stand: the answers that the REST API and dkronctl share."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_crds.attempt_names import nanoseconds
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, Condition, Day, DeferredSlots, JobStatus, NotedPause, Skipped, SkipReason, Trigger
from dkron_crds.schedule import parse
from dkron_crds.schedule.timeline import Timeline
from dkron_reports import agenda as agenda_module
from dkron_reports import explain as explain_module
from dkron_reports.agenda import Agenda, end_of, planning, with_first
from dkron_reports.explain import Explanation, Question, explain, read_question
from dkron_reports.health import health_of
from dkron_reports.installation import holder_of, installation
from dkron_reports.job import Job, from_object
from dkron_reports.run import attempts_of, is_slow, runs_of
from dkron_reports.skipping import because, setting_of
from dkron_reports.slices import at_once
from dkron_reports.slots import clock_changes
from dkron_reports.summary import Summary, summarizing
from tests.support.builders import NOON, after, claim, execution, request_claim, seen, wire_job
from tests.support.examples import examples

EACH_MINUTE = "0 * * * * *"


def at(minutes: float) -> datetime:
    return after(minutes=minutes)


def job(status: JobStatus | None = None, **spec: Any) -> Job:
    return from_object(wire_job(created=after(hours=-1), status=status, **{"schedule": EACH_MINUTE, **spec}))


def status(**fields: Any) -> JobStatus:
    defaults = {"since": after(hours=-1), "observed_generation": 1, "last_schedule_time": NOON}
    return JobStatus(**{**defaults, **fields})


def asked(start: float, end: float) -> Question:
    return Question(at(start), at(end))


def condition(kind: str, holds: bool, reason: str, message: str = "") -> Condition:
    fields = {"type": kind, "status": str(holds), "reason": reason, "message": message, "last_transition_time": NOON}
    return Condition(**fields)


def words(found: Explanation) -> list[tuple[int, str]]:
    """The slots in minutes after noon, with their words."""
    return [(int((each.slot - NOON) / timedelta(minutes=1)), each.what) for each in found.slots]


RAN = execution(claim(at(-3), at=at(-3) + timedelta(seconds=7)), exit_code=0)
LOST = execution(claim(at(-4), at=at(-4)), success=False, exit_code=127, output="sync\nno rsync\n\n")
STOPPED = execution(claim(at(-2), at=at(-2)), success=False, exit_code=143, reason="Stopped")
SKIPPED = Skipped(count=4, last_time=at(-1), last_reason=SkipReason.CONCURRENCY_FORBIDDEN)
NEWEST = "the newest 2026-03-01T11:59:00Z: an earlier run was active"
FORBID = "an earlier run was active or waited, and spec.concurrency is forbid"
PAUSED = condition("Suspended", True, "Paused", "paused by ann: a release (DkronPause a/release)")
READY = condition("Ready", True, "Scheduled")
BROKEN = condition("Ready", False, "InvalidTemplate", "containers: missing")
DEGRADED = condition("Degraded", True, "ImagePullBackOff", "no such image")
MANY = (execution(claim(at(-3), at=at(-3))), execution(claim(at(-4), at=at(-4))))
OLD = tuple(execution(claim(at(-99 - minutes)), seconds=4 + minutes) for minutes in range(3))
WAITING = (DeferredSlots(after=at(-4), until=at(-2)),)
FEWER = Skipped(count=58, last_time=at(-55), last_reason=SkipReason.MISSED)
OLD_AND_RUNNING = (*MANY, execution(claim(at(-50), member="a"), exit_code=0))


def test_each_slot_is_explained_with_facts_for_programs() -> None:
    known = status(executions=(RAN, LOST), success_count=5, error_count=1, skipped=SKIPPED, last_schedule_time=at(1))
    found = explain(job(known), asked(-5, 3), now=at(2.5))
    assert words(found) == [
        (-5, "unknown"), (-4, "ran"), (-3, "ran"), (-2, "skipped"), (-1, "skipped"), (0, "skipped"), (1, "skipped"),
        (2, "late"), (3, "to come"),
    ]  # fmt: skip
    told = found.as_json()
    assert told["known_since"] == "2026-03-01T11:56:00Z"
    assert told["slots"][2] == {
        "slot": "2026-03-01T11:57:00Z", "what": "ran", "why": "success, 7s late, took 5.0s", "result": "success",
        "trigger": "schedule", "attempts": 1, "group": RAN.group, "late_seconds": 7.0,
    }  # fmt: skip
    assert told["slots"][1]["why"] == "failed, took 5.0s, exit 127 (command not found)"
    ended = execution(
        claim(at(-4), at=at(-4)), success=False, exit_code=137, reason="Stopped",
        message="asked for at 2026-03-01T11:56:04.5Z by ann",
    )  # fmt: skip
    (slot,) = explain(job(status(executions=(ended,), error_count=1)), asked(-4, -4), now=NOON).slots
    assert slot.why == "failed, took 5.0s, stopped by ann at 2026-03-01T11:56:04Z"
    skipped = {"what": "skipped", "why": FORBID, "reason": "ConcurrencyForbidden", "setting": "spec.concurrency"}
    assert told["slots"][4] == {"slot": "2026-03-01T11:59:00Z", **skipped}
    assert told["slots"][7]["why"].startswith("due 30s ago and not decided")


ENABLED = condition("Suspended", False, "Scheduled").model_copy(update={"last_transition_time": at(-2)})
COUNTS = "the schedule counts from 2026-03-01T11:58:00Z"
EARLIER = execution(claim(at(-50), at=at(-50)))
SAID = "its newest run began 2026-03-01T11:10:00Z: success, took 5.0s"
KEPT = "keeps runs from 2026-03-01T11:56:00Z"


@pytest.mark.parametrize(
    ("spec", "known", "expected", "said"),
    [
        pytest.param({}, {"since": at(-2)}, "----ssl", "the schedule counts from 2026-03-01T11:58:00Z", id="edited"),
        pytest.param({"disabled": True}, {"since": at(-2)}, "----ssn", "it is disabled", id="disabled"),
        pytest.param({}, {"since": at(-2), "conditions": (ENABLED,)}, "????ssl", COUNTS, id="enabled again"),
        pytest.param({}, {"since": at(-2), "conditions": (ENABLED,), "last_schedule_time": at(-4)}, "??nnlll", COUNTS,
                     id="enabled again, and no slot since"),
        pytest.param({}, {"since": at(-1.5), "conditions": (ENABLED,)}, "----ssl", "counts", id="enabled, then edited"),
        pytest.param({}, {"since": at(-2), "conditions": (ENABLED,), "rebuilt_at": at(-2)}, "----ssl", COUNTS,
                     id="a status that was wiped"),
        pytest.param({"schedule": "@every 1m"}, {"since": at(-2), "conditions": (ENABLED,)}, "----ssl", COUNTS,
                     id="an interval, enabled again"),
        pytest.param({"startsAt": "2026-03-01T11:59:30Z"}, {}, "nnnnnsl", "before spec.startsAt", id="not started"),
        pytest.param({"expiresAt": "2026-03-01T11:59:30Z"}, {}, "sssssnn", "after spec.expiresAt", id="expired"),
        pytest.param({"schedule": "", "parentJob": "a"}, {}, "", "it runs after a, and has no slots", id="a child"),
        pytest.param({"schedule": "x"}, {}, "", "its schedule is not valid", id="invalid"),
        pytest.param({"schedule": "@manually"}, {}, "", "it runs only on request (@manually)", id="on request"),
        pytest.param({"schedule": "@manually"}, {"executions": (EARLIER,)}, "", SAID, id="on request, before"),
        pytest.param({"schedule": "", "parentJob": "a"}, {"executions": (EARLIER,)}, "", SAID, id="a child, before"),
        pytest.param({}, {"observed_generation": 0}, "ssssssl", "has not acted on the newest change", id="not seen"),
        pytest.param({}, {}, "ssssssl", "60 slots or requests were skipped, the newest 2026-03-01T11:05", id="missed"),
        pytest.param({}, {"skipped": SKIPPED}, "????s?l", f"4 slots or requests were skipped, {NEWEST}", id="forbid"),
        pytest.param({}, {"conditions": (PAUSED,)}, "ssssssp", "", id="paused"),
        pytest.param({}, {"conditions": (BROKEN,)}, "ssssssn", "InvalidTemplate: containers: missing", id="not ready"),
        pytest.param({}, {"executions": MANY, "success_count": 9}, "?rrsssl", KEPT, id="cut off"),
        pytest.param(
            {},
            {"executions": OLD_AND_RUNNING, "success_count": 9, "active": (seen(claim(at(-50), member="b")),)},
            "?rrsssl", KEPT, id="cut off, with an old execution of a run that goes on",
        ),
        pytest.param({}, {"ran_ahead": (at(1),)}, "ssssssr", "", id="ran ahead"),
        pytest.param({}, {"deferred": WAITING, "skipped": FEWER}, "ssllssl", "", id="deferred"),
    ],
)  # fmt: skip
def test_situations(spec: dict[str, Any], known: dict[str, Any], expected: str, said: str) -> None:
    """Slots from 11:55 to 12:01, by the first letters of their words; `-` was before the status, `?` is unknown."""
    skips = Skipped(count=60, last_time=at(-55), last_reason=SkipReason.MISSED)
    found = explain(job(status(**{"skipped": skips, **known}), **spec), asked(-5, 1), now=at(1.5))
    letters = {slot: "?" if what == "unknown" else what[0] for slot, what in words(found)}
    shown = "".join(letters.get(minute, "-") for minute in range(-5, 2)) if letters else ""
    assert (shown, [each for each in found.remarks if said in each] != []) == (expected, True), found.remarks


@pytest.mark.parametrize(
    ("spec", "mark", "why"),
    [
        pytest.param({}, -4, "the job was disabled until 2026-03-01T11:58:00Z", id="disabled"),
        pytest.param({}, 0, "not known: the job was disabled until 2026-03-01T11:58:00Z, and from", id="decided since"),
        pytest.param({"startsAt": rfc3339(at(-30))}, -4, "the job was disabled, or outside of spec.startsAt", id="or"),
    ],
)
def test_the_time_before_a_job_was_enabled_is_told(spec: dict[str, Any], mark: int, why: str) -> None:
    known = status(since=at(-2), conditions=(ENABLED,), last_schedule_time=at(mark))
    (slot,) = explain(job(known, **spec), asked(-3, -3), now=NOON).slots
    assert slot.why.startswith(why), slot.why


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A skip, and what the status tells besides: whether it was the refusal of a request."""

    at: float
    reason: SkipReason
    known: dict[str, Any] = field(default_factory=dict)
    refused: bool


REFUSALS = {
    "between two slots": Refusal(at=-1.5, reason=SkipReason.PAUSED, refused=True),
    "in the second of a slot, of a disabled job": Refusal(at=-1, reason=SkipReason.DISABLED, refused=True),
    "in the second of a slot that is not decided": Refusal(at=1, reason=SkipReason.PAUSED, refused=True),
    "a slot": Refusal(at=-1, reason=SkipReason.CONCURRENCY_FORBIDDEN, refused=False),
    "a slot of an earlier schedule": Refusal(
        at=-2.5, reason=SkipReason.CONCURRENCY_FORBIDDEN, known={"since": at(-2)}, refused=False
    ),
    "a slot that an edit left undecided": Refusal(at=-1.5, reason=SkipReason.EDITED, refused=False),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in REFUSALS.items()])
def test_a_refused_request_is_told_as_one(case: Refusal) -> None:
    skipped = Skipped(count=60, last_time=at(case.at), last_reason=case.reason)
    found = explain(job(status(skipped=skipped, **case.known)), asked(-5, 1), now=at(1.5))
    told = [(each.slot, each.why) for each in found.runs if each.what == "refused"]
    assert told == ([(at(case.at), f"a run on request: {because(case.reason)}")] if case.refused else [])
    assert any(", a request at 2026-03-01T" in each for each in found.remarks) is case.refused
    named = [each.slot for each in found.slots if each.reason]
    assert named == ([at(case.at)] if case.at == -1 and not case.refused else [])


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        pytest.param((READY, DEGRADED), "Degraded: no such image", id="it runs by itself"),
        pytest.param((READY, PAUSED, DEGRADED), "Degraded: no such image", id="it is paused"),
        pytest.param((BROKEN, DEGRADED), "InvalidTemplate: containers: missing", id="it does not run"),
    ],
)
def test_problem_is_told_after_the_condition_that_has_it(conditions: tuple[Condition, ...], told: str) -> None:
    assert told in explain(job(status(conditions=conditions)), asked(-1, 0), now=NOON).remarks


def beside(trigger: Trigger, slot: datetime, *, asked_at: datetime, **fields: Any) -> Attempt:
    """An execution that the schedule did not cause, of a run that was asked for then."""
    entry = claim(slot, at=asked_at).model_copy(update={"trigger": trigger, "group": nanoseconds(asked_at) + 7})
    return execution(entry, **fields)


TOLD = "success, took 5.0s"


@pytest.mark.parametrize(
    ("ran", "spec", "slots", "runs"),
    [
        pytest.param((beside(Trigger.BACKFILL, at(-2), asked_at=at(-1)),), {},
                     {-2: f"by a backfill: {TOLD}"}, {}, id="a skipped slot, again"),
        pytest.param((beside(Trigger.MANUAL, at(-2), asked_at=at(-1)),), {},
                     {-2: f"on request: {TOLD}"}, {}, id="a skipped slot, on request"),
        pytest.param((beside(Trigger.MANUAL, at(-2), asked_at=at(-2)),), {},
                     {}, {-2: f"on request: {TOLD}"}, id="a request in the second of a slot"),
        pytest.param((beside(Trigger.BACKFILL, at(-3), asked_at=at(-1)), RAN), {},
                     {-3: f"success, 7s late, {TOLD[9:]}"}, {-3: f"by a backfill: {TOLD}"}, id="a run slot, again"),
        pytest.param((beside(Trigger.BACKFILL, at(-4), asked_at=at(-1)),), {"since": at(-3.5)},
                     {}, {-4: f"by a backfill: {TOLD}"}, id="before the schedule"),
        pytest.param((RAN,), {"since": at(-2.5)}, {}, {-3: f"success, 7s late, {TOLD[9:]}"}, id="an earlier schedule"),
        pytest.param((beside(Trigger.MANUAL, at(-2.5), asked_at=at(-2.5)),), {"schedule": "@manually"},
                     {}, {-2.5: f"on request: {TOLD}"}, id="a job on request"),
        pytest.param((beside(Trigger.DEPENDENT, at(-2.5), asked_at=at(-2.5), success=False, exit_code=3),),
                     {"schedule": "", "parentJob": "a"},
                     {}, {-2.5: "after a parent: failed, took 5.0s, exit 3"}, id="a child"),
        pytest.param((beside(Trigger.MANUAL, at(-9), asked_at=at(-9)),), {}, {}, {}, id="outside of the period"),
    ],
)  # fmt: skip
def test_runs_beside_the_schedule_are_listed(
    ran: tuple[Attempt, ...], spec: dict[str, Any], slots: dict[float, str], runs: dict[float, str]
) -> None:
    """Slots that ran and other runs from 11:55 to 11:58, by their minutes after noon."""
    skips = Skipped(count=60, last_time=at(-2), last_reason=SkipReason.MISSED)
    known = {key: spec[key] for key in spec.keys() & {"since"}}
    of_job = {key: spec[key] for key in spec.keys() - {"since"}}
    full = status(executions=ran, success_count=len(ran), skipped=skips, **known)
    found = explain(job(full, **of_job), asked(-5, -2), now=NOON)
    told = [
        {(each.slot - NOON) / timedelta(minutes=1): each.why for each in those if each.what == "ran"}
        for those in (found.slots, found.runs)
    ]
    assert told == [slots, runs]
    assert all(each["trigger"] and each["what"] == "ran" for each in found.as_json()["runs"])


def test_slot_without_run_or_skip_may_have_lost_its_execution() -> None:
    found = explain(job(status()), asked(-2, 0), now=NOON)
    assert [each.what for each in found.slots] == ["unknown"] * 3
    assert "its execution was deleted" in found.slots[0].why


def test_pause_is_named_for_the_slots_it_holds() -> None:
    (slot,) = explain(job(status(conditions=(PAUSED,))), asked(4.5, 5), now=NOON).slots
    then = "spec.missedRuns decides about it after the pause"
    assert (slot.what, slot.why, slot.setting) == ("paused", f"the job is {PAUSED.message}; {then}", "DkronPause")


def pause(name: str, began: float, until: float | None = None, **spec: Any) -> dict[str, Any]:
    """A DkronPause of all jobs, by minutes after noon, that the operator has looked at."""
    over = until is not None and until <= 0
    active = {"type": "Active", "status": str(not over), "reason": "Expired" if over else "Paused"}
    metadata = {"name": name, "creationTimestamp": rfc3339(at(began))}
    ends = {} if until is None else {"until": rfc3339(at(until))}
    return {"metadata": metadata, "spec": {**spec, **ends}, "status": {"conditions": [active]}}


ENDED = "held by the pause moves, from 2026-03-01T11:54:30Z to 2026-03-01T11:57:00Z"
RESUMED = condition("Suspended", False, "Active").model_copy(update={"last_transition_time": at(-1.5)})
WENT_ON = "a pause that ended 2026-03-01T11:58:30Z held the job then, or no operator was there to run it"
ABSENT = "it did not run; no reason is kept"
DROPPED = Skipped(count=60, last_time=at(-1), last_reason=SkipReason.PAUSED)
NOTED = NotedPause(name="moves", since=at(-2.5), drop=True)


@pytest.mark.parametrize(
    ("pauses", "known", "slots"),
    [
        pytest.param([pause("moves", -5.5, -3)], {}, {-5: ENDED, -4: ENDED, -3: ABSENT}, id="it ended by itself"),
        pytest.param([pause("moves", -5.5, -3, jobs=["b"])], {}, {-4: ABSENT}, id="of another job"),
        pytest.param([{**pause("moves", -5.5, -3), "status": {}}], {}, {-4: ABSENT}, id="without an effect"),
        pytest.param([], {"conditions": (RESUMED,)}, {-3: WENT_ON, -2: WENT_ON, -1: ABSENT}, id="it was deleted"),
        pytest.param([], {"conditions": (RESUMED,), "executions": (RAN,), "success_count": 1},
                     {-4: ABSENT, -2: WENT_ON}, id="a run before it"),
        pytest.param([], {"skipped": DROPPED, "paused": NOTED},
                     {-2: "held by the pause moves, from 2026-03-01T11:57:30Z on"}, id="it drops what comes due"),
        pytest.param([], {}, {-3: ABSENT}, id="none is known of"),
    ],
)  # fmt: skip
def test_a_slot_that_a_pause_held_names_the_pause(
    pauses: list[dict[str, Any]], known: dict[str, Any], slots: dict[int, str]
) -> None:
    skips = Skipped(count=60, last_time=at(-9), last_reason=SkipReason.MISSED)
    found = explain(job(status(**{"skipped": skips, **known})), asked(-5, -1), now=NOON, pauses=pauses)
    told = {minute: each for (minute, _), each in zip(words(found), found.slots, strict=True)}
    assert {minute: told[minute].what for minute in slots} == dict.fromkeys(slots, "skipped")
    assert {minute: why in told[minute].why for minute, why in slots.items()} == dict.fromkeys(slots, True), told
    named = {minute for minute, why in slots.items() if why != ABSENT}
    assert {minute for minute in slots if told[minute].setting == "DkronPause"} == named


def test_a_moment_without_a_slot_names_its_neighbours() -> None:
    found = explain(
        job(status(executions=(RAN,), success_count=1)), Question(at(-2.75), at(-2.75), moment=True), now=NOON
    )
    assert [each.what for each in found.slots] == ["ran"]
    assert "2026-03-01T11:57:15Z is no slot" in (text := " ".join(found.remarks))
    assert "the latest slot is 2026-03-01T11:57:00Z, the next slot is 2026-03-01T11:58:00Z" in text
    (slot,) = explain(job(status()), Question(at(5), at(5), moment=True), now=NOON).slots
    assert slot.what == "to come"


def test_moment_before_since_is_not_called_no_slot() -> None:
    question = Question(at(-90), at(-90), moment=True)
    (remark,) = explain(job(status()), question, now=NOON).remarks
    assert remark.startswith("the schedule counts from 2026-03-01T11:00:00Z on: of earlier slots")


def test_every_reason_of_the_operator_has_a_sentence() -> None:
    assert [reason for reason in SkipReason if because(reason).startswith("the operator says")] == []
    assert setting_of("Missed") == "spec.missedRuns"
    assert because("OfTomorrow") == "the operator says OfTomorrow"


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        pytest.param({"at": "noon"}, '--at: "noon" is not a time', id="no time"),
        pytest.param({"at": ""}, '--at: "" is not a time', id="an empty text"),
        pytest.param({"at": "1h", "start": "2h"}, "--at is a moment, --from and --to are a period", id="both"),
        pytest.param({"start": "1h", "end": "2h"}, "--from is later than --to", id="turned around"),
        pytest.param({"start": "0001-01-01T00:00:00Z"}, "more than 1830 days apart", id="centuries back"),
        pytest.param({"end": "9999-12-31T23:59:59Z"}, "more than 1830 days apart", id="centuries ahead"),
    ],
)
def test_questions_that_cannot_be_answered(texts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_question(**texts, now=NOON, prefix="--")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("schedule", [EACH_MINUTE, "@every 1s", "0 0 0 31 2 *", "@at 2026-03-01T12:00:00Z"])
def test_the_ends_of_the_calendar_are_answered(schedule: str, moment: str) -> None:
    asked_for = read_question(at=moment, now=NOON), read_question(start=moment, end=moment, now=NOON)
    for question in asked_for:
        remarks = explain(job(status(), schedule=schedule), question, now=NOON).remarks
        beyond = moment.startswith("9999") and schedule == EACH_MINUTE
        assert ("slots are computed up to the end of the year 9998" in remarks) is beyond
        assert not (beyond and any("is no slot" in each for each in remarks))


def test_slots_beyond_the_limit_are_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_module, "MOST", 3)
    found = explain(job(status()), asked(1, 9), now=NOON)
    assert len(found.slots) == 3
    assert "only the first 3 slots are shown, up to 2026-03-01T12:03:00Z" in found.remarks[-1]


FORWARD = "2026-03-29: clocks go forward from 02:00 to 03:00 in Europe/Madrid; "
BACK = "2026-10-25: clocks go back from 03:00 to 02:00 in Europe/Madrid; "


@pytest.mark.parametrize(
    ("schedule", "zone", "sentences"),
    [
        pytest.param("0 30 2 * * *", "Europe/Madrid", [
            f"{FORWARD}the slot at 02:30 does not exist and will not run",
            f"{BACK}02:30 comes twice and will run twice (00:30:00Z, 01:30:00Z)",
        ], id="in the changed hour"),
        pytest.param("0 */20 1,2 * * *", "Europe/Madrid", [
            f"{FORWARD}the 3 slots from 02:00 do not exist and will not run",
            f"{BACK}3 slots from 02:00 come twice and will run twice (00:00:00Z, 01:00:00Z)",
        ], id="several"),
        pytest.param("0 30 12 * * *", "Europe/Madrid", [], id="in another hour"),
        pytest.param("0 */5 * * * *", "Europe/Madrid", [], id="each hour"),
        pytest.param("0 30 2 * * *", "", [], id="UTC"),
        pytest.param("@every 1h", "Europe/Madrid", [], id="an interval"),
    ],
)  # fmt: skip
def test_clock_changes(schedule: str, zone: str, sentences: list[str]) -> None:
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    assert [each.sentence for each in clock_changes(parse(schedule, timezone=zone), *year)] == sentences


def test_slot_skipped_by_a_clock_change_is_listed_in_order() -> None:
    night = Question(datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC))
    found = explain(job(status(), schedule="0 30 2 * * *", timezone="Europe/Madrid"), night, now=NOON)
    assert [(f"{each.slot:%d %H:%M}", each.what) for each in found.slots] == [
        ("28 01:30", "to come"), ("29 01:00", "none"), ("30 00:30", "to come"),
    ]  # fmt: skip
    autumn = Question(datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    twice = explain(job(status(), schedule="0 30 2 * * *", timezone="Europe/Madrid"), autumn, now=NOON)
    assert [f"{each.slot:%H:%M}" for each in twice.slots] == ["00:30", "01:30"]
    assert twice.remarks[-1].startswith(BACK)


def due(*jobs: Job, minutes: float, **limits: int) -> Agenda:
    plan = planning(
        with_first(jobs, now=NOON), now=NOON, end=at(minutes), **{"most": 100, "least": 3, "looked": 100, **limits}
    )
    return at_once(plan)


def test_due_slots_are_sorted_and_crowded_seconds_found() -> None:
    jobs = [from_object(wire_job(name=f"j{number}", status=status(since=NOON, next=at(1)))) for number in range(3)]
    jobs.append(from_object(wire_job(name="other", schedule="30 * * * * *", status=status(observed_generation=0))))
    jobs.append(from_object(wire_job(name="late", schedule="0 1 12 * * *", status=status(next=at(-1)))))
    jobs.append(from_object(wire_job(name="off", disabled=True, status=status(next=at(1)))))
    jobs.append(from_object(wire_job(name="never", status=status(next=None))))
    found = due(*jobs, minutes=2)
    assert [each.name for each in found.due] == ["other", "j0", "j1", "j2", "late", "other", "j0", "j1", "j2"]
    assert (found.total, found.crowded, found.remarks) == (9, ((at(1), 4), (at(2), 3)), ())
    cut = due(*jobs, minutes=2, most=1, looked=4)
    assert ([each.name for each in cut.due], cut.total) == (["other"], 4)
    assert (cut.minutes, cut.until, found.until) == (((at(0), 1), (at(1), 3)), at(1), None)
    assert cut.remarks == (
        "the report covers only the first 4 slots, up to 2026-03-01T12:01:00Z; use a shorter period",
    )
    assert end_of("9" * 6 + "d", NOON, option="within").year > 4000
    assert agenda_module.LOOKED >= agenda_module.MOST


def overview(*raws: dict[str, Any]) -> Summary:
    return at_once(summarizing([health_of(raw, now=NOON) for raw in raws], now=NOON))


MINUTES = st.floats(-8000, 8000)


def wire(entry: Attempt, **fields: Any) -> dict[str, Any]:
    """An execution as a status has it, with some fields changed, or away if None."""
    raw = {**entry.to_wire(), **fields}
    return {key: value for key, value in raw.items() if value is not None}


def named(name: str, *conditions: Condition, spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    known = status(**{"conditions": conditions or (READY,), "last_success": after(-90), "next": at(1), **fields})
    return wire_job(name=name, created=after(hours=-1), status=known, **(spec or {}))


def test_overview_counts_jobs_and_names_those_needing_attention() -> None:
    found = overview(
        named("fine", executions=(RAN,), days=(Day(date=NOON.date(), success=2, failed=1),)),
        named("broken", BROKEN),
        named("failing", executions=(LOST,), status="failed"),
        named("stopped", executions=(STOPPED, LOST), status="failed"),
        named("stale", last_success=at(-30)),
        named("late", next=at(-3)),
        named("ahead", next=at(-0.5)),
        named("held", READY, PAUSED, next=at(-3)),
        named("off", READY, condition("Suspended", True, "Disabled"), spec={"disabled": True}, next=None),
        named("busy", active=(seen(claim(at(-1))), request_claim("a")), executions=OLD),
        named("stuck", active=(claim(at(-2)),)),
        named("degraded", READY, condition("Degraded", True, "ImagePullBackOff", "no such image")),
        wire_job(name="new", created=after(hours=-1)),
    ).as_json()  # fmt: skip
    assert {word: count for word, count in found["counts"].items() if count} == {
        "ready": 9, "pending": 1, "suspended": 2, "invalid": 1, "unseen": 1, "late": 1, "stuck": 1, "failing": 1,
        "stale": 1, "degraded": 1, "running": 1, "paused": 1,
    }  # fmt: skip
    assert found["jobs"] == sum(found["counts"][state] for state in ("ready", "pending", "suspended", "invalid"))
    assert [(each["job"], each["kind"]) for each in found["attention"]["jobs"]] == [
        ("new", "unseen"), ("broken", "invalid"), ("late", "late"), ("stuck", "stuck"), ("failing", "failing"),
        ("stale", "stale"), ("degraded", "degraded"),
    ]  # fmt: skip
    assert all(each["remedy"] and "JOB" not in each["remedy"] for each in found["attention"]["jobs"])
    failing = found["attention"]["jobs"][4]
    assert failing["why"] == "its newest run failed: exit 127 (command not found)"
    assert (failing["execution"], failing["output"]) == (LOST.id, "no rsync")
    assert [(each["job"], each["usual_seconds"]) for each in found["running"]["executions"]] == [("busy", 5.0)]
    hour = found["last_hour"]
    assert {each["took_seconds"] for each in hour["slots"]} == {5}
    assert (hour["runs"], hour["success"], hour["failed"], [each["job"] for each in hour["slots"]]) == (
        4, 1, 3, ["stopped", "fine", "stopped", "failing"],
    )  # fmt: skip
    assert [(each["at"][11:16], each.get("success"), each.get("failed")) for each in hour["minutes"]] == [
        ("11:56", None, 2), ("11:57", 1, None), ("11:58", None, 1),
    ]  # fmt: skip
    assert found["lateness_seconds"] == {"runs": 4, "p50": 0.0, "p90": 7.0, "p99": 7.0, "max": 7.0}
    ahead = found["next_hour"]
    assert (ahead["more"], len(ahead["slots"]), sum(each["slots"] for each in ahead["minutes"])) == (True, 200, 720)
    assert "counted_until" not in ahead
    assert found["next_hour"]["slots"][0] == {"due": "2026-03-01T12:01:00Z", "namespace": "default", "job": "ahead"}


@pytest.mark.parametrize(
    ("known", "since"),
    [
        pytest.param({"executions": (RAN, LOST), "success_count": 2}, None, id="all are kept"),
        pytest.param({"executions": (RAN, LOST), "success_count": 9}, "2026-03-01T11:56:00Z", id="older ones are gone"),
        pytest.param({"executions": (RAN, execution(claim(at(-90)))), "success_count": 9}, None, id="they go far back"),
        pytest.param(
            {"executions": (RAN, execution(claim(at(-20), member="a"))), "success_count": 9,
             "active": (seen(claim(at(-20), member="b")),)},
            "2026-03-01T11:57:07Z", id="an old one of a run that goes on",
        ),
    ],
)  # fmt: skip
def test_an_overview_says_from_when_on_all_runs_are_kept(known: dict[str, Any], since: str | None) -> None:
    found = overview(named("a", **known), named("b", executions=(LOST,), error_count=1)).as_json()
    assert found["last_hour"].get("kept_since") == since


def test_overview_does_not_depend_on_the_order_of_jobs() -> None:
    busy: dict[str, Any] = {"executions": (RAN, LOST), "active": (seen(claim(at(-1))),)}
    raws = [named(name, **busy) for name in ("a", "b", "c")]
    assert overview(*raws).as_json() == overview(*raws[::-1]).as_json()


def test_empty_overview_is_zero_and_time_adds_problems() -> None:
    empty = overview().as_json()
    assert (empty["jobs"], empty["lateness_seconds"], empty["attention"]["total"]) == (0, {"runs": 0}, 0)
    stood = health_of(named("soon", next=at(1)), now=NOON)
    assert [[each.kind for each in stood.troubled(at(minutes))] for minutes in (0.2, 3)] == [[], ["late", "stale"]]


def test_known_runs_are_not_read_again_and_deleted_ones_go() -> None:
    first = health_of(named("a", executions=(RAN, LOST)), now=NOON)
    newest = execution(claim(at(-1)))
    again = health_of(named("a", executions=(newest, RAN)), now=NOON, before=first)
    assert [run.group for run in again.recent] == [newest.group, RAN.group]
    assert again.recent[1] is first.recent[0]
    retried = (claim(at(-4), attempt=2, at=at(1)),)
    going_on = health_of(named("a", executions=(LOST,), active=retried), now=NOON)
    assert going_on.recent == ()


def test_short_run_report_equals_that_from_its_attempts() -> None:
    """Most runs have one attempt, and are read without making objects of it."""
    manual = wire(execution(claim(at(-9))), trigger="manual")
    attempts = (
        LOST, RAN, execution(claim(at(-5), at=at(-5.5))), execution(claim(at(-6), member="a")),
        execution(claim(at(-6), member="b"), success=False), execution(claim(at(-7)), success=False),
        execution(claim(at(-7), attempt=2, at=at(-6.8))), execution(claim(at(-8))),
    )  # fmt: skip
    changes: tuple[dict[str, Any], ...] = (
        {"finishedAt": None}, {"slot": "noon"}, {"attempt": 3, "slot": None}, {"success": "yes"}, {"trigger": None},
    )  # fmt: skip
    odd = [wire(RAN, group=number, **fields) for number, fields in enumerate(changes)]
    raw = named("a", active=(claim(at(-8), attempt=2, at=at(-1)),))
    raw["status"]["executions"] = [*map(wire, attempts), manual, *odd]
    whole = {run.group: run for run in runs_of(attempts_of(raw["status"]))}
    expected = {
        (group, run.started, run.trigger, run.result, run.tries, run.late and run.late.total_seconds())
        for group, run in whole.items()
        if run.started and run.finished
    }
    found = health_of(raw, now=NOON).recent
    assert len(found) == len({*found}) == len(whole) - 2
    assert {(*each[:5], each.late or None) for each in found} == {(*each[:5], each[5] or None) for each in expected}
    assert [run.late for run in found if run.group == LOST.group] == [0.0]


@pytest.mark.parametrize("schedule", ["0 * * * * *", "0 0 9 * * mon-fri", "@every 17m", "0 30 2 * * *"])
@settings(max_examples=examples(200), deadline=None)
@given(mark=MINUTES, success=st.none() | MINUTES, moment=MINUTES)
def test_staleness_does_not_depend_on_the_recorded_next_slot(
    schedule: str, mark: float, success: float | None, moment: float
) -> None:
    line = Timeline(parse(schedule, timezone="Europe/Madrid", name="a"), at(-9000), None, None)
    mark_of_slot = line.latest(None, at(mark))
    succeeded = None if success is None else at(success)
    fields = {"since": at(-9000), "last_schedule_time": mark_of_slot, "last_success": succeeded}
    spec = {"schedule": schedule, "timezone": "Europe/Madrid"}
    stale = [
        [each.since for each in health_of(raw, now=NOON).troubled(at(moment)) if each.kind == "stale"]
        for next_slot in (line.next(mark_of_slot), None)
        if (raw := named("a", spec=spec, next=next_slot, **fields))
    ]
    assert stale[0] == stale[1]


SLOW = execution(claim(at(-4), at=at(-4)), seconds=90)


@pytest.mark.parametrize(
    ("known", "concurrency", "stale"),
    [
        pytest.param({"last_success": at(-2.5), "executions": (SLOW,)}, "forbid", [], id="it takes longer than that"),
        pytest.param({"last_success": at(-9), "executions": (SLOW,)}, "forbid", ["stale"], id="it did not run"),
        pytest.param({"last_success": at(-9), "executions": (SLOW,), "active": (seen(claim(at(-2), at=at(-2))),)},
                     "forbid", [], id="it runs"),
        pytest.param({"last_success": at(-9), "executions": (SLOW,), "active": (seen(claim(at(-4), at=at(-4))),)},
                     "forbid", ["stale"], id="it hangs"),
        pytest.param({"active": (seen(claim(at(-9), at=at(-9))),)}, "forbid", [], id="its first run goes on"),
        pytest.param({"active": (seen(claim(at(-1), at=at(-1))),)}, "replace", ["stale"], id="it is replaced"),
    ],
)  # fmt: skip
def test_a_job_whose_runs_take_long_is_not_stale_meanwhile(
    known: dict[str, Any], concurrency: str, stale: list[str]
) -> None:
    fields = {"since": at(-60), "last_schedule_time": NOON, "next": at(1), **known}
    raw = named("a", spec={"schedule": "0 * * * * *", "concurrency": concurrency}, **fields)
    assert [each.kind for each in health_of(raw, now=NOON).troubled(at(0.5)) if each.kind == "stale"] == stale


def test_installation_adds_days_leader_and_pause() -> None:
    day = {"date": "2026-02-28", "success": 3, "failed": 1}
    cluster = {"spec": {"paused": True}, "status": {"days": [day, {"date": "nonsense"}], "departed": []}}
    living = (Day(date=NOON.date(), success=1, failed=0),)
    told = installation(cluster, living=living, leader="a", today=NOON.date())
    assert (told["leader"], told["paused"], len(told["days"])) == ("a", True, 30)
    assert [(each["date"], each["success_count"], each["failed_count"]) for each in told["days"][-2:]] == [
        ("2026-02-28", 3, 1), ("2026-03-01", 1, 0),
    ]  # fmt: skip
    own = installation(cluster, living=living, leader="", today=NOON.date(), sums=False)
    assert own["days"][-2]["success_count"] == 0
    lease = {"spec": {"holderIdentity": "a", "renewTime": "2026-03-01T11:59:58.000000Z", "leaseDurationSeconds": 5}}
    assert (holder_of(lease, NOON), holder_of(lease, at(1)), holder_of(None, NOON)) == ("a", "", "")


def took(seconds: float, *, success: bool = True) -> dict[str, Any]:
    return {
        "startedAt": rfc3339(NOON),
        "finishedAt": rfc3339(after(seconds)),
        "state": "Succeeded" if success else "Failed",
    }


@pytest.mark.parametrize(
    ("lengths", "since", "slow"),
    [
        pytest.param((15, 10, 10, 10), None, True, id="longer than usual"),
        pytest.param((14, 10, 10, 10), None, False, id="nearly as usual"),
        pytest.param((10, 99, 10, 10), None, False, id="the one before was longer"),
        pytest.param((99, 10), None, False, id="too few to know"),
        pytest.param((0.9, 0.1, 0.1, 0.1), None, False, id="less than a second"),
        pytest.param((10, 10, 10), 15, True, id="runs for longer than usual"),
        pytest.param((99, 10, 10, 10), 5, False, id="runs, and the one before was longer"),
        pytest.param((), None, False, id="never ran"),
    ],
)
def test_job_is_slow_by_its_newest_attempt(lengths: tuple[float, ...], since: float | None, slow: bool) -> None:
    active = [] if since is None else [{"startedAt": rfc3339(after(-since))}, {"startedAt": None}]
    assert is_slow({"executions": [took(each) for each in lengths], "active": active}, NOON) is slow


def test_failed_attempt_that_took_long_is_slow() -> None:
    assert is_slow({"executions": [took(20, success=False), *(took(10) for _ in range(3))]}, NOON)
