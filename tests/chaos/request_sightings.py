"""DkronRuns and DkronBackfills that a witness has seen, as facts. Pure.

Each is told as it was last. Of a DkronBackfill every version counts, too: which slots it runs must never change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dkron_crds.backfill import BackfillStatus
from dkron_crds.run import OF_BACKFILL, RunSpec, RunStatus
from tests.chaos.history import BackfillObject, RunObject

Object = Mapping[str, Any]


@dataclass
class RequestSightings:
    """All that was seen, by uid."""

    _runs: dict[str, RunObject] = field(default_factory=dict)
    _backfills: dict[str, BackfillObject] = field(default_factory=dict)

    def run(self, body: Object, seen: datetime) -> None:
        """A DkronRun is there."""
        metadata = body["metadata"]
        known = self._runs.get(metadata["uid"])
        self._runs[metadata["uid"]] = RunObject(
            name=metadata["name"],
            uid=metadata["uid"],
            seen=seen if known is None else known.seen,
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            spec=RunSpec.from_wire(body["spec"]),
            status=RunStatus.from_wire(body.get("status") or {}),
            backfill=(metadata.get("labels") or {}).get(OF_BACKFILL, ""),
        )

    def lost_run(self, body: Object, seen: datetime) -> None:
        """A DkronRun is gone; this is how it was last."""
        self.run(body, seen)
        uid = body["metadata"]["uid"]
        self._runs[uid] = replace(self._runs[uid], gone=seen)

    def backfill(self, body: Object) -> None:
        """A DkronBackfill is there, or this is how it was last."""
        metadata, status = body["metadata"], BackfillStatus.from_wire(body.get("status") or {})
        known = self._backfills.get(metadata["uid"])
        decided = () if known is None else known.decided
        if status.targets and status.targets not in decided[-1:]:
            decided = (*decided, status.targets)
        self._backfills[metadata["uid"]] = BackfillObject(
            name=metadata["name"], uid=metadata["uid"], status=status, decided=decided
        )

    @property
    def runs(self) -> tuple[RunObject, ...]:
        """The DkronRuns."""
        return tuple(self._runs.values())

    @property
    def backfills(self) -> tuple[BackfillObject, ...]:
        """The DkronBackfills."""
        return tuple(self._backfills.values())

    def facts(self, until: datetime) -> Iterator[RunObject | BackfillObject]:
        """One for each. A DkronRun that was seen after `until` is left out."""
        yield from (run for run in self._runs.values() if run.seen <= until)
        yield from self._backfills.values()
