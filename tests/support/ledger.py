"""The promise as an account: every slot that was due has exactly one Job, or is counted as skipped.

Jobs are counted by their uids, as a watch has seen them be born: one that was made again has the name of the first.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.job import SkipReason
from dkron_kube.paths import DKRON_JOBS
from tests.support.jobs import at
from tests.support.kube import Kube, condition

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of the slots of a job with `@every`, from its creation to its mark."""

    due: tuple[datetime, ...]
    fired: Counter[datetime]
    skipped: int
    reason: str

    @property
    def late_or_double(self) -> list[str]:
        """Slots that fired and were not due, or fired more than once."""
        return [f"{slot}: {n}" for slot, n in sorted(self.fired.items()) if n > 1 or slot not in self.due]

    @property
    def unfired(self) -> list[datetime]:
        """Slots that were due and did not fire."""
        return [slot for slot in self.due if slot not in self.fired]

    def assert_balanced(self, *, rivals: bool = False, late: int = 0) -> None:
        """No slot twice, and none unaccounted for. Of `rivals` without a common Lease, one may count the newest slot as
        edited while the other, which has yet to notice the edit, fires it. The Jobs of `late` slots were created when
        another leader had decided them: each may be counted as skipped, too."""
        assert self.due, "no slot was due"
        assert not self.late_or_double, f"fired without being due, or twice: {self.late_or_double}"
        unfired = [slot.isoformat() for slot in self.unfired]
        counted_too = 1 if rivals and self.reason == SkipReason.EDITED else late
        assert 0 <= self.skipped - len(unfired) <= counted_too, (
            f"{self.skipped} slots are counted as skipped; not fired are {unfired}"
        )


def close(kube: Kube, name: str, *, every: int) -> Ledger:
    """Disable the job, wait until all its attempts have ended, and add up.

    Only right for a job whose schedule was never changed. What its history has forgotten, the watch has seen.
    """
    return close_all(kube, [name], every=every)[name]


def close_all(kube: Kube, names: Iterable[str], *, every: int) -> dict[str, Ledger]:
    """Close several jobs at once."""
    for name in names:
        kube.edit(name, disabled=True)
    return {name: _ledger(kube, name, every=every) for name in names}


def begun_late(kube: Kube, name: str, *, due_before: datetime, created_after: datetime) -> int:
    """How many slots of before one moment have a Job that was created after the other."""
    born = kube.born(kube.get(DKRON_JOBS, name)["metadata"]["uid"])
    return sum(
        at(metadata["annotations"]["dkron.io/slot"]) <= due_before
        and at(metadata["creationTimestamp"]) >= created_after
        for metadata in born
    )


def _ledger(kube: Kube, name: str, *, every: int) -> Ledger:
    status = kube.wait_status(name, "to be disabled, with nothing active", _closed)
    job = kube.get(DKRON_JOBS, name)
    created, uid = at(job["metadata"]["creationTimestamp"]), job["metadata"]["uid"]
    skipped = status.get("skipped") or {}
    due = _grid(created, every=every, until=at(status["lastScheduleTime"]))
    fired = Counter(at(slot) for slot, _ in _fired(kube, uid, status))
    # A slot that was due when the job was disabled, and undecided, counts as neither.
    cut = 0
    if skipped.get("lastReason") == SkipReason.EDITED:
        cut = sum(1 for slot in due if slot > max(fired, default=created))
    return Ledger(
        due=due[: len(due) - cut],
        fired=fired,
        skipped=skipped.get("count", 0) - cut,
        reason=skipped.get("lastReason", ""),
    )


def _closed(status: Object) -> bool:
    disabled = condition(status, "Suspended").get("reason") == "Disabled"
    return bool(disabled and not status.get("active") and status.get("lastScheduleTime"))


def _grid(origin: datetime, *, every: int, until: datetime) -> tuple[datetime, ...]:
    steps = (until - origin) // timedelta(seconds=every)
    return tuple(origin + timedelta(seconds=every * step) for step in range(1, steps + 1))


def _fired(kube: Kube, uid: str, status: Object) -> Iterator[tuple[str, str]]:
    """Slot and name of each Job of a first attempt by schedule, from those that were born; and from the record, if it
    tells of another one."""
    seen = set()
    for metadata in kube.born(uid):
        note = metadata["annotations"]
        seen.add(metadata["name"])
        if (note["dkron.io/trigger"], note["dkron.io/attempt"]) == ("schedule", "1"):
            yield note["dkron.io/slot"], metadata["name"]
    recorded = {
        (execution["slot"], execution["job"])
        for execution in status.get("executions", ())
        if (execution["trigger"], execution["attempt"]) == ("schedule", 1)
    }
    yield from (each for each in recorded if each[1] not in seen)
