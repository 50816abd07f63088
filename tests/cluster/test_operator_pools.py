"""Pools at a real API server: never more runs than places, none lost in line, whatever dies, is edited or is gone."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest

import localcluster
from dkron_kube.paths import DKRON_POOLS
from tests.support import ledger
from tests.support.api_sites import api_for
from tests.support.jobs import at, dkron_job, dkron_pool, each_second, simulated
from tests.support.kube import Kube, Object, condition, finished
from tests.support.sites import Site, namespace

pytestmark = pytest.mark.cluster(nodes="kwok")

LONG, BRIEF = simulated(run_for="1h"), simulated(run_for="1200ms")
NAMES = ("one", "two", "three")


def claims(status: Object) -> list[Object]:
    """The entries of runs that wait."""
    return [entry for entry in status.get("active", ()) if not entry.get("uid")]


def begun(status: Object) -> list[Object]:
    return [entry for entry in status.get("active", ()) if entry.get("uid")]


def most_at_once(executions: Iterable[Object]) -> int:
    """How many of these ran at the same time, at the most. What ends in a second makes room for what starts in it."""
    moments: list[tuple[datetime, int]] = []
    for each in executions:
        moments += [(at(each["startedAt"]), 1), (at(each["finishedAt"]), -1)]
    count = most = 0
    for _, change in sorted(moments):
        count += change
        most = max(most, count)
    return most


def usage(kube: Kube, name: str) -> tuple[int, int, int]:
    """Size, running and waiting, as the status of the pool says."""
    status = kube.get(DKRON_POOLS, name).get("status") or {}
    return status.get("size", 0), status.get("running", 0), status.get("waiting", 0)


@pytest.mark.promise
def test_runs_share_the_places_whatever_dies(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.create(DKRON_POOLS, dkron_pool("db", 2))
    spec = {"pools": ["db"], "queue": {"max": 3}, "missedRuns": "all", "jobTemplate": BRIEF}
    kube.apply(*(each_second(name, **spec) for name in NAMES))
    for deaths in range(1, 4):
        for name in NAMES:
            kube.wait_status(name, "to wait", claims)
            kube.wait_status(name, "to run", finished(2 * deaths))
        operator.kill()
        operator.start()
    accounts = ledger.close_all(kube, NAMES, every=1)
    for name, account in accounts.items():
        account.assert_balanced()
        runs = sorted(kube.status(name)["executions"], key=lambda run: at(run["startedAt"]))
        assert runs == sorted(runs, key=lambda run: at(run["slot"])), "the runs of a job have one order"
    assert most_at_once(run for name in NAMES for run in kube.status(name)["executions"]) == 2
    operator.stop()
    operator.assert_clean()


def test_pool_of_the_operator_serves_other_namespaces(own_site: Site, cluster: localcluster.Cluster) -> None:
    kube, operator = own_site.kube, own_site.operator
    with namespace(cluster.kubeconfig, "team") as team:
        operator.add("--namespace", team.namespace, "--cluster-namespace", kube.namespace).start()
        kube.create(DKRON_POOLS, dkron_pool("db", 1))
        # A pool of the team serves only the team, whatever it says.
        team.create(DKRON_POOLS, dkron_pool("web", 1, namespaces=[kube.namespace]))
        team.apply(dkron_job("one", run=["a"], pools=["db"], jobTemplate=LONG))
        kube.apply(dkron_job("two", run=["a"], pools=["web"], jobTemplate=LONG))
        for where, name in ((team, "one"), (kube, "two")):
            where.wait_status(name, "no pool", lambda found: condition(found, "Ready").get("reason") == "PoolNotFound")
        message = condition(team.get(DKRON_POOLS, "web")["status"], "Ready")["message"]
        remark = "namespaces and perNamespace have no effect here, only in the namespace of the operator"
        assert message == f"{remark}, {kube.namespace}"
        kube.patch(DKRON_POOLS, "db", {"spec": {"namespaces": [team.namespace]}})
        team.wait_status("one", "to run", begun)
        kube.edit("two", pools=["db"])
        kube.wait_for("it to wait there", lambda: usage(kube, "db"), lambda found: found == (1, 1, 1))
        # A pool of the team takes the name over.
        team.create(DKRON_POOLS, dkron_pool("db", 1))
        kube.wait_status("two", "to have the place", begun)
        team.wait_for("its own pool", lambda: usage(team, "db"), lambda found: found == (1, 1, 0))


def test_rest_tells_the_places_in_line(own_site: Site, cluster: localcluster.Cluster, tmp_path: Path) -> None:
    kube, operator = own_site.kube, own_site.operator
    with namespace(cluster.kubeconfig, "team") as team:
        operator.add("--namespace", team.namespace, "--cluster-namespace", kube.namespace).start()
        kube.create(DKRON_POOLS, dkron_pool("db", 1, namespaces=[team.namespace]))
        found = kube.wait_for(
            "its first status", lambda: kube.get(DKRON_POOLS, "db")["status"], lambda seen: seen.get("message")
        )
        assert (found["running"], found["waiting"]) == (0, 0), "kubectl shows these as columns"
        for name, seen in (("one", begun), ("two", claims), ("three", claims)):
            team.apply(dkron_job(name, run=["a"], pools=["db"], jobTemplate=LONG))
            team.wait_status(name, "to run or wait", seen)
        with api_for(team, tmp_path, "--cluster-namespace", kube.namespace) as api:

            def pools() -> list[list[Object] | None]:
                rows = [api.rest.get(f"/v1/jobs/{name}/executions").json() for name in NAMES]
                return [row.get("pools") for (row,) in rows]

            first, second = ([{"name": "db", "place": place, "waiting": 2}] for place in (1, 2))
            wanted: list[list[Object] | None] = [None, first, second]
            team.wait_for("the places", pools, lambda told: told == wanted)
            (entry,) = begun(team.status("one"))
            team.ask_stop("one", entry["job"], "2026-01-01T00:00:02Z by a test")
            wanted = [None, None, [{"name": "db", "place": 1, "waiting": 1}]]
            team.wait_for("the next place", pools, lambda told: told == wanted)
