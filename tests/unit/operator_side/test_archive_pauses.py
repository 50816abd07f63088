"""Pauses in the archive, from their begin to their end; and how much of an output is kept for it."""

from dataclasses import dataclass, replace
from typing import cast
from unittest.mock import Mock

import pytest

from dkron_archive.records import PauseRecord
from dkron_operator.archive.entries import Entries
from dkron_operator.archive.listening import Listening
from dkron_operator.archive.pauses import PauseLedger, by_key
from dkron_operator.archive.records import LEAVING
from dkron_operator.cache.store import Store
from dkron_operator.delivery.delivery import Delivery
from tests.support.builders import NOON, UID, after, job_view

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


@pytest.mark.parametrize(
    ("wanted", "length", "delivered", "archived"),
    [
        pytest.param(0, 500, None, 500, id="short, and its pod may go"),
        pytest.param(0, 1025, None, None, id="cut at the record: it is read again"),
        pytest.param(0, 5000, None, 5000, id="long, of a pod that goes"),
        pytest.param(64, 500, 65, 500, id="a receiver gets its end"),
        pytest.param(2048, 2049, 2049, None, id="cut at what a receiver wants: it is read again"),
    ],
)
def test_outputs_are_shared_by_receivers_and_archive(
    wanted: int, length: int, delivered: int | None, archived: int | None
) -> None:
    delivery, entries = Mock(room=lambda _: wanted), Mock()
    store = cast("Store", Mock(get=lambda _: Mock(job=job_view())))
    listening = Listening(cast("Delivery", delivery), cast("Entries", entries), store)
    listening.keep(UID, "a", b"x" * length)
    assert [len(call.args[2]) for call in delivery.keep.call_args_list] == [delivered] * (delivered is not None)
    assert [len(call.args[2]) for call in entries.keep.call_args_list] == [archived] * (archived is not None)


def test_output_that_cannot_be_read_again_is_wanted_whole() -> None:
    listening = Listening(cast("Delivery", Mock(room=lambda _: 64)), Mock(), Mock())
    assert listening.room(job_view()) == 64
    assert listening.room(job_view(), leaving=True) == LEAVING
    assert listening.room(job_view(history={"archivedOutputBytes": 100}), leaving=True) == 100
