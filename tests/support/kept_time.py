"""A job that is due each second, beside objects that must not hold it up."""

from datetime import datetime, timedelta

from dkron_kube.paths import DKRON_JOBS
from tests.support.jobs import at, gaps
from tests.support.kube import Kube

CANARY = "canary"
LATE = timedelta(seconds=15)
"""How late one of its Jobs may be: as late as in storms, on a machine that is as busy."""


def assert_kept_time(kube: Kube, *, since: datetime | None = None) -> None:
    """Each slot of the canary since then, or since its first one, has had a Job in time. Jobs that were tidied away
    count: they go in the order in which they ended, not in the order of their slots.
    """
    created = {
        at(metadata["annotations"]["dkron.io/slot"]): at(metadata["creationTimestamp"])
        for metadata in kube.born(kube.get(DKRON_JOBS, CANARY)["metadata"]["uid"])
    }
    created = {slot: moment for slot, moment in created.items() if since is None or slot > since}
    assert {slot: moment for slot, moment in created.items() if moment - slot > LATE} == {}
    assert gaps([*created], every=1) == []
