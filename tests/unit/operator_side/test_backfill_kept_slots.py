"""The slots of a DkronBackfill are parsed once for many looks, and again only when they have changed."""

from dataclasses import dataclass
from typing import Any

import pytest

from dkron_operator.backfill.view import KeptSlots, Parsed, View
from tests.support.builders import NOON

Object = dict[str, Any]
SLOTS = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]


def view(*, uid: str = "u", slots: list[str] = SLOTS, order: str = "oldestFirst", begun: int = 0) -> View:
    spec = {"job": "backup", "from": SLOTS[0], "to": "2026-02-01T00:00:00Z", "order": order}
    status = {"targets": [{"job": "backup", "uid": "j", "slots": slots}], "begun": begun}
    metadata = {
        "name": "again", "namespace": "default", "uid": uid, "resourceVersion": str(begun),
        "creationTimestamp": NOON.isoformat(),
    }  # fmt: skip
    return View.read({"metadata": metadata, "spec": spec, "status": status})


def parsed(kept: KeptSlots, one: View) -> Parsed:
    found = kept.parse(one)
    assert isinstance(found, Parsed)
    return found


@dataclass(frozen=True)
class Look:
    about: str
    view: View
    again: bool
    """Whether the slots are parsed and sorted again."""


@pytest.mark.parametrize("case", [
    Look("another version", view(begun=1), again=False),
    Look("other slots", view(slots=SLOTS[:1]), again=True),
    Look("another order", view(order="newestFirst"), again=True),
    Look("another object", view(uid="v"), again=True),
], ids=lambda case: case.about)  # fmt: skip
def test_slots_are_parsed_again_if_they_changed(case: Look) -> None:
    kept = KeptSlots()
    before, now = parsed(kept, view()), parsed(kept, case.view)
    assert (now.slots is before.slots) is not case.again
    fresh = parsed(KeptSlots(), case.view)
    assert (now.slots, now.spec, now.status) == (fresh.slots, fresh.spec, fresh.status)


def test_the_slots_of_few_backfills_are_kept() -> None:
    kept = KeptSlots(most=1)
    first = parsed(kept, view())
    parsed(kept, view(uid="v"))
    assert parsed(kept, view()).slots is not first.slots
    last = parsed(kept, view())
    kept.drop("u")
    assert parsed(kept, view()).slots is not last.slots


def test_unreadable_slots_are_reported() -> None:
    kept = KeptSlots()
    parsed(kept, view())
    assert "targets.0.slots.0" in str(kept.parse(view(slots=["soon"])))
