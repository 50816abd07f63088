"""Pauses in the archive, from their begin to their end; and how much of an output is kept for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock, Mock

import pytest

from dkron_archive.ports import ArchiveUnavailable
from dkron_archive.records import PauseRecord
from dkron_operator.archive.archiver import Archiver
from dkron_operator.archive.pauses import PauseLedger, by_key
from dkron_operator.archive.records import LEAVING
from dkron_operator.archive.upkeep import Upkeep
from dkron_operator.cache.store import Store
from dkron_operator.delivery.delivery import Delivery
from dkron_operator.delivery.outputs import Outputs
from dkron_operator.handover import Handover
from tests.support.builders import NOON, UID, after, job_view
from tests.support.fake_kube import FakeKube
from tests.support.outbox import ARCHIVE, DELIVERY

OPEN = PauseRecord("team-a", "freeze", NOON, None, reason="release", by="ada")
ENDS = replace(OPEN, end=after(60))


@dataclass(frozen=True)
class Row:
    name: str
    stored: tuple[PauseRecord, ...]
    lasting: tuple[PauseRecord, ...]
    written: tuple[PauseRecord, ...]


ROWS = (
    Row("a new one", (), (OPEN,), (OPEN,)),
    Row("one that is known", (OPEN,), (OPEN,), ()),
    Row("one that gets an end", (OPEN,), (ENDS,), (ENDS,)),
    Row("one that is deleted", (OPEN,), (), (replace(OPEN, end=after(30)),)),
    Row("one that is deleted before its end", (ENDS,), (), (replace(OPEN, end=after(30)),)),
    Row("one that is deleted after its end", (replace(OPEN, end=after(20)),), (), ()),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_pauses_are_written_when_they_change(row: Row) -> None:
    ledger = PauseLedger()
    ledger.stored(by_key(row.stored))
    assert tuple(ledger.changes(by_key(row.lasting), after(30))) == row.written


class Stored:
    """The pauses of an archive. `meanwhile` is called during the next read, and then during the next write."""

    def __init__(self) -> None:
        self.written: list[PauseRecord] = []
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.clean = self.health = AsyncMock()

    async def pauses(self, _namespace: str, _start: datetime, _end: datetime) -> list[PauseRecord]:
        self.meanwhile.pop("read", lambda: None)()
        return []

    async def write_pauses(self, records: Sequence[PauseRecord]) -> None:
        self.meanwhile.pop("write", lambda: None)()
        self.written += records


def upkeep_of(archive: Stored) -> Upkeep:
    """The upkeep of an archive, beside one DkronPause that lasts."""
    lasting = SimpleNamespace(
        namespace=OPEN.namespace, name=OPEN.name, created=OPEN.begin, until=None, reason=OPEN.reason, by=OPEN.by
    )
    pauses = Mock(known=True, index=[Mock(pause=lasting)])
    clock = Mock(now=lambda: NOON, monotonic=lambda: 0.0)
    return Upkeep(cast("Mock", archive), cast("Mock", []), pauses, home="home", retention=Mock(), clock=clock)


@pytest.mark.parametrize("call", ["read", "write"])
async def test_pause_is_written_though_a_term_begins_meanwhile(call: str) -> None:
    archive = Stored()
    upkeep = upkeep_of(archive)
    archive.meanwhile[call] = upkeep.clear
    for _ in range(2):
        await upkeep.look()
    assert archive.written[-1] == OPEN
    written = len(archive.written)
    await upkeep.look()
    assert len(archive.written) == written, "it is known"


async def test_job_that_is_unknown_in_a_new_term_is_not_resumed() -> None:
    archive = Stored()
    upkeep = upkeep_of(archive)
    archive.meanwhile["read"] = upkeep.clear
    await upkeep.look()
    assert archive.written == [], "the jobs of the new term are found first"


@pytest.mark.parametrize("call", ["read", "write"])
async def test_pause_is_written_once_the_archive_answers(call: str) -> None:
    archive = Stored()
    upkeep = upkeep_of(archive)
    archive.meanwhile[call] = Mock(side_effect=ArchiveUnavailable("away"))
    with pytest.raises(ArchiveUnavailable):
        await upkeep.look()
    await upkeep.look()
    assert archive.written == [OPEN]


@pytest.mark.parametrize(
    ("wanted", "length", "delivered", "archived"),
    [
        pytest.param(0, 500, False, True, id="short, and its pod may go"),
        pytest.param(0, 1025, False, False, id="cut at the record: it is read again"),
        pytest.param(0, 5000, False, True, id="long, of a pod that goes"),
        pytest.param(64, 500, True, True, id="a receiver gets its end"),
        pytest.param(2048, 2049, True, False, id="cut at what a receiver wants: it is read again"),
    ],
)
def test_outputs_are_shared_by_receivers_and_archive(wanted: int, length: int, delivered: bool, archived: bool) -> None:
    outputs = Outputs(FakeKube(), namespace_of=str.lower)  # type: ignore[arg-type]
    store = cast("Store", Mock(get=lambda _: Mock(job=job_view())))
    handover = Handover(store, outputs, cast("Delivery", Mock(room=lambda _: wanted)), cast("Archiver", Mock()))
    handover.keep(UID, "a", b"x" * length)
    kept = {receiver: outputs.kept(UID, "a", receiver) for receiver in (DELIVERY, ARCHIVE)}
    assert {receiver: output is not None for receiver, output in kept.items()} == {
        DELIVERY: delivered,
        ARCHIVE: archived,
    }


def test_output_that_cannot_be_read_again_is_wanted_whole() -> None:
    handover = Handover(Mock(), Mock(), cast("Delivery", Mock(room=lambda _: 64)), cast("Archiver", Mock()))
    assert handover.room(job_view()) == 64
    assert handover.room(job_view(), leaving=True) == LEAVING
    assert handover.room(job_view(history={"archivedOutputBytes": 100}), leaving=True) == 100
