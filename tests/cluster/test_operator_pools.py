"""Pools at a real API server: whom a pool of the operator serves, and which place a run in line has."""

from pathlib import Path

import pytest

import localcluster
from dkron_kube.paths import DKRON_POOLS
from tests.support.api_sites import api_for
from tests.support.jobs import dkron_job, dkron_pool, simulated
from tests.support.kube import Kube, Object, condition
from tests.support.sites import Site, namespace

pytestmark = pytest.mark.cluster(nodes="kwok")

LONG = simulated(run_for="1h")
NAMES = ("one", "two", "three")


def claims(status: Object) -> list[Object]:
    """The entries of runs that wait."""
    return [entry for entry in status.get("active", ()) if not entry.get("uid")]


def begun(status: Object) -> list[Object]:
    return [entry for entry in status.get("active", ()) if entry.get("uid")]


def usage(kube: Kube, name: str) -> tuple[int, int, int]:
    """Size, running and waiting, as the status of the pool says."""
    status = kube.get(DKRON_POOLS, name).get("status") or {}
    return status.get("size", 0), status.get("running", 0), status.get("waiting", 0)


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
