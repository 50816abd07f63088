"""A DkronBackfill as views: what a watch keeps of it, and what one look reads.

Slots that were looked at before are kept. To read and sort ten thousand takes longer than all else of a look, and
anyone who may edit a DkronBackfill causes looks.
"""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from dkron_crds.backfill import BackfillOrder, BackfillSpec, BackfillStatus, BackfillTarget
from dkron_crds.base import first_problem
from dkron_operator.backfill.advance import Slot, in_order

Object = dict[str, Any]
MOST = 32
"""Backfills whose slots are kept: ten thousand slots take some 2 MB."""


class Known(NamedTuple):
    """The part of a DkronBackfill that a watch keeps."""

    uid: str
    namespace: str
    name: str
    rests: bool
    """Whether nothing is left to do: it has ended, its status knows the newest edit, and it is not to be deleted by
    itself."""

    @classmethod
    def read(cls, body: Object) -> Self:
        """Read an object."""
        metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
        generation = metadata.get("generation", 0)
        rests = bool(status.get("finishedAt")) and "ttlSecondsAfterFinished" not in spec
        rests = rests and status.get("observedGeneration", generation) == generation
        return cls(metadata["uid"], metadata["namespace"], metadata["name"], rests)


@dataclass(frozen=True, slots=True)
class View:
    """A DkronBackfill, as the API server has it."""

    namespace: str
    name: str
    uid: str
    version: str
    """The resourceVersion."""

    generation: int
    created: datetime
    deleting: bool
    """Whether the object has a deletionTimestamp."""

    body: Object = field(repr=False)
    kind: str = "DkronBackfill"

    @classmethod
    def read(cls, body: Object) -> Self:
        """Read the metadata."""
        metadata = body["metadata"]
        return cls(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            generation=metadata.get("generation", 0),
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleting="deletionTimestamp" in metadata,
            body=body,
        )


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
