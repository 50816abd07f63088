"""Lists of executions from the status and the archive: each execution once, wherever its record is."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from dkron_api.auth.caller import ANYBODY, Caller, Need, owner
from dkron_api.auth.guard import Guard
from dkron_api.edge.gate import SEARCHES, SEARCHES_OF_ONE
from dkron_api.edge.keys import GATE
from dkron_api.refusal import ApiError
from dkron_api.routes import charts, execution_lists, execution_pages, executions
from dkron_api.translate.found import state_of
from dkron_archive.records import SkippedSlots
from dkron_crds.base import rfc3339
from dkron_crds.job import Attempt, AttemptState, JobStatus
from tests.support.api_app import Api, running_api
from tests.support.api_callers import VALID, OneCaller
from tests.support.builders import NAMESPACE, NOON, UID, after, claim, seen, wire_job
from tests.support.fake_archive import AWAY, KEY, FakeArchive, archived

ROUTES = (executions.ROUTES, execution_lists.ROUTES)
OTHER = type(KEY)(KEY.namespace, "other", "uid-of-other")
GONE = type(KEY)(KEY.namespace, "gone", "uid-of-gone")
RUNNING = seen(claim(NOON - timedelta(seconds=5)))
ALL, OF_JOB = "/v1/executions", "/v1/jobs/backup/executions"


def live(number: int, *, output: str = "", truncated: bool = False, **fields: Any) -> Attempt:
    """The execution of the status that `archived` has under this number."""
    found = archived(number, **fields)
    return Attempt.model_validate({
        "id": found.id, "job": found.attempt_job, "slot": found.slot, "trigger": found.trigger, "group": found.group,
        "attempt": found.attempt, "startedAt": found.started_at, "finishedAt": found.finished_at,
        "state": state_of(found), "output": output, "outputTruncated": truncated,
    })  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A question, and the numbers of the executions in the answer; 0 is the one that runs."""

    query: str
    expected: list[int]
    path: str = ALL
    archive: bool = True
    headers: dict[str, str | None] = field(default_factory=dict)


@pytest.fixture
def archive() -> FakeArchive:
    """Executions 1 to 6 of one job, -1 and -2 of another one, -9 of a deleted one."""
    found = FakeArchive(*(archived(number, success=number != 3) for number in range(-8, -2)))
    found.put(archived(-20, job=OTHER, trigger="manual"), archived(-21, job=OTHER), archived(-30, job=GONE))
    return found


def know(api: Api) -> None:
    """The status shows executions -5 to -1; the archive has up to -3 of them."""
    runs = tuple(live(number) for number in range(-1, -6, -1))
    status = JobStatus(executions=runs, active=(RUNNING,))
    api.know_jobs(wire_job(status=status), wire_job(name="other", uid=OTHER.uid, owner="Data"))


@pytest.fixture
async def api(archive: FakeArchive) -> AsyncIterator[Api]:
    async with running_api(*ROUTES, archive=archive) as running:
        know(running)
        yield running


def numbers(answer: list[dict[str, Any]]) -> list[int]:
    """The numbers of the executions in an answer; 0 is the one that runs."""
    return [0 if each["id"] == RUNNING.id else -int(each["id"].rpartition("-")[2]) for each in answer]


EVERY = [0, -1, -2, -3, -4, -5, -6, -7, -8]
OF_ALL = [*EVERY, -20, -21, -30]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case("", OF_ALL, headers={"X-Total-Count": "12", "X-Next-After": None}), id="all jobs"),
        pytest.param(Case("", EVERY, path=OF_JOB, headers={"X-Total-Count": "9"}), id="one job"),
        pytest.param(Case("job=other&job=gone", [-20, -21, -30]), id="named jobs, one of which is gone"),
        pytest.param(Case("state=running", [0], headers={"X-Total-Count": "1"}), id="those that run"),
        pytest.param(Case("state=failed", []), id="those that failed"),
        pytest.param(Case("owner=Data", [-20, -21], headers={"X-Total-Count": "2"}), id="by owner"),
        pytest.param(Case("owner=Data&job=backup&job=other", [-20, -21]), id="by owner and job"),
        pytest.param(Case("owner=data", [], headers={"X-Total-Count": "0"}), id="an owner that no job has"),
        pytest.param(Case("cause=manual", [-20], headers={"X-Total-Count": None}), id="by cause"),
        pytest.param(Case("cause=manual,backfill&cause=dependent", [-20]), id="by causes"),
        pytest.param(Case("to=2026-03-01T11:55:00Z&from=2026-03-01T11:54:00Z", [-6]), id="by end"),
        pytest.param(Case("from=2026-03-01T11:59:00Z", [0, -1]), id="since a time, with what runs"),
        pytest.param(Case("at=2026-03-01T11:57:59.5Z", [-2]), id="what ran at a moment"),
        pytest.param(Case("at=2026-03-01T11:59:58Z", [0]), id="what runs since then"),
        pytest.param(Case("q=needle", []), id="a text that no output has"),
        pytest.param(Case("_order=asc", EVERY[::-1], path=OF_JOB), id="the oldest first"),
        pytest.param(Case("_start=1&_end=3", [-1, -2], path=OF_JOB, headers={"X-Total-Count": "9"}), id="a slice"),
        pytest.param(Case("_start=8", [-8], path=OF_JOB, headers={"X-Next-After": None}), id="the last slice"),
        pytest.param(Case("_start=3&_end=2", [], path=OF_JOB), id="an empty slice"),
        pytest.param(
            Case("", [0, -1, -2, -3, -4, -5], archive=False, headers={"X-Total-Count": None}), id="no archive"
        ),
        pytest.param(Case("from=2026-03-01T11:59:00Z", [0, -1], path=OF_JOB, archive=False), id="one job, no archive"),
    ],
)
async def test_list_shows(archive: FakeArchive, case: Case) -> None:
    async with running_api(*ROUTES, archive=archive if case.archive else None) as api:
        know(api)
        answer = await api.client.get(f"{case.path}?{case.query}")
        assert (answer.status, numbers(await answer.json())) == (200, case.expected)
        assert {name: answer.headers.get(name) for name in case.headers} == case.headers


AGO = NOON - timedelta(minutes=1)
WAITING = claim(NOON, at=AGO).model_copy(update={"state": AttemptState.WAITING, "queued_at": AGO})


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        pytest.param(ALL, "", [RUNNING.id, WAITING.id], id="all jobs"),
        pytest.param(OF_JOB, "limit=9", [WAITING.id, RUNNING.id], id="one job"),
        pytest.param(ALL, "state=waiting", [WAITING.id], id="those that wait"),
        pytest.param(ALL, "state=running", [RUNNING.id], id="those that run"),
        pytest.param(ALL, "at=now", [RUNNING.id], id="those that ran at a moment"),
    ],
)
async def test_list_tells_what_waits_from_what_runs(path: str, query: str, expected: list[str]) -> None:
    async with running_api(*ROUTES, archive=FakeArchive()) as api:
        api.know_jobs(wire_job(status=JobStatus(active=(RUNNING, WAITING))))
        answer = await (await api.client.get(f"{path}?{query}")).json()
        assert [each["id"] for each in answer] == expected
        waits = [(each["started_at"][:4], each["queued_for"], each["place"]) for each in answer if "place" in each]
        assert waits == ([("0001", 60.0, 1)] if WAITING.id in expected else [])


@pytest.mark.parametrize("path", [ALL, OF_JOB])
async def test_run_that_has_left_the_line_waits_for_its_job(path: str) -> None:
    leaves = WAITING.model_copy(update={"started_at": NOON})
    async with running_api(*ROUTES, archive=FakeArchive()) as api:
        api.know_jobs(wire_job(status=JobStatus(active=(leaves,))))
        (found,) = await (await api.client.get(f"{path}?state=waiting")).json()
        assert (found["id"], found["started_at"][:4], found["queued_for"]) == (leaves.id, "0001", 60.0)


async def test_archived_execution_says_how_long_it_waited() -> None:
    record = archived(-9, queued_at=NOON - timedelta(minutes=19))
    async with running_api(*ROUTES, archive=FakeArchive(record)) as api:
        know(api)
        *_, found = await (await api.client.get(ALL)).json()
        wait = (record.started_at - (NOON - timedelta(minutes=19))).total_seconds()
        assert (found["queued_at"], found["queued_for"]) == ("2026-03-01T11:41:00Z", wait)


async def test_total_has_all_that_run_however_short_the_page() -> None:
    runs = tuple(seen(claim(NOON - timedelta(seconds=number))) for number in range(1, 9))
    async with running_api(*ROUTES, archive=FakeArchive()) as api:
        api.know_jobs(wire_job(status=JobStatus(active=runs)))
        for path in (ALL, OF_JOB):
            answer = await api.client.get(f"{path}?state=running&limit=2")
            assert (len(await answer.json()), answer.headers.get("X-Total-Count")) == (2, "8"), path


@pytest.mark.parametrize("with_archive", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("path", [ALL, OF_JOB, f"{OF_JOB}?_order=asc"])
async def test_pages_have_each_execution_once(
    archive: FakeArchive, path: str, limit: int, *, with_archive: bool
) -> None:
    async with running_api(*ROUTES, archive=archive if with_archive else None) as api:
        know(api)
        whole = numbers(await (await api.client.get(f"{path}{'&' if '?' in path else '?'}limit=1000")).json())
        found: list[int] = []
        token: str | None = ""
        while token is not None:
            query = {"limit": str(limit)} | ({"after": token} if token else {})
            answer = await api.client.get(path, params=query | ({"_order": "asc"} if "asc" in path else {}))
            found += numbers(await answer.json())
            token = answer.headers.get("X-Next-After")
        assert found == whole


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param(f"{ALL}?limit=0", 'limit: "0" is not allowed; use a whole number from 1 to 1000', id="limit"),
        pytest.param(f"{ALL}?state=ended", 'state: "ended" is not known; use success, failed, running', id="state"),
        pytest.param(f"{ALL}?state=", 'state: "" is not known; use success, failed, running', id="an empty state"),
        pytest.param(f"{ALL}?cause=", 'cause: "" is not known; use schedule, manual, ', id="an empty cause"),
        pytest.param(f"{ALL}?limit=", 'limit: "" is not allowed; use a whole', id="an empty limit"),
        pytest.param(f"{ALL}?cause=retry", 'cause: "retry" is not known; use schedule, manual, ', id="cause"),
        pytest.param(f"{ALL}?after=abc", 'after: "abc" is no place in a list; use X-Next-After', id="token"),
        pytest.param(f"{ALL}?after=cjE", 'after: "cjE" is no place in a list; use X-Next-After', id="half a token"),
        pytest.param(f"{ALL}?from=now&to=2h", "from is later than to; swap them", id="period"),
        pytest.param(f"{ALL}?at=noon", 'at: "noon" is not a time; use RFC 3339 with a zone', id="moment"),
        pytest.param(f"{ALL}?q={'x' * 201}", "q: 201 characters are too many; use at most 200", id="text"),
        pytest.param(f"{ALL}?{'&'.join(f'job={n}' for n in range(101))}", "job: 101 names are too many;", id="jobs"),
        pytest.param(f"{OF_JOB}?_end=10001", "_end: 10001 is not allowed; use at most 10000, or from=", id="depth"),
        pytest.param(f"{OF_JOB}?_start=1&after=x", 'after: "x" is no place', id="position and token"),
    ],
)
async def test_impossible_query_is_refused(api: Api, path: str, sentence: str) -> None:
    answer = await api.client.get(path)
    assert (answer.status, (await answer.text())[: len(sentence)]) == (400, sentence)


async def test_archive_that_is_away_leaves_the_status(api: Api, archive: FakeArchive) -> None:
    first = await api.client.get(f"{ALL}?limit=2")
    archive.trouble = AWAY
    for path, count in ((ALL, None), (OF_JOB, "6")):
        answer = await api.client.get(path)
        assert (answer.status, numbers(await answer.json())) == (200, [0, -1, -2, -3, -4, -5])
        assert answer.headers.get("X-Total-Count") == count
        assert f"{AWAY} The answer has only what the jobs still show." in answer.headers["Warning"]
    later = await api.client.get(f"{ALL}?after={first.headers['X-Next-After']}")
    assert (later.status, later.headers["Retry-After"]) == (503, "5"), "it would look like the last page"


async def test_outputs_that_fail_later_are_one_line(
    api: Api, archive: FakeArchive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """503 before the first part is sent; there is nothing to find in a traceback."""
    archive.entries.clear()
    archive.put(archived(-7), archived(-8), output="x" * 3000)
    monkeypatch.setattr(execution_pages, "TOGETHER", 1)
    read = archive.outputs

    async def first(*keys: Any, size: int) -> Any:
        found = await read(*keys, size=size)
        archive.trouble = AWAY
        return found

    monkeypatch.setattr(archive, "outputs", first)
    answer = await api.client.get(f"{ALL}?output_size_limit=5000")
    assert (answer.status, await answer.text(), answer.headers.get("Retry-After")) == (503, AWAY, "5")
    lines = [each for each in caplog.records if "ends without all outputs" in each.getMessage()]
    assert [(each.levelname, each.exc_info) for each in lines] == [("WARNING", None)]
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(ALL, ["x" * 1024, True], id="a list of all has a kilobyte"),
        pytest.param(OF_JOB, ["x" * 2000, True], id="a list of a job has as much as the job keeps"),
        pytest.param(f"{OF_JOB}?output_size_limit=-1", ["x" * 2000, True], id="a limit that is none"),
        pytest.param(f"{OF_JOB}?output_size_limit=2500", ["x" * 2500, True], id="as much as a client asks for"),
        pytest.param(f"{ALL}?output_size_limit=5000", ["x" * 3000, False], id="the whole output"),
        pytest.param(f"{ALL}?output_size_limit=0", [None, True], id="none"),
    ],
)
async def test_output_comes_from_where_there_is_more(
    api: Api, archive: FakeArchive, path: str, expected: list[Any]
) -> None:
    archive.entries.clear()
    archive.put(archived(-1), archived(-2), output="x" * 3000)
    status = JobStatus(executions=(live(-1, output="x" * 2000, truncated=True),))
    api.know_jobs(wire_job(version=2, status=status, history={"outputBytes": 2000}))
    found = await (await api.client.get(path)).json()
    assert [[each.get("output"), each["output_truncated"]] for each in found] == [expected] * 2


async def test_search_goes_on_where_its_budget_ended(api: Api, archive: FakeArchive) -> None:
    archive.put(archived(-7), output="a needle")
    archive.budget = 1
    del archive.entries[archived(-5).job.uid, archived(-5).attempt_job]
    status = JobStatus(executions=(live(-1), live(-5, output="another needle")))
    api.know_jobs(wire_job(version=2, status=status))
    found: list[int] = []
    token: str | None = ""
    pages = 0
    while token is not None:
        answer = await api.client.get(f"{ALL}?q=needle&after={token}")
        found += numbers(await answer.json())
        token, pages = answer.headers.get("X-Next-After"), pages + 1
        assert (answer.headers.get("X-Search-Complete") == "false") is (token is not None)
    assert (found, pages > 2) == ([-5, -7], True)


async def test_ended_attempt_does_not_run_in_a_lagging_status(api: Api, archive: FakeArchive) -> None:
    ended = archived(0, id=RUNNING.id, attempt_job=RUNNING.job)
    archive.put(ended)
    (newest, *_) = await (await api.client.get(ALL)).json()
    assert (newest["id"], newest["finished_at"]) == (RUNNING.id, rfc3339(ended.finished_at))


async def test_entry_that_a_status_has_twice_is_listed_once() -> None:
    async with running_api(*ROUTES) as api:
        api.know_jobs(wire_job(status=JobStatus(executions=(live(-1), live(-1)))))
        assert numbers(await (await api.client.get(ALL)).json()) == [-1]


async def test_details_have_what_only_the_archive_knows(api: Api, archive: FakeArchive) -> None:
    archive.put(archived(-9, cause="ci", revision="abc", created_at=after(-1), exit_code=3, success=False))
    (found,) = (each for each in await (await api.client.get(f"{ALL}?details")).json() if each["id"].endswith("--9"))
    expected = {"trigger": "schedule", "cause": "ci", "revision": "abc", "exit_code": 3}
    assert expected.items() <= found["details"].items()
    assert (found["output"], UID in str(found)) == ("exit status 3\n", False)


class OfPolicies(OneCaller):
    """A caller whose policies let it read the executions and logs of one job, but not the job."""

    async def caller(self, token: str, address: str) -> Caller | None:  # noqa: ARG002
        return Caller("ci", self.how, policies=("readers",))

    async def allows(self, _: Caller, need: Need) -> bool:
        self.paths.append(need.path)
        ours = {"/v1/jobs/other/executions", "/v1/jobs/other/executions/*/log"}
        return need.path in {"/v1/executions", "/v1/timeline", "/v1/skipped", *ours}


@pytest.mark.parametrize("path", ["executions", "executions?q=secret", "timeline?step=day", "skipped"])
async def test_caller_finds_only_jobs_that_it_may_read(archive: FakeArchive, path: str) -> None:
    archive.put(archived(-20, job=OTHER), archived(-4), archived(-30, job=GONE), output="a secret")
    archive.skips = [SkippedSlots(key, NOON, NOON, 1, "Missed") for key in (KEY, OTHER, GONE)]
    groups = (*ROUTES, charts.ROUTES)
    async with running_api(*groups, archive=archive, guard=Guard([OfPolicies()])) as api:
        know(api)

        async def told(query: str) -> str:
            answer = await api.client.get(
                f"/v1/{path}{'&' if '?' in path else '?'}to=2026-03-01T13:00:00Z{query}", headers=VALID
            )
            assert answer.status == 200
            return await answer.text()

        everything = await told("")
        assert everything == await told("&job=other")
        assert everything == await told("&job=other&job=backup&job=gone")
        assert everything not in ("", "[]")
        assert await told("&job=backup") == "[]"
        if path.startswith("executions"):
            assert await told("&owner=Data") == "[]"


async def test_search_of_one_caller_leaves_room_for_others(archive: FakeArchive) -> None:
    async with running_api(*ROUTES, archive=archive) as api:
        know(api)
        gate = api.app[GATE]
        callers = [owner(ANYBODY, each) for each in (*["127.0.0.1"] * SEARCHES_OF_ONE, "192.0.2.7")]
        with ExitStack() as searches:
            for caller in callers:
                searches.enter_context(gate.search(caller, NAMESPACE))
                searches.enter_context(gate.search(caller, "other"))
            for number in range(SEARCHES - len(callers)):
                searches.enter_context(gate.search(owner(ANYBODY, f"192.0.2.{number}"), "other"))
            with pytest.raises(ApiError, match=f"the server already has {SEARCHES} searches"):
                searches.enter_context(gate.search(owner(ANYBODY, "198.51.100.1"), "other"))
            answer = await api.client.get(f"{ALL}?q=x")
            assert (answer.status, "already has 2 searches in outputs" in await answer.text()) == (503, True)
            assert (await api.client.get(ALL)).status == 200
        assert (await api.client.get(f"{ALL}?q=x")).status == 200
