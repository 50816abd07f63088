"""Rivals: other installations that fire jobs in namespaces which this one watches.

Names decide, so nothing runs twice because of it. But two operators do the work of one, both count it, and people are
told twice: somebody has set it up by mistake. Each Job says which installation has created it, so whoever meets the Job
of another knows, and needs no right to look into the other's namespace.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.lease import CREATED_BY
from dkron_operator.kit.clock import Clock

Object = Mapping[str, Any]
log = logging.getLogger(__name__)

MEMORY = timedelta(minutes=15)
"""How long the other is spoken of after the last Job of theirs."""
MOST = 20


class Conflicts:
    """Knows the other installations that were seen at work lately. `home` is the namespace of this one; `changed` is
    called when another appears."""

    def __init__(self, home: str, *, clock: Clock, changed: Callable[[], None]) -> None:
        self._home = home
        self._clock = clock
        self._changed = changed
        self._since = clock.now()
        self._seen: dict[tuple[str, str], datetime] = {}

    def see(self, job: Object) -> None:
        """A Job of a DkronJob, whoever has created it. Those from before this process say nothing: an installation may
        have moved."""
        metadata = job["metadata"]
        home = (metadata.get("annotations") or {}).get(CREATED_BY, self._home)
        if home == self._home or datetime.fromisoformat(metadata["creationTimestamp"]) <= self._since:
            return
        key = (str(home), str(metadata["namespace"]))
        known = key in self._seen
        if known or len(self._seen) < MOST:
            self._seen[key] = self._clock.now()
        if not known and key in self._seen:
            log.warning("%s", _sentence(*key))
            self._changed()

    @property
    def complaint(self) -> str:
        """A sentence about those that were seen lately; empty if there are none."""
        now = self._clock.now()
        self._seen = {key: at for key, at in self._seen.items() if now - at < MEMORY}
        if not self._seen:
            return ""
        more = len(self._seen) - 1
        return _sentence(*min(self._seen)) + (f" (and {more} more)" if more else "")


def _sentence(home: str, namespace: str) -> str:
    return (
        f"the operator whose DkronCluster is in namespace {home} fires jobs of namespace {namespace}, too: nothing "
        "runs twice, but both count and report it; let each watch namespaces of its own, or remove one of them"
    )
