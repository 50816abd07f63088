"""The jobs of a storm: every schedule and policy beside every other, about three executions a second in all; and one
that only shows how soon what is asked for is done.

Their pods are simulated, so how long they run and how they end is part of the job.
"""

from collections.abc import Mapping
from typing import Any

from dkron_crds.pool import PoolOrder
from tests.chaos.history import Pool
from tests.support.jobs import Object, dkron_job, simulated

KEEP = {"executions": 100, "successfulJobs": 100, "failedJobs": 100}
TIDY = {"executions": 10, "successfulJobs": 1, "failedJobs": 1}
QUICK = {"initial": "1s", "max": "2s"}


TOGETHER = frozenset({"every-three", "single-skip", "madrid", "after-that", "deadline", "asked"})
"""Jobs that one DkronPause holds by their label."""
LABEL = {"chaos.dkron.io/paused": "together"}
BACKFILLED = ("fields", "madrid", "fails", "deadline-short")
"""Jobs whose slots of the past run again, some by their label. They are not deleted; the last of them is edited."""
FAILING = ("fails",)
SELECTED = {"chaos.dkron.io/again": "together"}


def job(name: str, schedule: str = "@manually", *, lasts: str = "100ms", code: int = 0, **spec: Any) -> Object:
    """A job whose pod runs so long and ends with this code."""
    template = simulated(run_for=lasts, exit_code=code)
    body = dkron_job(name, schedule=schedule, jobTemplate=template, **({"history": KEEP} | spec))
    labels = (LABEL if name in TOGETHER else {}) | (SELECTED if name in BACKFILLED else {})
    if labels:
        body["metadata"]["labels"] = labels
    return body


_JOBS: tuple[Object, ...] = (
    job("every-two", "@every 2s", missedRuns="all"),
    job("every-three", "@every 3s", lasts="1s"),
    job("every-four", "@every 4s", missedRuns="skip"),
    job("fields", "*/5 * * * * *"),
    job("madrid", "3-59/7 * * * * *", timezone="Europe/Madrid", missedRuns="all"),
    job("single", "@every 3s", lasts="4s", concurrency="forbid"),
    job("single-all", "@every 8s", lasts="1s", concurrency="forbid", missedRuns="all"),
    job("single-skip", "*/9 * * * * *", lasts="4s", concurrency="forbid", missedRuns="skip"),
    job("line", "@every 3s", lasts="2500ms", concurrency="queue", missedRuns="all", queue={"max": 3}),
    job("line-newest", "*/7 * * * * *", lasts="8s", concurrency="queue", queue={"order": "newest", "expires": "12s"}),
    job("newest", "@every 6s", lasts="8s", concurrency="replace"),
    job("newest-quick", "*/10 * * * * *", lasts="2s", concurrency="replace", missedRuns="all"),
    job("fails", "*/12 * * * * *", code=1, retries=2, retryBackoff=QUICK),
    job("fails-single", "@every 13s", code=1, retries=1, retryBackoff=QUICK, concurrency="forbid"),
    job("deadline", "@every 5s", startingDeadlineSeconds=10, missedRuns="all"),
    job("deadline-short", "*/6 * * * * *", startingDeadlineSeconds=4),
    job("after-fields", schedule="", parentJob="fields"),
    job("after-that", schedule="", parentJob="after-fields", lasts="1s"),
    job("after-failure", schedule="", dependsOn=[{"job": "fails", "when": "failure"}], concurrency="forbid"),
    job("asked", lasts="1s", parameters=[{"name": "day", "default": "2026-03-01"}]),
    job("asked-single", lasts="3s", concurrency="forbid"),
    job("placed", "@every 4s", lasts="2500ms", missedRuns="all", pools=["places"], queue={"max": 5}),
    job("both-places", "*/7 * * * * *", lasts="4s", pools=["one", "places"], queue={"max": 5}),
    job("urgent", lasts="2s", pools=["one"], priority=5),
    job("tidy", "@every 7s", history=TIDY),
    job("probe", history=TIDY),
)

POOLS = (Pool(name="places", size=2), Pool(name="one", size=1, order=PoolOrder.PRIORITY))
"""The pools that some of them name."""
BODIES: Mapping[str, Object] = {body["metadata"]["name"]: body for body in _JOBS}
NAMES = tuple(BODIES)
PARENTS = frozenset({"fields", "after-fields", "fails"})
"""Jobs that others run after. They are not deleted: what their successors owe then is not promised."""
SCHEDULED = tuple(
    name
    for name in NAMES
    if name not in {"asked", "asked-single", "urgent", "probe"} and BODIES[name]["spec"]["schedule"]
)
STEADY = frozenset(
    {
        *("every-two", "fields", "madrid", "single-all", "line", "newest-quick", "fails", "tidy", "probe"),
        *("placed", "both-places"),
    }
)
"""Jobs that no client changes. Which spec decided a slot of the others in a storm is mostly open: it need
not run. Each slot of these that `missedRuns` wants has to.
"""
REQUESTED = (
    *("asked", "asked-single", "single", "newest", "every-three", "after-that", "fails", "newest-quick", "tidy"),
    *("line", "line-newest", "placed", "urgent"),
)
"""Jobs of which DkronRuns are created."""
PAUSABLE = tuple(name for name in NAMES if name not in {"every-two", "probe"})
"""Jobs that are paused: all but those that show how soon all is well again."""
ASKED = ("asked", "asked-single", "single", "newest", "every-three", "after-that", "fails", "line-newest", "urgent")

EDITS: tuple[Object, ...] = (
    {"schedule": "@every 2s"},
    {"schedule": "@every 5s"},
    {"schedule": "*/4 * * * * *"},
    {"schedule": "1-59/3 * * * * *", "timezone": "Asia/Kathmandu"},
    {"missedRuns": "all"},
    {"missedRuns": "latest"},
    {"missedRuns": "skip"},
    {"concurrency": "forbid"},
    {"concurrency": "allow"},
    {"concurrency": "replace"},
    {"concurrency": "queue"},
    {"retries": 1},
    {"startingDeadlineSeconds": 20},
)
"""Changes of an edit, beside the spec that the job began with."""


def without_replace(spec: Object) -> Object:
    """The same, but what would be replaced keeps the next one away: the name of a Job that is deleted is free again, so
    `replace` needs a single operator to act."""
    return spec | {"concurrency": "forbid"} if spec.get("concurrency") == "replace" else spec
