"""An operator of one namespace with the least rights: it can do all, and misses each of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

import localcluster
from dkron_crds.names import ACCEPTED
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, DKRON_PAUSES, LEASES
from tests.support.jobs import dkron_job, dkron_pause, pod_template, vanished
from tests.support.kube import Kube, condition, finished
from tests.support.rights import FOR_DKRON_RUNS, FOR_THE_INSTALLATION, LEAST, each_right, limited_access, without
from tests.support.sites import Site, install, site

pytestmark = pytest.mark.cluster(nodes="real")

NOON = "2026-01-01T12:00:00Z"
QUICK_END = pod_template(terminationGracePeriodSeconds=1)
UNSEEN = {("dkronjobs", "get")}
"""Needed after a write that came second, which cannot be had at will."""
ONE_LESS = [item for item in each_right(LEAST) if item[0] not in (*FOR_THE_INSTALLATION, *FOR_DKRON_RUNS)]
"""Those without which jobs run all the same are tried in tests/cluster."""


def start_everything(kube: Kube) -> None:
    """What takes every right once: runs, one of them on request, a replaced one and one that is asked after; and a job
    that goes."""
    kube.apply(
        dkron_job("good", "echo seen", run=["once"]),
        dkron_job("bad", "false", run=["once"]),
        dkron_job("replaced", "sleep 60", schedule="@every 15s", concurrency="replace", jobTemplate=QUICK_END),
        dkron_job("haunted"),
        dkron_job("ephemeral", ephemeral=True, run=["once"]),
        dkron_job("podless", jobTemplate=pod_template(serviceAccountName="nobody"), run=["once"]),
    )
    kube.create(DKRON_PAUSES, dkron_pause("nobody", jobs=["nobody"]))
    kube.write_status("haunted", active=[vanished(kube.get(DKRON_JOBS, "haunted"), NOON)])


@pytest.fixture(scope="module")
def sites(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """Operators with all rights, and with each but one, in namespaces of their own; all work at once."""
    install(cluster)
    folder = tmp_path_factory.mktemp("rights")
    cases = {"": LEAST} | {f"{verb} {resource}": without(LEAST, resource, verb) for resource, verb in ONE_LESS}
    with ExitStack() as stack:
        started = {}
        for name, rules in cases.items():
            own = folder / (name.replace("/", "-") or "all")
            own.mkdir()
            access = partial(limited_access, rules=rules, folder=own)
            started[name] = stack.enter_context(
                site(cluster.kubeconfig, purpose=f"no {name}", folder=own, access=access)
            )
        for each in started.values():
            start_everything(each.kube)
            each.operator.start(wait=False)
        yield started


def test_the_least_rights_suffice(sites: dict[str, Site]) -> None:
    kube, operator = sites[""].kube, sites[""].operator
    good = kube.wait_status("good", "its run", finished(1), seconds=100)
    assert (good["executions"][0]["output"], good["status"]) == ("seen\n", "success")
    assert kube.get(DKRON_JOBS, "good")["metadata"]["annotations"].keys() == {ACCEPTED}, "the request is gone"
    kube.wait_status("bad", "its run", finished(1))
    kube.wait_for("an Event", lambda: kube.events_of("bad", "ExecutionFailed"), bool)
    kube.wait_status("replaced", "a replaced run", finished(1))
    haunted = kube.wait_status("haunted", "its ghost to be lost", finished(1))
    assert condition(haunted, "Degraded")["reason"] == "JobLost"
    kube.wait_for("an ephemeral job to go", lambda: kube.find(DKRON_JOBS, "ephemeral"), lambda found: found is None)
    kube.edit("replaced", disabled=True)
    kube.wait_for(
        "the DkronCluster", lambda: kube.get(DKRON_CLUSTERS, "dkron").get("status", {}), lambda s: s.get("leader")
    )
    assert kube.get(LEASES, "dkron")["spec"]["holderIdentity"]
    operator.stop()
    operator.assert_clean()
    assert "forbidden" not in operator.text()


@pytest.mark.parametrize(
    ("resource", "verb"),
    [pytest.param(*item, id=f"{item[1]} {item[0]}") for item in ONE_LESS if item not in UNSEEN],
)
def test_a_right_that_is_missing_is_named(sites: dict[str, Site], resource: str, verb: str) -> None:
    operator = sites[f"{verb} {resource}"].operator
    line = operator.wait_for_line(f'cannot {verb} resource "{resource}"', seconds=100, may_end=True)
    assert line["level"] in {"WARNING", "ERROR"}
    assert "forbidden" in line["msg"]
