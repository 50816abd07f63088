"""Storing a backup: parents first although several are stored at once, each job reported, and history for new ones."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dkron_api.jobs.restore import WIDTH, circle_outside, restore
from dkron_api.jobs.writer import FREELY, JobWriter, Terms
from dkron_api.refusal import ApiError
from dkron_api.translate.record import Job
from dkron_api.translate.restoring import order, read_dump
from dkron_from_dkron.body import JobBody
from dkron_kube.errors import Cause, KubeError, Rejected, Unavailable
from tests.support.builders import wire_job

History = dict[str, Any]
Permit = Callable[[Job | None, dict[str, Any]], Awaitable[None]]


class Stored:
    """Writes that remember what they were asked for, and take a turn of the loop for each. Names of `bad` fail so."""

    def __init__(
        self, bad: Mapping[str, ApiError | KubeError] | None = None, *, there: frozenset[str] = frozenset()
    ) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.most = 0
        self.terms: set[Terms] = set()
        self.histories: dict[str, History] = {}
        self._bad = bad or {}
        self._there = there
        self._now = 0

    async def upsert(self, body: JobBody, terms: Terms, *, permit: Permit) -> tuple[Job, bool]:
        await permit(None, {})
        self.begun.append(body.name)
        self.terms.add(terms)
        self._now += 1
        self.most = max(self.most, self._now)
        # The shorter the name, the longer it takes.
        for _ in range(5 - min(len(body.name), 4)):
            await asyncio.sleep(0)
        self._now -= 1
        if body.name in self._bad:
            raise self._bad[body.name]
        self.done.append(body.name)
        return Job(wire_job(name=body.name)), body.name not in self._there

    async def write_status(self, job: Job, status: History) -> Job:
        self.histories[job.name] = status
        return job


def job(name: str, parent: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "schedule": "@daily", "parent_job": parent, **more}


async def anybody(_: JobBody, __: Job | None) -> None:
    """Let every caller save every job."""


async def restored(
    writes: Stored, *jobs: dict[str, Any], terms: Terms = FREELY, stopping: asyncio.Event | None = None
) -> list[str]:
    dump = read_dump(json.dumps(jobs).encode())
    return await restore(
        dump,
        order(dump),
        cast("JobWriter", writes),
        terms,
        permit=anybody,
        stopping=stopping if stopping is not None else asyncio.Event(),
    )


async def test_many_are_stored_at_once_but_not_all() -> None:
    writes = Stored()
    await restored(writes, *(job(f"j{number}") for number in range(100)))
    assert writes.most == WIDTH


async def test_request_terms_apply_to_every_write() -> None:
    writes = Stored()
    await restored(writes, job("a"), job("b"), terms=Terms(force=True))
    assert writes.terms == {Terms(force=True)}


FAILURES: tuple[Any, ...] = (
    pytest.param(ApiError(409, 'the job "a" is being deleted'), 'the job "a" is being deleted', id="a refusal"),
    pytest.param(Unavailable("no answer"), "no answer", id="no answer"),
    pytest.param(
        Rejected("invalid", status=422, causes=(Cause("spec.displayName", "Too long"),)),
        "displayname: Too long",
        id="a field that is invalid",
    ),
)


@pytest.mark.parametrize(("error", "why"), FAILURES)
async def test_failed_job_is_reported_and_its_children_skipped(error: ApiError | KubeError, why: str) -> None:
    writes = Stored({"a": error})
    reports = await restored(writes, job("a"), job("b", "a"), job("c", "b"), job("d"))
    assert reports == [
        f"fail create a: {why}",
        'fail create b: its parent "a" could not be created',
        'fail create c: its parent "b" could not be created',
        "success create d",
    ]
    assert sorted(writes.begun) == ["a", "d"]


async def test_stop_skips_the_remaining_jobs_and_reports_them() -> None:
    stopping = asyncio.Event()
    stopping.set()
    writes = Stored()
    reports = await restored(writes, job("a"), job("b", "a"), stopping=stopping)
    assert reports == [f"fail create {name}: the server is stopping; send the backup again" for name in "ab"]
    assert writes.begun == []


async def test_an_unexpected_error_ends_the_restore() -> None:
    broken = cast("ApiError", RuntimeError("a fault of ours"))
    with pytest.raises(ExceptionGroup):
        await restored(Stored({"a": broken}), job("a"), job("b"))


NAMES = st.sampled_from([f"{letter * length}" for letter in "abcde" for length in (1, 2, 3, 4)])


@settings(deadline=None)
@given(st.dictionaries(NAMES, NAMES | st.just(""), min_size=1), st.sets(NAMES, max_size=3))
def test_no_job_starts_before_its_parent_is_done(parents: dict[str, str], bad: set[str]) -> None:
    ranked = sorted(parents)
    jobs = [job(name, parent if parent in parents and parent < name else "") for name, parent in parents.items()]
    writes = Stored({name: Unavailable("no answer") for name in bad})
    reports = asyncio.run(restored(writes, *jobs))
    assert sorted(report.split()[2].rstrip(":") for report in reports) == ranked
    for each in jobs:
        if each["parent_job"] and each["name"] in writes.begun:
            assert each["parent_job"] in writes.done
            assert writes.begun.index(each["parent_job"]) < writes.begun.index(each["name"])
    assert {report.split()[2] for report in reports if report.startswith("success")} == set(writes.done)


RAN: dict[str, Any] = {
    "success_count": 3,
    "error_count": 1,
    "last_success": "2026-01-02T03:04:05.6Z",
    "status": "success",
}


async def test_only_new_jobs_get_the_history_of_the_backup() -> None:
    writes = Stored(there=frozenset({"there"}))
    await restored(writes, job("new", **RAN), job("there", **RAN), job("never-ran"))
    assert writes.histories.keys() == {"new"}
    history = writes.histories["new"]
    assert (history["successCount"], history["errorCount"], history["status"]) == (3, 1, "success")
    assert history["lastSuccess"] == "2026-01-02T03:04:05.6Z"


async def test_restored_job_counts_its_slots_from_its_creation() -> None:
    writes = Stored()
    await restored(writes, job("every", schedule="@every 10s", **RAN))
    history = writes.histories["every"]
    assert history["fingerprint"], "an edit is what is not as it was"
    assert "." not in history["since"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"error_count": 2, "status": "failed", "problem": "…"}, {"errorCount": 2}, id="broken"),
        pytest.param({"last_error": "0001-01-01T00:00:00Z", "status": "failed"}, {"status": "failed"}, id="no time"),
    ],
)
async def test_invalid_history_is_omitted(fields: dict[str, Any], expected: History) -> None:
    writes = Stored()
    assert await restored(writes, job("a", **fields)) == ["success create a"]
    stored = {
        key: value for key, value in writes.histories["a"].items() if value and key not in ("since", "fingerprint")
    }
    assert stored == expected


@pytest.mark.parametrize(
    ("jobs", "there", "words"),
    [
        pytest.param([job("a", "b")], {"b": ""}, (), id="a parent that is there"),
        pytest.param([job("a", "b"), job("c")], {"b": "c", "c": "a"}, (), id="a circle that the file opens"),
        pytest.param([job("a", "b")], {}, ('"b"', "neither"), id="a parent that is nowhere"),
        pytest.param([job("a", "b")], {"b": "a"}, ('"b"', "itself"), id="a circle through the cluster"),
        pytest.param([job("a", "b")], {"b": "c", "c": "d", "d": "c"}, (), id="a circle of others, further up"),
    ],
)
def test_the_parents_outside_of_the_file(
    jobs: list[dict[str, Any]], there: dict[str, str], words: tuple[str, ...]
) -> None:
    dump = read_dump(json.dumps(jobs).encode())
    parents = {name: (above,) if above else () for name, above in there.items()}
    if not words:
        circle_outside(dump, parents.get)
        return
    with pytest.raises(ApiError) as refused:
        circle_outside(dump, parents.get)
    assert refused.value.status == 400
    assert [word for word in words if word not in refused.value.reason] == []
