"""Memory of a DkronJob in the caches of both programs: about as much as its JSON, whatever it is filled with."""

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import kopf
import pytest

from dkron_api.cache.job_index import JobIndex
from dkron_api.stream.event_log import EventLog
from dkron_api.stream.feed import Feed
from dkron_api.translate.events import differences
from dkron_api.translate.record import Job
from dkron_crds.bounds import FREE_FORM_BYTES, bounded
from dkron_crds.packed import Packed, PackedList, packed, packed_object, plain, plain_object
from dkron_kube.access import Access
from dkron_kube.lists import Lists
from dkron_operator.cache.store import Store
from dkron_operator.kit.clock import Clock
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.cause import scheduled
from dkron_operator.plan.situation.read import read_job
from dkron_operator.watch.handlers import Handlers, register
from dkron_operator.watch.liveness import WatchLiveness
from tests.support.builders import IMAGES, NOON, UID, wire_job

Object = dict[str, Any]
COUNT = 4
REST = 32 * 1024
"""Bytes that an object may take beside its JSON."""
REST_OF_SPEC = 256
"""Bytes of the other free-form parts that the objects here have."""
EMOJI = "\N{GRINNING FACE}"


@dataclass(frozen=True, slots=True)
class Filling:
    """Fields of a DkronJob that only cost memory."""

    name: str
    spec: Object = field(default_factory=dict)
    labels: Object = field(default_factory=dict)
    annotations: Object = field(default_factory=dict)
    shown: bool = False
    """GET shows it: the REST API also keeps its answer, and the newest events, which have a bound of their own."""


def template(part: Any, size: int) -> Object:
    """A template at the bound, filled with parts of this length."""
    room = FREE_FORM_BYTES - REST_OF_SPEC - len('{"spec":{"template":{"x":[]}}}')
    return {"jobTemplate": {"spec": {"template": {"x": [part] * (room // size)}}}}


FILLINGS = (
    Filling("empty lists", template([], 3)),
    Filling("small objects", template({"": {}}, 8)),
    Filling("emoji", template(EMOJI + "x" * 93, 100)),
    Filling("other keys", {"jobTemplate": {"metadata": {"labels": {f"{n}": {} for n in range(6000)}}}}),
    Filling("config", {"executorConfig": {"command": "true", "env": EMOJI + "x" * 60_000}}, shown=True),
    Filling("processors", {"processors": {f"p{n}": {str(key): "" for key in range(32)} for n in range(16)}}),
    Filling("fields", {"metadata": {f"{n}": EMOJI + "x" * 300 for n in range(200)}}, shown=True),
    Filling("labels", labels={f"{n:x}": "" for n in range(6000)}),
    Filling("annotations", annotations={"note": EMOJI + "x" * 200_000}),
    Filling("requests", annotations={f"run.dkron.io/{n}": f"soon {EMOJI}{'x' * 60_000}" for n in range(4)}),
    Filling("notifications", annotations={f"notify.dkron.io/{n}": EMOJI + "x" * 1000 for n in range(200)}),
)


TOO_LONG = (
    Filling("template", {"jobTemplate": {"spec": {"x": ["x" * 1000] * 1000}}}),
    Filling("config", {"executorConfig": {"command": "true", **{f"{n}": "x" * 100_000 for n in range(10)}}}),
    Filling("fields", {"metadata": {f"{n}": "x" * 4000 for n in range(250)}}),
    Filling("processors", {"processors": {f"p{n}": {f"{m}": "x" * 4000 for m in range(30)} for n in range(9)}}),
    Filling(
        "parameters",
        {"parameters": [{"name": f"p{n}", "type": "enum", "values": ["x" * 256] * 64} for n in range(32)]},
    ),
    Filling("labels", labels={f"{'x' * 70}/{n}": "x" * 60 for n in range(7000)}),
    Filling("together", {"metadata": {f"{n}": "x" * 3000 for n in range(12)}, **template("x" * 97, 100)}),
)
"""The free-form parts of a DkronJob, each beyond the bound of their sum."""


def objects(filling: Filling, first: int) -> list[bytes]:
    """Objects with the same keys and other values, as the API server sends them."""
    found = []
    for number in range(first, first + COUNT):
        body = wire_job(name=f"job-{number}", uid=f"uid-{number}", **filling.spec)
        body["metadata"] |= {"labels": filling.labels, "annotations": {"number": str(number), **filling.annotations}}
        found.append(json.dumps(body, ensure_ascii=False).encode().replace(b"xx", f"x{number}".encode()))
    return found


def operator_lists(texts: Iterable[bytes]) -> object:
    store = Store()
    for text in texts:
        list(store.upsert_job(bounded(text)))
    return store


def api_lists(texts: Iterable[bytes]) -> object:
    feed = Feed(JobIndex(lambda: NOON), EventLog(), lambda: NOON)
    feed.replace([packed_object(bounded(text)) for text in texts], 1)
    return feed


def api_watches(texts: Iterable[bytes]) -> object:
    feed = Feed(JobIndex(lambda: NOON), EventLog(), lambda: NOON)
    feed.replace([], 1)
    for text in texts:
        feed.upsert(bounded(text))
    return feed


PROGRAMS = (operator_lists, api_lists, api_watches)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("filling", FILLINGS, ids=lambda filling: filling.name)
def test_a_job_takes_as_much_memory_as_json(filling: Filling, program: Callable[[Iterable[bytes]], object]) -> None:
    taken, length = taken_by(program, filling)
    copies = 3 if filling.shown and program is api_watches else 1
    assert taken < copies * length * 1.1 + REST


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("filling", TOO_LONG, ids=lambda filling: filling.name)
def test_a_job_over_the_bound_takes_no_memory(filling: Filling, program: Callable[[Iterable[bytes]], object]) -> None:
    taken, _ = taken_by(program, filling)
    assert taken < REST


def taken_by(program: Callable[[Iterable[bytes]], object], filling: Filling) -> tuple[float, int]:
    """Return the bytes that the program keeps for an object, and the length of one."""
    # Modules are loaded by then, and the JSON parser remembers some thousand keys.
    program(objects(filling, 0))
    texts = objects(filling, COUNT)
    gc.collect()
    tracemalloc.start()
    try:
        held = program(texts)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held is not None
    return taken / COUNT, len(texts[0])


async def nowhere() -> None:
    return None


async def test_kopf_keeps_nothing_of_a_handled_event() -> None:
    registry, store = kopf.OperatorRegistry(), Store()
    access = Access(server="http://127.0.0.1:1", namespace="", tls=True, authorization=nowhere)
    liveness = WatchLiveness((), (), Clock())
    register(
        registry,
        Handlers(store, requeue=lambda _: None),
        access,
        liveness,
        lists=Lists({}, listed=lambda _: None),
    )
    body = wire_job(jobTemplate={"spec": {"suspend": False}}, requests={"a": "soon"})
    handler = next(each for each in registry._watching._handlers if "on_job" in each.id)
    handle: Any = handler.fn
    await handle(event={"type": "ADDED", "object": body})
    assert store.get(UID) is not None
    assert body.keys() == {"metadata"}
    assert body["metadata"].keys() == {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"}


LARGE = {"spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "A", "value": "é" * 400}]}]}}}}


def test_a_packed_template_builds_the_same_job() -> None:
    command = "echo " + "x" * 600
    job = read_job(wire_job(command=command, jobTemplate=LARGE))
    assert isinstance(job.spec.job_template.spec, Packed)
    assert isinstance(job.spec.executor_config, Packed)
    body = build_job(job, scheduled(NOON).entry(uid=UID, name=job.name, at=NOON), images=IMAGES)
    (container,) = body["spec"]["template"]["spec"]["containers"]
    assert {"name": "A", "value": "é" * 400} in container["env"]
    assert " ".join(container["command"] + container.get("args", [])) == command
    json.dumps(body)


def test_equal_specs_are_equal_views() -> None:
    one, other = (read_job(wire_job(jobTemplate=LARGE)) for _ in range(2))
    assert one == other
    assert one != read_job(wire_job(jobTemplate={**LARGE, "metadata": {"labels": {"a": "b"}}}))


def test_a_packed_job_is_read_and_compared_as_before() -> None:
    body = wire_job(jobTemplate=LARGE, metadata={str(n): "x" * 100 for n in range(9)})
    one, other = Job(json.loads(json.dumps(body))), Job(json.loads(json.dumps(body)))
    assert isinstance(one.raw["spec"]["jobTemplate"], Packed)
    assert plain_object(one.raw) == body
    assert one.spec.metadata == body["spec"]["metadata"]
    assert differences(one, other) == ()


@pytest.mark.parametrize(
    "part", [{str(n): [n] for n in range(200)}, list(range(300))], ids=lambda part: type(part).__name__
)
def test_a_packed_part_is_used_as_a_parsed_one(part: Any) -> None:
    found = packed(part)
    assert isinstance(found, Packed | PackedList)
    assert (found == part, part == found, found != part, bool(found)) == (True, True, False, True)
    assert (list(found), len(found), plain(found)) == (list(part), len(part), part)
    assert type(plain(found)) is type(part)
    assert packed(found) is found


def test_small_parts_stay_as_they_are() -> None:
    for part in ({"a": 1}, [1], {}, [], "x" * 1000, None):
        assert packed(part) is part
