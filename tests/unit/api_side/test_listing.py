"""Lists of jobs: which, in which order, from where to where (Dkron behaviour §1.4)."""

from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.edge.keys import SLICES
from dkron_api.routes import jobs
from dkron_api.translate.listing import JobQuery, in_order, matching, read_query, sliced
from dkron_api.translate.record import Job
from dkron_reports.slices import Steps, at_once
from tests.support.api_app import running_api
from tests.support.builders import wire_job


def job(name: str, *, status: dict[str, Any] | None = None, labels: dict[str, str] | None = None, **spec: Any) -> Job:
    stored = wire_job(name=name, uid=name, **spec) | {"status": {"observedGeneration": 1, **(status or {})}}
    stored["metadata"]["labels"] = labels or {}
    return Job(stored)


SLOW, QUICK = ([{"startedAt": "2026-03-01T10:00:00.5Z", "finishedAt": f"2026-03-01T10:00:{end}Z"}] for end in (10, 2))
RAN = {
    "successCount": 2, "lastSuccess": "2026-03-01T11:00:00Z", "next": "2026-03-01T13:00:00Z", "status": "success",
    "executions": SLOW,
}  # fmt: skip
BROKEN = {
    **RAN, "lastSuccess": "2026-03-01T11:00:00.5Z", "next": "2026-03-01T12:30:00Z", "status": "failed",
    "errorCount": 5, "executions": QUICK, "lastError": "2026-03-01T11:30:00Z",
}  # fmt: skip
JOBS = [
    job(
        "a",
        displayName="Zed",
        owner="ann",
        schedule="@daily",
        metadata={"team": "x", "env": "prod"},
        command=f"{'true; ' * 200}pg_dump",
    ),
    job("b", displayName="Alpha", schedule="@hourly", disabled=True, metadata={"team": "x"}, status=RAN),
    job(
        "c",
        displayName="alpha",
        executor="http",
        schedule="@daily",
        status=BROKEN,
        labels={"tier": "web"},
        executorConfig={"url": "https://shop.example/"},
    ),
]


def selected(found: list[Job], query: JobQuery) -> list[Job]:
    return in_order(at_once(matching(found, query)), query, due=due)


def due(name: str) -> str:
    found = next(each for each in JOBS if each.name == name)
    return str(found.raw_status.get("next", "0001-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", "abc", id="all by name"),
        pytest.param("q=Alpha", "b", id="the search knows upper case"),
        pytest.param("q=alpha", "c", id="the search looks into titles"),
        pytest.param("q=b", "b", id="the search looks into names"),
        pytest.param("text=ALPHA", "bc", id="the text in any case"),
        pytest.param("text=Ann", "a", id="the text of an owner"),
        pytest.param("text=HTTP", "c", id="the text of an executor"),
        pytest.param("text=C", "c", id="the text of a name"),
        pytest.param("text=pg_dump", "a", id="the text of a command"),
        pytest.param("text=Shop.example", "c", id="the text of an address"),
        pytest.param("text=PROD", "a", id="the value of metadata"),
        pytest.param("text=env=prod", "a", id="the name and the value of metadata"),
        pytest.param("text=tier=web", "c", id="a label"),
        pytest.param("text=web", "c", id="the value of a label"),
        pytest.param("text=tier", "", id="not the name of a label"),
        pytest.param("text=nothing", "", id="a text that none has"),
        pytest.param("status=untriggered", "a", id="those that never ran"),
        pytest.param("status=success", "b", id="jobs with a status"),
        pytest.param("status=odd", "", id="an unknown status matches nothing"),
        pytest.param("metadata[team]=x&metadata[env]=prod", "a", id="all metadata must match"),
        pytest.param("_sort=id", "abc", id="id means name"),
        pytest.param("_sort=displayname", "bac", id="text by bytes"),
        pytest.param("_sort=schedule", "acb", id="ties by name"),
        pytest.param("_sort=error_count&_order=DESC", "cba", id="counts descending"),
        pytest.param("_sort=last_success", "bca", id="never comes last, and fractions count"),
        pytest.param("_sort=last_error", "cab", id="errors, never last"),
        pytest.param("_sort=took&_order=DESC", "bca", id="how long the newest run took, never ran last"),
        pytest.param("_sort=next", "acb", id="never is the first of next"),
    ],
)
def test_selection(query: str, expected: str) -> None:
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    wanted = read_query(pairs)  # type: ignore[arg-type]
    assert "".join(each.name for each in selected(JOBS, wanted)) == expected


@pytest.mark.parametrize("field", ["error_count", "last_error"])
def test_a_job_that_cannot_run_sorts_by_its_error(field: str) -> None:
    unready = {
        "type": "Ready", "status": "False", "reason": "UnknownExecutor", "lastTransitionTime": "2026-03-01T12:00:00Z"
    }  # fmt: skip
    jobs = [job("a", status={**BROKEN, "conditions": [unready]}), JOBS[2]]
    assert [each.name for each in selected(jobs, JobQuery(sort=field))] == ["c", "a"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"_start": "1"}, "bc", id="from the second"),
        pytest.param({"_end": "xyz"}, "", id="an end that is no number is zero"),
        pytest.param({"_end": "9" * 5000}, "", id="a number without end is none"),
    ],
)
def test_slices(query: dict[str, str], expected: str) -> None:
    assert "".join(sliced("abc", read_query(query.items()))) == expected


def test_unfiltered_unsorted_list_reads_no_job() -> None:
    assert read_query([("_start", "0"), ("_end", "25"), ("_sort", "name"), ("_order", "ASC")]).plain
    assert read_query([("_sort", "id")]).plain
    assert not read_query([("q", "x")]).plain
    assert not read_query([("text", "x")]).plain


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=8))
def test_no_query_fails(pairs: list[tuple[str, str]]) -> None:
    query = read_query(pairs)
    assert isinstance(query, JobQuery)
    assert len(sliced(selected(JOBS, query), query)) <= len(JOBS)


async def test_a_job_deleted_during_a_search_is_not_listed() -> None:
    first, *others = (wire_job(name=name, uid=name) for name in ("gone", "kept", "last"))
    async with running_api(jobs.ROUTES) as api:
        api.know_jobs(first, *others)
        run = api.app[SLICES].run

        async def deleting(steps: Steps[Any]) -> Any:
            found = await run(steps)
            api.know_jobs(*others)
            return found

        api.app[SLICES].run = deleting  # type: ignore[method-assign]  # a deletion between two slices
        answer = await api.client.get("/v1/jobs?text=true&_sort=next&fields=name")
        assert answer.status == HTTPStatus.OK, await answer.text()
        assert [each["name"] for each in await answer.json()] == ["kept", "last"]
        assert answer.headers["X-Total-Count"] == "2"
