"""The pauses as the archive has them: each DkronPause, and each job that is disabled, from its begin to its end."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from dkron_archive.records import PauseRecord
from dkron_crds.job import ConditionStatus, ConditionType, JobStatus, SuspendedReason
from dkron_operator.plan.situation.pauses import Pause
from dkron_operator.plan.situation.view import JobView

Key = tuple[str, str, datetime]
"""Namespace, name and begin."""
DISABLED = "spec.disabled"
"""The reason of a job that is disabled."""


def pause_of(pause: Pause) -> PauseRecord:
    """The record of a DkronPause."""
    return PauseRecord(pause.namespace, pause.name, pause.created, pause.until, reason=pause.reason, by=pause.by)


def own_pause(job: JobView, status: JobStatus) -> PauseRecord | None:
    """The record of a job that is disabled; None if it is not."""
    for each in status.conditions:
        disabled = (each.status, each.reason) == (ConditionStatus.TRUE, SuspendedReason.DISABLED)
        if each.type == ConditionType.SUSPENDED and disabled:
            return PauseRecord(job.namespace, job.dkron_name, each.last_transition_time, None, reason=DISABLED)
    return None


class PauseLedger:
    """The pauses that the archive has, of those that last."""

    def __init__(self) -> None:
        self.is_read = False
        """Whether the archive was asked for them."""
        self._stored: Mapping[Key, PauseRecord] = {}

    def stored(self, lasting: Mapping[Key, PauseRecord]) -> None:
        """The archive has these, and the ends of all others."""
        self.is_read = True
        self._stored = lasting

    def changes(self, lasting: Mapping[Key, PauseRecord], now: datetime) -> list[PauseRecord]:
        """The records to write, where these pauses last now."""
        new = [record for key, record in lasting.items() if self._stored.get(key) != record]
        gone = [record for key, record in self._stored.items() if key not in lasting]
        ended = [replace(record, end=max(now, record.begin)) for record in gone if lasts(record, now)]
        return new + ended


def lasts(record: PauseRecord, now: datetime) -> bool:
    """Whether it has not ended by itself."""
    return record.end is None or record.end > now


def by_key(records: Iterable[PauseRecord]) -> dict[Key, PauseRecord]:
    """The records by namespace, name and begin."""
    return {(record.namespace, record.name, record.begin): record for record in records}
