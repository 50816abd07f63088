"""Conflicts: other installations that fire jobs in namespaces which this one watches.

Nothing runs twice because of it: deterministic names prevent that. But both operators do the same work, count it, and
notify users about it, so it is a configuration mistake. Each Job is annotated with the installation that created it.
That reveals the other installation without any permission in its namespace.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dkron_crds.job_metadata import CREATED_BY
from dkron_operator.kit.clock import Clock

Object = Mapping[str, Any]
log = logging.getLogger(__name__)

MEMORY = timedelta(minutes=15)
"""How long another installation is reported after its last Job was seen."""
MOST = 20


class Conflicts:
    """Tracks the other installations that recently created Jobs here. `home` is the namespace of this one; `changed` is
    called when another one appears."""

    def __init__(self, home: str, *, clock: Clock, changed: Callable[[], None]) -> None:
        self._home = home
        self._clock = clock
        self._changed = changed
        self._since = clock.now()
        self._seen: dict[tuple[str, str], datetime] = {}

    def observe(self, job: Object) -> None:
        """Take in a Job of any installation. Jobs from before this process say nothing: an installation may have
        moved."""
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
        """A sentence about the installations that were seen recently; empty if there are none."""
        now = self._clock.now()
        self._seen = {key: at for key, at in self._seen.items() if now - at < MEMORY}
        if not self._seen:
            return ""
        more = len(self._seen) - 1
        return _sentence(*min(self._seen)) + (f" (and {more} more)" if more else "")


def _sentence(home: str, namespace: str) -> str:
    return (
        f"the operator whose DkronCluster is in namespace {home} also fires jobs of namespace {namespace}: no "
        "run happens twice, but both count and report it; let each operator watch its own namespaces, or remove one"
    )
