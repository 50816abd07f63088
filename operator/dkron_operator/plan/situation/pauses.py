"""DkronPauses as a plan reads them, and what they mean together at one moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dkron_crds.base import rfc3339


@dataclass(frozen=True, slots=True)
class Pause:
    """A DkronPause that selects a job."""

    namespace: str
    name: str
    created: datetime
    drop: bool
    """Slots that come due meanwhile are counted as skipped, and do not run later."""

    until: datetime | None = None
    """When it ends by itself; None: when it is deleted."""

    reason: str = ""
    by: str = ""
    enforce: bool = False
    """Force does not overrule it."""

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself."""
        return self.until is not None and self.until <= now

    def __str__(self) -> str:
        who, why = f" by {self.by}" if self.by else "", f": {self.reason}" if self.reason else ""
        enforced = ", enforced" if self.enforce else ""
        return f"paused{who}{why} (DkronPause {self.namespace}/{self.name}){enforced}"


@dataclass(frozen=True, slots=True)
class ActivePause:
    """All pauses of a job as one, while at least one of them holds it."""

    pause: Pause
    """The oldest of them; if force does not overrule some, the oldest of those."""

    until: datetime | None
    """When the last one ends by itself; None: when it is deleted."""

    drop: bool
    """Whether one of them drops slots."""

    drops_until: datetime | None
    """When the last one that drops slots ends by itself; None: when it is deleted, or none drops."""

    changes_at: datetime | None
    """When the first one ends by itself."""

    enforce: bool
    """Whether force does not overrule one of them."""

    def __str__(self) -> str:
        return str(self.pause) if self.until is None else f"{self.pause}, until {rfc3339(self.until)}"


def hold_by(pauses: Iterable[Pause], now: datetime) -> ActivePause | None:
    """What holds the job now; None if nothing does."""
    live = [pause for pause in pauses if not pause.is_over(now)]
    if not live:
        return None
    dropping = [pause for pause in live if pause.drop]
    enforced = [pause for pause in live if pause.enforce]
    return ActivePause(
        pause=min(enforced or live, key=lambda pause: (pause.created, pause.namespace, pause.name)),
        until=_last_end(live),
        drop=bool(dropping),
        drops_until=_last_end(dropping),
        changes_at=min((pause.until for pause in live if pause.until is not None), default=None),
        enforce=bool(enforced),
    )


def _last_end(pauses: Sequence[Pause]) -> datetime | None:
    ends = [pause.until for pause in pauses if pause.until is not None]
    return max(ends) if ends and len(ends) == len(pauses) else None


def ended_by(pauses: Iterable[Pause], now: datetime, *, drop: bool | None = None) -> datetime | None:
    """When the latest of those that are over ended; None if none is. `drop`: only those that (do not) drop slots."""
    ends = (pause.until for pause in pauses if pause.is_over(now) and drop in (None, pause.drop))
    return max((end for end in ends if end is not None), default=None)
