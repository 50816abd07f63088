"""The life of a release, by Helm 4: from an earlier version over an upgrade, a rollback and an uninstall to a new
install; with jobs that run all the time, of which none may be lost or doubled."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import localcluster
from demo.expectations import EXPECTATIONS, unmet
from dkron_crds.job import DkronJob
from dkron_crds.revision import title
from dkron_kube.paths import DKRON_CLUSTERS, DKRON_JOBS, JOBS, LEASES, PODS
from tests.support import console, ledger
from tests.support.charts import HELMS
from tests.support.helm import (
    DEPLOYMENTS,
    OLDER_CHART,
    WAIT,
    Release,
    installed_title,
    named_namespace,
    remove_definitions,
    values_of,
)
from tests.support.jobs import KEEP_ALL, dkron_job
from tests.support.kube import Kube, Object, finished, marked_after
from tests.support.own_image import OwnImage

pytestmark = [pytest.mark.cluster(nodes="real"), pytest.mark.timeout(700)]

EXAMPLES = Path(__file__).parents[2] / "examples"
NEWER = ("parameters", "paused", "pool", "queue")
"""Examples with what the older definitions do not know."""
EVERY = 4
DOCS = Path(__file__).parents[2] / "docs"
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))
TRIED_ELSEWHERE = (
    "helm install",
    "helm test",
    "helm uninstall",
    "kubectl delete crd",
    "kubectl apply --server-side -f crds/",
)
"""Commands of a page that the other tests of this file carry out, or that would take the release away."""
COMPLAINT = re.compile(r"error|Error|Unable|jq: |curl: |bash: |.*command not found")
EXPECTED = re.compile(r"previous terminated container .* not found|Metrics API not available")
"""Errors of two commands of the runbooks in a healthy cluster without a metrics server."""
OPERATOR = "app.kubernetes.io/name=dkron-operator,app.kubernetes.io/component=operator"
NEW, OLD = title("DkronJob"), "DkronJob, revision 0"
"""How the definition of DkronJob calls itself, by the chart of the checkout and by the older one."""


@pytest.fixture(scope="module")
def home(cluster: localcluster.Cluster) -> Iterator[Kube]:
    """The namespace of the release."""
    remove_definitions(cluster)
    with named_namespace(cluster.kubeconfig, "dkron-system") as kube:
        yield kube


@pytest.fixture(scope="module")
def release(home: Kube, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The release; it is there from its first test to its last."""
    values = values_of(image, tmp_path_factory.mktemp("helm"))
    own = Release(HELMS["helm4"], home, home.kubeconfig, "dkron", values)
    own.install(OLDER_CHART)
    yield own
    own.uninstall()


@pytest.fixture(scope="module", autouse=True)
def team(release: Release) -> Iterator[Kube]:
    """A namespace with a job that is due all the time, and makes up for what was missed."""
    with named_namespace(release.kubeconfig, "team") as kube:
        kube.apply(dkron_job("ticking", schedule=f"@every {EVERY}s", missedRuns="all", history=KEEP_ALL))
        yield kube


@pytest.fixture(scope="module", autouse=True)
def examples(cluster: localcluster.Cluster, release: Release) -> Iterator[Kube]:
    """A namespace with the examples, whose runs go on through the upgrade."""
    with named_namespace(release.kubeconfig, "examples") as kube:
        for file in sorted(EXAMPLES.glob("*.yaml")):
            if file.stem not in NEWER:
                cluster.kubectl("-n", kube.namespace, "apply", "-f", str(file))
        kube.ask_run("manual", "e2e", "2026-01-01T00:00:00Z by a test")
        yield kube


def operator_pod(home: Kube) -> Object:
    """The only one that is not about to go."""
    (pod,) = (each for each in home.all(PODS, OPERATOR) if "deletionTimestamp" not in each["metadata"])
    return pod


def start_long_run(team: Kube, name: str, *, seconds: int) -> str:
    """A run that outlives what follows: the name of its Job."""
    team.apply(dkron_job(name, f"sleep {seconds}; echo survived", config={"shell": "true"}, run=["once"]))
    (active,) = team.wait_status(name, "its run", lambda s: s.get("active"))["active"]
    return str(active["job"])


def assert_survived(team: Kube, name: str, job: str) -> None:
    """That run has ended well, and was the only one."""
    status = team.wait_status(name, "its end", finished(1), seconds=90)
    (execution,) = status["executions"]
    assert (execution["job"], execution["state"], execution["output"]) == (job, "Succeeded", "survived\n")
    assert not status.get("active")


def wait_for_more(team: Kube) -> None:
    """A slot after this moment was decided: the operator is at work."""
    team.wait_status("ticking", "another slot", marked_after(datetime.now(UTC)))


def test_upgrade_brings_newer_crds_and_loses_no_run(release: Release, home: Kube, team: Kube) -> None:
    assert installed_title(home) == OLD
    before = operator_pod(home)["metadata"]["uid"]
    job = start_long_run(team, "through-upgrade", seconds=15)
    release.upgrade()
    assert installed_title(home) == NEW
    assert operator_pod(home)["metadata"]["uid"] != before
    wait_for_more(team)
    assert_survived(team, "through-upgrade", job)


def test_examples_show_what_they_promise(cluster: localcluster.Cluster, examples: Kube) -> None:
    def missing() -> dict[str, str]:
        jobs = [DkronJob.from_wire(each) for each in examples.all(DKRON_JOBS)]
        return {name: EXPECTATIONS[name].text for name in unmet(jobs, {})}

    cluster.kubectl("-n", examples.namespace, "apply", "-f", str(EXAMPLES))
    cluster.kubectl("-n", examples.namespace, "create", "-f", str(EXAMPLES / "runs"))
    examples.wait_for("what the examples promise", missing, lambda names: not names, seconds=150)
    cluster.kubectl("-n", examples.namespace, "delete", "dkronjobs", "--all")


@pytest.fixture(scope="module")
def sales(release: Release) -> Iterator[None]:
    """The job that the runbooks name, and the namespace that the page about security names."""
    with named_namespace(release.kubeconfig, "sales") as kube, named_namespace(release.kubeconfig, "team-a"):
        kube.apply(dkron_job("report", "echo sold", config={"shell": "true"}, run=["once"]))
        kube.wait_status("report", "its run", finished(1))
        yield


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("page", ["helm.md", "security.md", *(f"runbooks/{each.name}" for each in RUNBOOKS)])
def test_the_commands_of_a_page_work_as_written(release: Release, page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    homes = {f"HELM_{each}_HOME": str(tmp_path / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
    programs = (release.kubeconfig.parent / "bin", release.tool.program("helm").parent)
    known = {**os.environ, **homes, "KUBECONFIG": str(release.kubeconfig), "USER": "me"}
    known["PATH"] = ":".join([*map(str, programs), known["PATH"]])
    commands = console.script(text, leave_out=TRIED_ELSEWHERE)
    assert commands
    said = console.run_script(commands, environment=known, folder=DOCS.parent, seconds=200)
    complaints = [line for line in said.splitlines() if COMPLAINT.match(line) and not EXPECTED.search(line)]
    assert not complaints, f"{commands}\nprinted:\n{said}"


def test_rollback_reverts_everything_and_loses_no_run(release: Release, home: Kube, team: Kube) -> None:
    job = start_long_run(team, "through-rollback", seconds=15)
    release("rollback", "dkron", "1", *WAIT)
    assert installed_title(home) == OLD
    wait_for_more(team)
    assert_survived(team, "through-rollback", job)


def test_reinstall_takes_over_jobs_that_an_uninstall_left(release: Release, home: Kube, team: Kube) -> None:
    days = home.get(DKRON_CLUSTERS, "dkron")["status"]["days"]
    job = start_long_run(team, "through-uninstall", seconds=10)
    kept = team.get(DKRON_JOBS, "ticking")
    release.uninstall()
    assert home.all(DEPLOYMENTS) == []
    home.wait_for("the operator to end", lambda: home.all(PODS, OPERATOR), lambda left: not left)
    assert installed_title(home) == OLD
    assert team.get(DKRON_JOBS, "ticking")["metadata"]["uid"] == kept["metadata"]["uid"]
    assert home.find(DKRON_CLUSTERS, "dkron") is not None
    team.wait_for("the Job to end without an operator", lambda: team.get(JOBS, job)["status"], has_ended, seconds=60)
    release.install()
    assert installed_title(home) == NEW
    wait_for_more(team)
    assert_survived(team, "through-uninstall", job)
    counted = home.wait_for(
        "the totals to go on",
        lambda: home.get(DKRON_CLUSTERS, "dkron")["status"]["days"],
        lambda now: total(now) > total(days),
    )
    assert home.get(LEASES, "dkron")["spec"]["holderIdentity"].startswith("dkron-operator-"), counted


def has_ended(status: Object) -> bool:
    return any(row["type"] == "Complete" and row["status"] == "True" for row in status.get("conditions", ()))


def total(days: list[Object]) -> int:
    return sum(day["success"] + day["failed"] for day in days)


@pytest.mark.promise
def test_in_all_that_time_no_slot_was_lost_or_doubled(team: Kube) -> None:
    account = ledger.close(team, "ticking", every=EVERY)
    account.assert_balanced()
    assert (account.unfired, account.skipped) == ([], 0)
