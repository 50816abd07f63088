"""The Lease and the DkronCluster at a real API server: who leads, who leaves, and totals that nothing falsifies."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS
from tests.support import ledger
from tests.support.jobs import KEEP_ALL, dkron_job, simulated
from tests.support.kube import Kube, Object, condition, finished, marked_after
from tests.support.operator_process import OperatorProcess
from tests.support.rights import FOR_THE_INSTALLATION, LEAST, each_right, limited_access, without
from tests.support.sites import Site, install, namespace, site

pytestmark = pytest.mark.cluster(nodes="kwok")

SECOND = timedelta(seconds=1)
NAMES = ("one", "two", "bad")


def replica(kube: Kube, folder: Path, name: str) -> OperatorProcess:
    """One of several operators of a namespace."""
    arguments = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    environment = {"POD_NAME": name, "POD_IP": "10.1.2.3"}
    return OperatorProcess(folder / f"{name}.log", *arguments, environment=environment)


@pytest.fixture
def replicas(own_site: Site, tmp_path: Path) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    """Two operators of the same namespace, not started yet."""
    both = replica(own_site.kube, tmp_path, "first"), replica(own_site.kube, tmp_path, "second")
    yield both
    for each in both:
        if each.running:
            each.stop()
        each.assert_clean()


def total(status: Object, field: str = "days") -> tuple[int, int]:
    """Successes and failures of all days."""
    days = status.get(field) or ()
    return sum(day["success"] for day in days), sum(day["failed"] for day in days)


def totals(kube: Kube, field: str = "days") -> tuple[int, int]:
    """The same, of the DkronCluster as it is now."""
    return total(kube.cluster_status(), field)


def counted(kube: Kube) -> tuple[int, int]:
    """The counts of the jobs that exist."""
    statuses = [job.get("status") or {} for job in kube.all(DKRON_JOBS)]
    return sum(s.get("successCount", 0) for s in statuses), sum(s.get("errorCount", 0) for s in statuses)


def by_second(name: str, *, exit_code: int = 0, **spec: Any) -> Object:
    return dkron_job(name, schedule="@every 1s", jobTemplate=simulated(exit_code=exit_code), **spec)


def come_to_rest(kube: Kube, *names: str) -> None:
    """Have no run follow, and those that are active end."""
    for name in names:
        kube.edit(name, disabled=True)
    for name in names:
        kube.wait_status(name, "to rest", lambda s: condition(s, "Suspended").get("status") == "True")
        kube.wait_status(name, "its last run to end", lambda s: not s.get("activeCount"))


def test_dkroncluster_shows_leader_and_totals(own_site: Site, tmp_path: Path) -> None:
    kube, operator = own_site.kube, replica(own_site.kube, tmp_path, "first")
    operator.start()
    kube.apply(dkron_job("one", run=["once"], jobTemplate=simulated()), dkron_job("two"))
    said = kube.wait_for("its status", kube.cluster_status, lambda s: s.get("jobs") == 2 and total(s) == (1, 0))
    assert (said["leader"], said["replicas"], bool(said["version"])) == ("first", 1, True)
    assert condition(said, "Ready")["status"] == "True"
    kube.patch(DKRON_CLUSTERS, "dkron", {"spec": {"paused": True}})
    generation = kube.get(DKRON_CLUSTERS, "dkron")["metadata"]["generation"]
    kube.ask_run("two", "a", "2026-01-01T00:00:00Z")
    kube.wait_status("two", "to run while the API is paused", finished(1))
    kube.wait_for("the change to be seen", kube.cluster_status, lambda s: s["observedGeneration"] == generation)
    operator.stop()
    operator.assert_clean()
    said = kube.cluster_status()
    assert (said["leader"], said["replicas"], condition(said, "Ready")["reason"]) == ("", 0, "Stopped")
    assert total(said) == (2, 0)


@pytest.mark.promise
def test_the_totals_are_exact_over_kills_and_deletions(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(by_second("one"), by_second("two"), by_second("bad", exit_code=3))
    for _ in range(2):
        moment = datetime.now(UTC)
        for name in NAMES:
            kube.wait_status(name, "to go on", marked_after(moment + SECOND))
        operator.kill()
        operator.start()
    come_to_rest(kube, *NAMES)
    before = counted(kube)
    assert min(before) > 3
    kube.wait_for("the totals", lambda: totals(kube), lambda found: found == before)
    gone = kube.status("one")["successCount"]
    kube.delete(DKRON_JOBS, "one")
    kube.wait_for("the job to depart", lambda: totals(kube, "departed"), lambda found: found == (gone, 0))
    operator.kill()
    operator.start()
    kube.edit("two", disabled=False)
    kube.wait_status("two", "to go on", marked_after(datetime.now(UTC) + SECOND))
    come_to_rest(kube, "two")
    success, failed = counted(kube)
    found = kube.wait_for("the totals", lambda: totals(kube), lambda found: found >= (success + gone, failed))
    assert found == (success + gone, failed)
    operator.stop()
    assert totals(kube) == found


def test_deleted_dkroncluster_returns_with_its_totals(own_site: Site) -> None:
    kube, operator = own_site.kube, own_site.operator
    operator.start()
    kube.apply(dkron_job("one", run=["once"], jobTemplate=simulated()))
    kube.wait_for("its run to be counted", lambda: totals(kube), lambda found: found == (1, 0))
    kube.delete(DKRON_CLUSTERS, "dkron")
    kube.ask_run("one", "again", "2026-01-01T00:00:01Z")
    kube.wait_for("both runs", lambda: totals(kube), lambda found: found == (2, 0))


OPTIONAL = [item for item in each_right(LEAST) if item[0] in FOR_THE_INSTALLATION]
ONE_LESS = [*OPTIONAL, ("pods", "watch")]


@pytest.fixture(scope="module")
def limited(
    cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Site]]:
    """Operators that lack one right each, in namespaces of their own; all work at once."""
    install(cluster)
    with ExitStack() as stack:
        sites = {}
        for resource, verb in ONE_LESS:
            folder = tmp_path_factory.mktemp("limited")
            access = partial(limited_access, rules=without(LEAST, resource, verb), folder=folder)
            purpose = f"no {verb} {resource}"
            sites[resource, verb] = stack.enter_context(
                site(cluster.kubeconfig, purpose=purpose, folder=folder, access=access)
            )
        for each in sites.values():
            each.kube.create_lease()
            each.kube.apply(*(dkron_job(name, run=["once"], jobTemplate=simulated()) for name in NAMES))
            each.operator.start(wait=False)
        yield sites


@pytest.mark.parametrize(("resource", "verb"), [pytest.param(*item, id=f"{item[1]} {item[0]}") for item in ONE_LESS])
def test_missing_optional_rights_stop_no_job(limited: dict[tuple[str, str], Site], resource: str, verb: str) -> None:
    kube, operator = limited[resource, verb].kube, limited[resource, verb].operator
    operator.wait_for_line("ready with", seconds=90)
    operator.wait_for_line(f'cannot {verb} resource "{resource}"', seconds=60)
    for name in NAMES:
        kube.wait_status(name, "its run", finished(1))
    if operator.running:
        operator.stop()
    operator.assert_clean()
    forbidden = [line["level"] for line in operator.lines() if "forbidden" in str(line["msg"])]
    assert forbidden == ["WARNING"], "it is said once"


@pytest.mark.promise
def test_two_installations_run_each_slot_once_and_report_it(own_site: Site, tmp_path: Path) -> None:
    """Each has a namespace for its own DkronCluster; both look after the jobs of one."""
    kube, folder = own_site.kube, tmp_path / "both"
    folder.mkdir()
    with namespace(kube.kubeconfig, "one home") as first, namespace(kube.kubeconfig, "other home") as second:
        homes = (first, second)
        options = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace, "--cluster-namespace")
        both = [OperatorProcess(folder / home.namespace, *options, home.namespace) for home in homes]
        for operator in both:
            operator.start()
        kube.apply(*(by_second(f"job-{number}", history=KEEP_ALL) for number in range(4)))

        def told() -> dict[str, str]:
            return {home.namespace: condition(home.cluster_status(), "Conflicted").get("message", "") for home in homes}

        said = kube.wait_for("one of them to meet the other", told, lambda messages: any(messages.values()))
        for home, other, operator in ((first, second, both[0]), (second, first, both[1])):
            if said[home.namespace]:
                assert (
                    f"namespace {other.namespace} also fires jobs of namespace {kube.namespace}" in said[home.namespace]
                )
                lines = [line for line in operator.lines() if "fires jobs of namespace" in str(line["msg"])]
                assert [line["level"] for line in lines] == ["WARNING"], "it is said once"
        for account in ledger.close_all(kube, [f"job-{number}" for number in range(4)], every=1).values():
            account.assert_balanced(rivals=True)
        for operator in both:
            operator.stop()
            operator.assert_clean()
