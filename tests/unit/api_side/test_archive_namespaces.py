"""When namespaces were created, for what the archive shows them."""

import asyncio
from datetime import timedelta

import pytest

from dkron_api.archive.namespaces import FRESH, NEVER, SKEW, Namespaces
from dkron_api.archive.reads import Archive
from dkron_archive.ports import ArchiveUnavailable
from dkron_crds.base import rfc3339
from dkron_kube.errors import Rejected, Unavailable
from dkron_kube.paths import NAMESPACES
from tests.support.builders import NAMESPACE, NOON
from tests.support.fake_archive import FakeArchive
from tests.support.fake_kube import FakeKube

NO_ANSWER = Unavailable("no answer")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(kube: FakeKube, hours: int) -> None:
    at = rfc3339(NOON + timedelta(hours=hours))
    kube.put(NAMESPACES, {"metadata": {"name": NAMESPACE, "creationTimestamp": at}})


async def test_flood_of_reads_becomes_one_request_a_second() -> None:
    kube, clock = FakeKube(), Clock()
    made(kube, 0)
    namespaces = Namespaces(kube, clock)  # type: ignore[arg-type]
    found = await asyncio.gather(*(namespaces.created(NAMESPACE) for _ in range(20)))
    assert (set(found), len(kube.calls)) == ({NOON - SKEW}, 1)
    made(kube, 1)
    clock.now = FRESH
    assert await namespaces.created(NAMESPACE) == NOON - SKEW + timedelta(hours=1)


async def test_last_answer_counts_while_there_is_none() -> None:
    kube, clock = FakeKube(), Clock()
    made(kube, 0)
    namespaces = Namespaces(kube, clock)  # type: ignore[arg-type]
    kube.fail("get namespaces", NO_ANSWER)
    with pytest.raises(ArchiveUnavailable, match="does not say when the namespace was created: no answer"):
        await namespaces.created(NAMESPACE)
    known = await namespaces.created(NAMESPACE)
    clock.now = 10 * FRESH
    kube.fail("get namespaces", NO_ANSWER)
    assert await namespaces.created(NAMESPACE) == known


async def test_namespace_that_is_gone_has_no_history() -> None:
    kube, clock = FakeKube(), Clock()
    made(kube, 0)
    namespaces = Namespaces(kube, clock)  # type: ignore[arg-type]
    await namespaces.created(NAMESPACE)
    kube.remove(NAMESPACES, NAMESPACE)
    clock.now = FRESH
    assert await namespaces.created(NAMESPACE) == NEVER


async def test_missing_right_shows_nothing_and_says_so() -> None:
    kube, opened = FakeKube(), FakeArchive()
    kube.fail("get namespaces", Rejected("namespaces is forbidden", status=403))
    archive = Archive(opened, Namespaces(kube, Clock()).created)  # type: ignore[arg-type]
    with pytest.raises(ArchiveUnavailable, match="namespaces is forbidden"):
        await archive.read(NAMESPACE, lambda reader: reader.output("u", "j"))
    made(kube, 0)
    await archive.read(NAMESPACE, lambda reader: reader.output("u", "j"))
    assert (opened.calls, opened.created) == (["output"], [NOON - SKEW])
