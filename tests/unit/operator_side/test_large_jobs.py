"""Requests about large DkronJobs take turns, and those about others do not wait for them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dkron_operator.act.ports import AT_ONCE, MANY, LargeJobs
from dkron_operator.plan.situation.packed_spec import LARGE, is_large
from dkron_operator.plan.situation.view import JobView
from tests.support.builders import job_view


def of_size(size: int, **spec: Any) -> JobView:
    """A job with a template of about so many bytes."""
    return job_view(jobTemplate={"spec": {"template": {"spec": {"notes": "x" * size}}}}, **spec)


@pytest.mark.parametrize(
    ("job", "large"),
    [
        pytest.param(job_view(), False, id="no template"),
        pytest.param(of_size(LARGE - 1000), False, id="a template below the bound"),
        pytest.param(of_size(LARGE), True, id="a template beyond it"),
        pytest.param(of_size(LARGE - 1000, metadata={"a": "x" * 1000}), True, id="a template and labels beyond it"),
    ],
)
def test_a_job_is_large_by_its_free_form_parts(job: JobView, large: bool) -> None:
    assert is_large(job.spec) is large


@pytest.mark.parametrize(
    ("job", "active"),
    [
        pytest.param(of_size(LARGE), 0, id="free-form parts"),
        pytest.param(job_view(), MANY, id="active entries"),
    ],
)
async def test_large_jobs_take_turns_and_others_go_at_once(job: JobView, active: int) -> None:
    turns, end = LargeJobs(), asyncio.Event()
    begun: list[str] = []

    async def ask(name: str, job: JobView, active: int) -> None:
        async with turns.turn(job, active=active):
            begun.append(name)
            await end.wait()

    async with asyncio.TaskGroup() as asked:
        for number in range(AT_ONCE + 3):
            asked.create_task(ask(f"large {number}", job, active))
        asked.create_task(ask("small", job_view(), MANY - 1))
        await asyncio.sleep(0)
        assert begun == [*(f"large {number}" for number in range(AT_ONCE)), "small"]
        end.set()
    assert len(begun) == AT_ONCE + 4


async def test_namespaces_take_turns_with_their_large_jobs() -> None:
    turns, begun = LargeJobs(), list[str]()

    async def ask(namespace: str) -> None:
        async with turns.turn(replace(of_size(LARGE), namespace=namespace)):
            begun.append(namespace)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as asked:
        for namespace in (*["crowd"] * 60, "other", "other"):
            asked.create_task(ask(namespace))
    places = [place for place, namespace in enumerate(begun) if namespace == "other"]
    assert len(begun) == 62
    assert max(places) < 3 * AT_ONCE, "60 requests of one namespace were there before"
