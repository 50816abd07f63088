"""One object never stops the others in the API: what cannot be read is left out and told once."""

import logging
from typing import Any

import pytest

from dkron_api.cache.job_index import JobIndex
from dkron_api.cache.object_cache import ObjectCache, plain
from dkron_api.stream import feed as feed_module
from dkron_api.stream.event_log import EventLog
from dkron_api.stream.feed import Feed
from dkron_api.stream.subscription import Interest
from dkron_api.translate.events import Topic, job_body
from dkron_api.translate.record import Job, kept
from dkron_crds.bounds import mark
from tests.support.builders import NOON, wire_job

Object = dict[str, Any]


def job(name: str, version: int = 1, **fields: Any) -> Object:
    return wire_job(name=name, uid=f"uid-{name}", version=version, **fields)


def marked(name: str, version: int = 1) -> Object:
    body = job(name, version)
    mark(body, "it is too odd")
    return body


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_marked_object_is_omitted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    object_cache = ObjectCache("things", plain)
    object_cache.replace([job("a"), marked("b")], 1)
    object_cache.upsert(marked("b", 2))
    assert [item["metadata"]["name"] for item in object_cache] == ["a"]
    assert warnings(caplog) == ["things b is left out: it is too odd"]
    object_cache.upsert(job("b", 3))
    assert len(object_cache) == 2
    object_cache.upsert(marked("b", 4))
    assert len(object_cache) == 1, "what it was is not what it is"


@pytest.mark.parametrize("error", [RecursionError(), ValueError("odd")], ids=lambda error: type(error).__name__)
def test_unreadable_object_is_omitted(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def read(item: Object) -> Object:
        if item["metadata"]["name"] == "b":
            raise error
        return item

    object_cache = ObjectCache("things", read)
    object_cache.replace([job("a"), job("b"), job("c")], 1)
    object_cache.upsert(job("b", 2))
    assert [item["metadata"]["name"] for item in object_cache] == ["a", "c"]
    assert object_cache.ready
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, '{"spec":' * 100_000, '"', "[]", '{"spec": 1}'])
def test_any_text_where_kubectl_remembers_is_borne(text: str) -> None:
    body = job("a")
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
    body["metadata"]["managedFields"] = [
        {"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": {"f:schedule": {}}}}
    ]
    assert isinstance(kept(body), Job)


async def test_unsendable_event_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def odd(event: Any, rendered: bytes) -> bytes:
        if event.job == "b":
            raise OverflowError
        return job_body(event, rendered)

    monkeypatch.setattr(feed_module, "job_body", odd)
    event_log = EventLog()
    feed = Feed(JobIndex(lambda: NOON), event_log, lambda: NOON)
    feed.replace([], 1)
    heard = event_log.subscribe(Interest(frozenset({Topic.JOB})), "")
    for version, name in enumerate(("a", "b", "b", "c"), start=2):
        feed.upsert(job(name, version, command=str(version)))
    told = await heard.take()
    assert b"resync" not in told, told
    assert [name for name in "abc" if f'"{name}"'.encode() in told] == ["a", "c"], told
    assert len(warnings(caplog)) == 1


def test_omitted_objects_are_logged_by_one_of_two_caches(caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed(JobIndex(lambda: NOON), EventLog(), lambda: NOON)
    feed.replace([marked("a"), job("b")], 1)
    feed.upsert(marked("c", 2))
    assert len(warnings(caplog)) == 2
