"""The job_index knows jobs by their Dkron names, and renders each once."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dkron_api.cache.job_index import JobIndex
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
        # Asked after each change, so that what was joined before it would be noticed.
        assert b"".join(jobs.joined()) == b"[" + b",".join(map(jobs.json, jobs.names)) + b"]"
    rebuilt = job_index(*(each["raw"] for each in alive.values()))
    assert jobs.names == rebuilt.names
    assert [jobs.json(name) for name in jobs.names] == [rebuilt.json(name) for name in rebuilt.names]
