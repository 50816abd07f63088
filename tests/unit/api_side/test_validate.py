"""Whether a job is taken (Dkron behaviour §2.2): what is refused, in which words, and which rule comes first."""

import re
from contextlib import nullcontext
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_from_dkron.body import JobBody
from dkron_from_dkron.validate import Invalid, check

GOOD = JobBody(name="job", schedule="@every 1m", executor="shell", executor_config={"command": "date"})


def shell(**config: str) -> dict[str, Any]:
    return {"executor": "shell", "executor_config": {"command": "date", **config}}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"name": "ñandú-джоб_ßæł-0"}, "", id="lower-case letters of any script"),
        pytest.param({"name": "a" * 8192}, "", id="the longest name"),
        pytest.param({"executor": "", "executor_config": None}, "", id="no executor"),
        pytest.param({"executor": "nosuch", "executor_config": {"timeout": "x", "mem_limit": "x"}}, "", id="unknown"),
        pytest.param({"expires_at": "2020-01-01T00:00:00Z"}, "", id="a job that has expired"),
        pytest.param(
            {"starts_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00.5Z"}, "", id="half a second"
        ),
        pytest.param({"owner_email": "none", "tags": {"a b": "x:y:z"}, "processors": {"?": {}}}, "", id="free texts"),
        pytest.param({"success_count": -1, "status": "?"}, "", id="what clients do not decide"),
        pytest.param({"name": ""}, "name: the job name is empty", id="no name"),
        pytest.param({"name": "a" * 8193}, "it has 8193 characters; at most 8192", id="a name too long to be kept"),
        pytest.param({"name": "A" * 1_000_000}, "it has 1000000 characters", id="a name that takes long to look at"),
        pytest.param({"parent_job": "job"}, '"job" cannot be its own parent', id="its own parent"),
        pytest.param({"schedule": ""}, "schedule: empty", id="no schedule"),
        pytest.param({"schedule": "0 0 25 * * *"}, "schedule: hour: ", id="the field of the schedule is named"),
        pytest.param({"schedule": "x", "parent_job": "other"}, "schedule: ", id="a bad schedule of a child"),
        pytest.param({"schedule": "TZ=Nowhere 0 0 0 * * *"}, 'schedule: timezone: "Nowhere"', id="a bad zone inside"),
        pytest.param(
            {"concurrency": "badvalue"}, 'concurrency: "badvalue" is not known; use allow, forbid', id="concurrency"
        ),
        pytest.param({"concurrency": "queue"}, "with forbid and a queue, such as", id="the word of a DkronJob"),
        pytest.param({"concurrency": "forbid", "queue": {"max": 3}}, "", id="a queue"),
        pytest.param({"queue": {}}, "", id="no queue, by null"),
        pytest.param({"queue": {"max": 3}}, 'queue: only with concurrency "forbid"', id="a queue where none waits"),
        pytest.param({"schedule": "", "parent_job": "other", "timezone": "x"}, "timezone: ", id="the zone of a child"),
        pytest.param(shell(timeout="foreverandever"), 'timeout "foreverandever" is not a duration', id="a bad timeout"),
        pytest.param(shell(timeout="1" * 1_000_000 + "s"), "timeout", id="a timeout of a million digits"),
        pytest.param(shell(timeout="1s" * 500_000), "timeout", id="a timeout that takes long to read"),
        pytest.param(shell(mem_limit="1,5GB"), 'mem_limit "1,5GB" is not a size', id="a bad memory limit"),
        pytest.param({"executor": "", "executor_config": {"timeout": "x"}}, "timeout", id="no executor is the shell"),
        pytest.param({"retries": 2**32}, "retries: 4294967296 is too many; use a whole number from 0 to", id="retries"),
        pytest.param(
            {"tags": dict.fromkeys(map(str, range(1001)), "x")},
            "it has 1001 entries; no field may have more than 1000",
            id="tags",
        ),
        pytest.param(
            {"starts_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"},
            "expires_at: 2026-01-01T00:00:00Z must be after starts_at, 2026-01-02T00:00:00Z",
            id="the end before the start",
        ),
        pytest.param(
            {"starts_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"},
            "must be after",
            id="end and start",
        ),
        pytest.param(
            {"starts_at": "2026-01-01T00:00:00.000000001Z", "expires_at": "2026-01-01T00:00:00.000000002Z"},
            "must be after",
            id="less than is kept",
        ),
    ],
)
def test_job_is_taken_or_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Invalid, match=re.escape(sentence)) if sentence else nullcontext() as refused:
        check(replace(GOOD, **changes))
    if refused:
        assert "\n" not in refused.value.reason
        assert str(refused.value) == refused.value.reason


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"name": "X"}, "name: "),
    ({"parent_job": "job"}, "parent_job: "),
    ({"schedule": "x"}, "schedule: "),
    ({"concurrency": "x"}, "concurrency: "),
    ({"timezone": "x"}, "timezone: "),
    ({"executor_config": {"timeout": "x", "mem_limit": "x"}}, "executor_config: timeout "),
    ({"retries": 2**32}, "retries: "),
    ({"starts_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}, "expires_at: "),
]


@pytest.mark.parametrize(("first", "second"), list(combinations(FAULTS, 2)), ids=lambda fault: fault[1].split(":")[0])
def test_first_of_two_faults_is_the_one_dkron_checks_first(
    first: tuple[dict[str, Any], str], second: tuple[dict[str, Any], str]
) -> None:
    with pytest.raises(Invalid, match=f"^{first[1]}"):
        check(replace(GOOD, **second[0], **first[0]))


words = st.text(max_size=30)


@given(st.tuples(*[words] * 7))
def test_no_text_breaks_the_check(texts: tuple[str, ...]) -> None:
    name, parent, schedule, concurrency, timezone, timeout, limit = texts
    for body in (
        JobBody(name=name, schedule="@daily"),
        replace(GOOD, parent_job=parent),
        replace(GOOD, schedule=schedule),
        replace(GOOD, concurrency=concurrency),
        replace(GOOD, timezone=timezone),
        replace(GOOD, executor_config={"timeout": timeout, "mem_limit": limit}),
    ):
        try:
            check(body)
        except Invalid as exc:
            assert len(exc.reason) < 400  # noqa: PT017 - either outcome is right
