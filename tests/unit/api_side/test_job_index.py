"""The job_index knows jobs by their Dkron names, and renders each once."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_api.cache import listed
from dkron_api.cache.job_index import JobIndex
from dkron_api.cache.listed import ALL, LONGEST_PAGE, PAGES, Lists
from tests.support.builders import NOON, after, wire_job


def job_index(*jobs: dict[str, Any]) -> JobIndex:
    made = JobIndex(lambda: NOON)
    made.object_cache.replace(list(jobs), version=0)
    return made


def job(name: str, version: int = 1, uid: str = "", **fields: Any) -> dict[str, Any]:
    return wire_job(name=name, uid=uid or f"uid-of-{name}", version=version, **fields)


def shown(jobs: JobIndex, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jobs.json(name))
    return found


def test_older_of_two_namesakes_is_the_job() -> None:
    younger = wire_job(name="two", uid="y", created=after(60)) | {"spec": {"name": "same", "schedule": "@hourly"}}
    older = wire_job(name="one", uid="o", created=NOON) | {"spec": {"name": "same", "schedule": "@daily"}}
    jobs = job_index(younger, older)
    assert len(jobs) == 1
    assert shown(jobs, "same")["schedule"] == "@daily"
    first = jobs.get("same")
    assert first is not None
    jobs.remove(first)
    assert shown(jobs, "same")["schedule"] == "@hourly"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "a", "b", "c"]), st.booleans()), max_size=30))
def test_index_after_any_changes_equals_a_rebuilt_one(changes: list[tuple[str, str, bool]]) -> None:
    jobs, alive = job_index(), dict[str, dict[str, Any]]()
    for version, (name, parent, gone) in enumerate(changes, 1):
        uid = f"uid-{name}-{version if gone else 0}"
        if gone and jobs.get(name) is not None:
            known = jobs.get(name)
            assert known is not None
            jobs.remove(known)
            alive.pop(name)
        elif not gone and not (jobs.object_cache.by_name(name) is None and name in alive):
            raw = job(name, version, uid=alive.get(name, {}).get("uid", uid + str(version)), parentJob=parent)
            alive[name] = {"uid": raw["metadata"]["uid"], "parent": parent, "raw": raw}
            jobs.upsert(raw)
        # Asked after each change, so that a list made before it would be noticed.
        for span in (ALL, (1, 3)):
            expected = b",".join(map(jobs.json, jobs.names[slice(*span)]))
            assert b"".join(jobs.listed(span).pieces) == b"[" + expected + b"]"
    rebuilt = job_index(*(each["raw"] for each in alive.values()))
    assert jobs.names == rebuilt.names
    assert [jobs.json(name) for name in jobs.names] == [rebuilt.json(name) for name in rebuilt.names]


@pytest.mark.parametrize("span", [ALL, (0, 2)], ids=["all", "page"])
async def test_list_is_compressed_once_for_each_version(
    span: tuple[int, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, made = job_index(job("a"), job("b")), list[bytes]()
    compress = listed._compressed

    def counted(pieces: Sequence[bytes]) -> Sequence[bytes]:
        made.append(b"".join(pieces))
        return compress(pieces)

    monkeypatch.setattr(listed, "_compressed", counted)
    versions = []
    for version in (2, 3):
        asked = await asyncio.gather(*(jobs.listed(span).compressed() for _ in range(5)))
        assert {gzip.decompress(b"".join(each)) for each in asked} == {b"".join(jobs.listed(span).pieces)}
        versions.append(made[-1])
        jobs.upsert(job("a", version, schedule=f"@every {version}h"))
    assert made == versions
    assert len(set(versions)) == len(versions)


async def test_compression_that_a_client_leaves_is_made_again() -> None:
    ready = job_index(job("a")).listed()
    leaving = asyncio.create_task(ready.compressed())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert gzip.decompress(b"".join(await ready.compressed())) == b"".join(ready.pieces)


def test_kept_pages_are_bounded_in_number_and_bytes() -> None:
    lists, item = Lists(), b"1" * 1024

    def is_kept(span: tuple[int, int | None], count: int) -> bool:
        return lists.get(span, lambda: [item] * count) is lists.get(span, lambda: [item] * count)

    assert is_kept(ALL, 10 * LONGEST_PAGE // len(item))
    assert not is_kept((0, 1000), LONGEST_PAGE // len(item))
    assert all(is_kept((number, number + 1), 1) for number in range(2 * PAGES))
    assert is_kept(ALL, 1)
    assert len(lists._kept) == 1 + PAGES
