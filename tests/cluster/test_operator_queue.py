"""The line of a job at a real API server: who waits and for how long, what ends it, and that a death loses nothing."""

from itertools import pairwise

import pytest

from tests.support import ledger
from tests.support.jobs import at, each_second, simulated
from tests.support.kube import Object, finished
from tests.support.sites import Site

pytestmark = pytest.mark.cluster(nodes="kwok")

LONG, BRIEF = simulated(run_for="1h"), simulated(run_for="1500ms")


def waiting(status: Object) -> list[Object]:
    return [entry for entry in status.get("active", ()) if not entry.get("uid")]


@pytest.mark.promise
def test_each_slot_runs_in_turn_or_is_counted_whatever_dies(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    queue = {"concurrency": "queue", "missedRuns": "all", "jobTemplate": BRIEF}
    kube.apply(
        each_second("oldest", queue={"max": 3}, **queue),
        each_second("newest", queue={"max": 3, "order": "newest"}, **queue),
    )
    for deaths in range(1, 4):
        for name in ("oldest", "newest"):
            kube.wait_status(name, "to have a line", lambda status: len(waiting(status)) == 3)
            kube.wait_status(name, "to run", finished(2 * deaths))
        operator.kill()
        operator.start()
    accounts = ledger.close_all(kube, ("oldest", "newest"), every=1)
    for name, account in accounts.items():
        account.assert_balanced()
        runs = sorted(kube.status(name)["executions"], key=lambda run: at(run["startedAt"]))
        assert [b["job"] for a, b in pairwise(runs) if at(b["startedAt"]) < at(a["finishedAt"])] == []
        waited = [run for run in runs if "queuedAt" in run]
        assert len(waited) >= len(runs) - 1
        assert [run for run in waited if not at(run["slot"]) <= at(run["queuedAt"]) <= at(run["startedAt"])] == []
        if name == "oldest":
            assert runs == sorted(runs, key=lambda run: at(run["slot"]))
    operator.stop()
    operator.assert_clean()
