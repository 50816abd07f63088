"""The slots of DkronBackfills that were looked at before. To read and sort ten thousand takes longer than all else of a
look, and anyone who may edit a DkronBackfill causes looks."""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dkron_crds.backfill import BackfillOrder, BackfillSpec, BackfillStatus, BackfillTarget
from dkron_crds.base import first_problem
from dkron_operator.backfill.advance import Slot, in_order
from dkron_operator.backfill.view import View

Object = dict[str, Any]
MOST = 32
"""Backfills whose slots are kept: ten thousand slots take some 2 MB."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A DkronBackfill, with its slots in the order in which they begin."""

    spec: BackfillSpec
    status: BackfillStatus
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    digest: bytes
    order: BackfillOrder
    targets: tuple[BackfillTarget, ...]
    slots: tuple[Slot, ...]


class KeptSlots:
    """Reads DkronBackfills, and their slots only if these have changed."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def parse(self, view: View) -> Parsed | str:
        """Return the spec, the status and the slots, or what is not valid in them."""
        written: Object = view.body.get("status") or {}
        digest = hashlib.sha256(json.dumps(written.get("targets")).encode()).digest()
        kept = self._kept.get(view.uid)
        try:
            spec = BackfillSpec.from_wire(view.body["spec"])
            if kept is not None and kept.digest == digest:
                rest = BackfillStatus.from_wire({key: value for key, value in written.items() if key != "targets"})
                status = rest.model_copy(update={"targets": kept.targets})
            else:
                status, kept = BackfillStatus.from_wire(written), None
        except ValidationError as exc:
            return first_problem(exc)
        if kept is None or kept.order is not spec.order:
            kept = _Kept(digest, spec.order, status.targets, tuple(in_order(spec, status.targets)))
        self._kept[view.uid] = kept
        self._kept.move_to_end(view.uid)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return Parsed(spec, status, kept.slots)

    def drop(self, uid: str) -> None:
        """The backfill with this uid is not looked at any more."""
        self._kept.pop(uid, None)
