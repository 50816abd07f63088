"""A job from the custom resource to Dkron's JSON and back (Dkron behaviour §2.1, §2.5)."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.translate.forecast import next_slots
from dkron_api.translate.job import echo, read_body, shown
from dkron_api.translate.record import Job
from dkron_crds.names import object_name
from dkron_from_dkron.body import JobBody
from dkron_from_dkron.spec import changed, spec_of
from tests.support.builders import NOON, after, wire_job

Object = dict[str, Any]
APRIL = "2026-04-01T00:00:00Z"


def job(*, status: Object | None = None, created: datetime = NOON, generation: int = 1, **spec: Any) -> Job:
    return Job(wire_job(name="nightly", created=created, generation=generation, **spec) | {"status": status or {}})


def next_of(found: Job) -> datetime | None:
    return next_slots(found, spec=found.spec, status=found.status, now=NOON)


def json_of(found: Job, *children: str, now: datetime = NOON) -> Object:
    return shown(found, children=children, now=now)


NOT_READY = {"type": "Ready", "status": "False", "reason": "UnknownExecutor", "message": "no perl"}
WHY = "the job cannot run: no perl"


@pytest.mark.parametrize(
    ("condition", "status", "problem"),
    [
        pytest.param(NOT_READY, "failed", WHY, id="it cannot run"),
        pytest.param({**NOT_READY, "status": "True"}, "success", None, id="it is ready"),
        pytest.param({**NOT_READY, "observedGeneration": 0}, "success", None, id="an earlier spec could not"),
        pytest.param({**NOT_READY, "type": "Degraded"}, "success", None, id="another condition is false"),
        pytest.param({**NOT_READY, "reason": "ParentNotFound"}, "success", WHY, id="no parent"),
    ],
)
def test_job_shows_why_it_cannot_run_and_how_its_last_run_ended(
    condition: Object, status: str, problem: str | None
) -> None:
    found = json_of(job(status={"status": "success", "conditions": [condition]}))
    assert (found["status"], found.get("problem")) == (status, problem)
    assert list(found)[-1] == ("expires_at" if problem is None else "problem"), "behind the fields of Dkron"


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        pytest.param({"schedule": "@daily"}, {}, "2026-03-02T00:00:00Z", id="worked out before anybody looked at it"),
        pytest.param({"schedule": "@daily"}, {"observedGeneration": 1, "next": APRIL}, APRIL, id="the operator's"),
        pytest.param({"schedule": "@daily"}, {"observedGeneration": 1}, None, id="never, as the operator says"),
        pytest.param(
            {"schedule": "@daily"},
            {"observedGeneration": 0, "next": APRIL},
            "2026-03-02T00:00:00Z",
            id="of another spec",
        ),
    ],
)
def test_next(spec: Object, status: Object, expected: str | None) -> None:
    found = next_of(job(status=status, created=after(minutes=-30), **spec))
    assert found == (None if expected is None else datetime.fromisoformat(expected))


def test_new_spec_has_sent_fields_and_no_schema_defaults() -> None:
    sent = b'{"name":"a","schedule":"@daily","executor":"perl","retries":2,"tags":{},"concurrency":"","starts_at":null}'
    assert spec_of(read_body(sent)) == {"schedule": "@daily", "executor": "perl", "retries": 2, "concurrency": ""}


def test_name_that_kubernetes_cannot_hold_is_kept_in_the_spec() -> None:
    assert spec_of(JobBody(name="ñandú_1"))["name"] == "ñandú_1"
    assert "name" not in spec_of(JobBody(name="plain"))
    assert object_name("ñandú_1") != "ñandú_1"


def test_replaced_spec_keeps_fields_unknown_to_dkron() -> None:
    stored = {
        "name": "a_b", "schedule": "@daily", "owner": "me", "tags": {"x": "y"}, "missedRuns": "skip",
        "history": {"executions": 5}, "jobTemplate": {"spec": {}}, "executor": "kubernetes",
    }  # fmt: skip
    wanted = spec_of(JobBody(name="a_b", schedule="@hourly", executor="kubernetes"), stored)
    assert wanted == {
        "name": "a_b", "schedule": "@hourly", "concurrency": "allow", "missedRuns": "skip",
        "history": {"executions": 5}, "jobTemplate": {"spec": {}}, "executor": "kubernetes",
    }  # fmt: skip
    assert changed(stored, wanted) == {"schedule", "owner", "tags"}


def test_schema_defaults_are_no_change() -> None:
    stored = {"schedule": "@daily", "disabled": False, "concurrency": "allow", "executor": "shell", "retries": 0}
    stored |= {"executorConfig": {"command": "date"}, "unchecked": False}
    body = JobBody(name="a", schedule="@daily", executor_config={"command": "date"})
    assert changed(stored, spec_of(body, stored)) == set()


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
maps = st.dictionaries(texts.filter(bool), texts, max_size=4)


@given(
    st.fixed_dictionaries(
        {"concurrency": st.sampled_from(["", "allow", "forbid", "replace"])},
        optional={
            **dict.fromkeys(("displayname", "owner", "owner_email"), texts),
            **dict.fromkeys(("tags", "metadata", "executor_config"), maps),
            **dict.fromkeys(("disabled", "ephemeral"), st.booleans()),
            "schedule": st.sampled_from(["@daily", "0 0 9 * * *"]),
            "timezone": st.sampled_from(["", "Europe/Madrid"]),
            "retries": st.integers(0, 9),
            "executor": st.sampled_from(["shell", "http"]),
            "processors": st.dictionaries(texts.filter(bool), maps, max_size=2),
            "parent_job": st.sampled_from(["", "p"]),
            "starts_at": st.sampled_from([None, "2026-01-01T00:00:00Z"]),
            "expires_at": st.sampled_from([None, "2027-01-01T10:00:00Z"]),
        },
    )
)
def test_sent_job_reads_back_and_can_be_sent_again(fields: Object) -> None:
    body = read_body(json.dumps({"name": "nightly", **fields}).encode())
    first = spec_of(body)
    found = json_of(Job(wire_job(name="nightly") | {"spec": first, "status": {}}))
    assert {key: found[key] or None for key in fields} == {key: sent or None for key, sent in fields.items()}
    assert found["concurrency"] == fields["concurrency"]
    again = read_body(json.dumps(found).encode())
    assert changed(first, spec_of(again, first)) == set()


QUEUE: Object = {"max": 3, "expires": "1h", "order": "newest"}
DEFAULT: Object = {"max": 10, "expires": None, "order": "oldest"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"concurrency": "queue", "queue": QUEUE}, ("forbid", QUEUE), id="a queue"),
        pytest.param({"concurrency": "queue"}, ("forbid", DEFAULT), id="the default queue"),
        pytest.param({"concurrency": "forbid", "queue": QUEUE}, ("forbid", None), id="a queue without effect"),
        pytest.param({"concurrency": "replace"}, ("replace", None), id="another word"),
    ],
)
def test_queue_reads_as_forbid_with_a_field_beside_it(spec: Object, expected: tuple[str, Object | None]) -> None:
    found = json_of(job(**spec))
    assert (found["concurrency"], found.get("queue")) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"concurrency": "allow", "queue": QUEUE}, {"pool_queue": QUEUE}, id="allow"),
        pytest.param({"concurrency": "forbid"}, {"pool_queue": DEFAULT}, id="forbid, by default"),
        pytest.param({"concurrency": "queue", "queue": QUEUE}, {"queue": QUEUE}, id="queue"),
    ],
)
def test_queue_of_a_job_with_pools_is_shown_and_kept(spec: Object, expected: Object) -> None:
    stored = {"schedule": "@daily", "executorConfig": {"command": "true"}, "pools": ["database"], **spec}
    found = json_of(job(**stored))
    assert {key: value for key, value in found.items() if key.endswith("queue")} == expected
    assert changed(stored, spec_of(read_body(json.dumps(found).encode()), stored)) == set()


@dataclass(frozen=True)
class Answered:
    """A body over a stored job, and the queue in the answer."""

    sent: Object
    stored: Object
    queue: Object


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Answered({}, {"concurrency": "queue", "queue": QUEUE}, {"queue": QUEUE}), id="it was kept"),
        pytest.param(
            Answered({"queue": {"max": 3}}, {"concurrency": "queue"}, {"queue": {"max": 3}}), id="it was sent"
        ),
        pytest.param(Answered({"queue": None}, {"concurrency": "forbid"}, {"queue": None}), id="it was taken out"),
        pytest.param(Answered({}, {"concurrency": "forbid"}, {}), id="there was none"),
    ],
)
def test_answer_to_an_upsert_has_the_queue_that_is_stored(case: Answered) -> None:
    body = read_body(json.dumps({"name": "a", "concurrency": "forbid", **case.sent}).encode())
    answer = echo(body, job(**case.stored))
    assert {key: value for key, value in answer.items() if key.endswith("queue")} == case.queue


@dataclass(frozen=True)
class Sent:
    """Fields that a client sends for a job that is stored, and what becomes of its concurrency and its queue."""

    sent: Object
    concurrency: str
    queue: Object | None
    stored: Object = field(default_factory=lambda: {"concurrency": "queue", "queue": QUEUE})


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Sent({"concurrency": "forbid", "queue": QUEUE}, "queue", QUEUE), id="what was read"),
        pytest.param(Sent({"concurrency": "forbid"}, "queue", QUEUE), id="by a client that knows no queue"),
        pytest.param(Sent({"concurrency": "forbid", "queue": {"max": 5}}, "queue", {"max": 5}), id="another queue"),
        pytest.param(Sent({"concurrency": "forbid", "queue": {}}, "queue", {"max": 10}), id="the default one"),
        pytest.param(Sent({"concurrency": "forbid", "queue": None}, "forbid", None), id="null"),
        pytest.param(Sent({"concurrency": "allow"}, "allow", None), id="allow"),
        pytest.param(Sent({}, "allow", None), id="no concurrency"),
        pytest.param(Sent({"concurrency": "forbid"}, "forbid", QUEUE, {"concurrency": "forbid", "queue": QUEUE}),
                     id="a queue without effect stays"),
        pytest.param(Sent({"concurrency": "forbid", "queue": QUEUE}, "queue", QUEUE, {}), id="a new job"),
    ],
)  # fmt: skip
def test_queue_is_kept_unless_the_client_takes_it_out(case: Sent) -> None:
    wanted = spec_of(read_body(json.dumps({"name": "a", **case.sent}).encode()), case.stored)
    assert (wanted["concurrency"], wanted.get("queue")) == (case.concurrency, case.queue)


@pytest.mark.parametrize("stored", [QUEUE, {"max": 5}, {"max": 5, "order": "oldest"}, DEFAULT])
def test_queue_that_was_read_and_sent_again_is_no_change(stored: Object) -> None:
    spec: Object = {"schedule": "@daily", "executorConfig": {"command": "true"}}
    spec |= {"concurrency": "queue", "queue": stored}
    again = read_body(json.dumps(json_of(job(**spec))).encode())
    wanted = spec_of(again, spec)
    assert (changed(spec, wanted), wanted["queue"]) == (set(), stored), "the API server sees the same generation"


SEVERAL = [{"job": "load", "when": "always"}, {"job": "clean"}]


def test_of_several_parents_the_first_is_shown() -> None:
    found = job(schedule="", dependsOn=SEVERAL)
    assert json_of(found)["parent_job"] == "load"
    assert found.parents == ("load", "clean")
    assert next_of(found) is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param("load", {"dependsOn": SEVERAL}, id="what was shown comes back and changes nothing"),
        pytest.param("other", {"parentJob": "other"}, id="another parent takes the place of all"),
        pytest.param("", {}, id="none, too"),
    ],
)
def test_client_with_one_parent_keeps_further_parents(sent: str, expected: Object) -> None:
    stored = {"dependsOn": SEVERAL}
    wanted = spec_of(JobBody(name="a", schedule="@daily", parent_job=sent), stored)
    assert {key: value for key, value in wanted.items() if key in ("dependsOn", "parentJob")} == expected
    assert stored == {"dependsOn": SEVERAL}, "what is stored is not touched"
