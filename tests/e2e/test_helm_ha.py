"""Two replicas, by Helm: the leader is evicted and killed while jobs are due all the time, and a new version is
rolled out. No run may be lost or doubled, and no client of the REST API may notice."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest

import localcluster
from dkron_kube.paths import DKRON_CLUSTERS, LEASES, PODS
from tests.chaos.history import Fault, History, Record, Run, Since, Terms
from tests.chaos.recorder import Recorder
from tests.chaos.verdict import judge
from tests.chaos.witness import Witness
from tests.support import ledger, pods
from tests.support.charts import HELMS
from tests.support.helm import ASK, DEPLOYMENTS, WAIT, Release, named_namespace, remove_definitions, values_of
from tests.support.jobs import KEEP_ALL, dkron_job
from tests.support.kube import Kube, Object, Refused, marked_after
from tests.support.own_image import OwnImage

pytestmark = [pytest.mark.cluster(nodes="real"), pytest.mark.timeout(600)]

OPERATOR = "app.kubernetes.io/name=dkron-operator,app.kubernetes.io/component=operator"
EVERY = 3
NOWHERE = {"spec": {"activeDeadlineSeconds": 1, "template": {"spec": {"nodeSelector": {"there-is": "none"}}}}}
REPLICAS = 2
LATENESS = timedelta(seconds=60)
"""How late something may be is not the question here, where pods are real and processors few."""
SECONDS = 90

DIE = "import resource; resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))"
"""Takes all processor time from the first process of a container: the kernel kills it at once. A signal from within the
container would not reach it."""

WRITE_AND_READ = (
    ASK
    + """
deadline = time.monotonic() + 20
while True:
    try:
        ask("GET", "/v1/jobs")
        break
    except ConnectionRefusedError:  # kube-proxy does not know of the new pods yet
        assert time.monotonic() < deadline
        time.sleep(0.2)
shell = {"command": "true"}
whom = set()
for number in range(5):
    name = "written-%d" % number
    job = {"name": name, "schedule": "@manually", "executor": "shell", "executor_config": shell}
    told = [ask("POST", "/v1/jobs", job), ask("GET", "/v1/jobs/" + name)]
    told += [ask("DELETE", "/v1/jobs/" + name), ask("GET", "/v1/jobs/" + name)]
    assert [status for status, _, _ in told] == [201, 200, 200, 404], told
    whom |= {name for _, name, _ in told}
assert len(whom) == 1, whom
"""
)
"""Each request on a connection of its own: what was written is there, what was deleted is not, one replica answers."""
ASK_ALL_THE_TIME = (
    ASK
    + """
while True:
    try:
        status, whom, _ = ask("GET", "/v1/jobs")
        print("answered by" if status == 200 else "refused with %d by" % status, whom, flush=True)
    except Exception as exc:
        print("no answer:", repr(exc), flush=True)
    time.sleep(0.1)
"""
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The release in its namespace `home`, the jobs of a team, who watches them, and what was broken so far."""

    cluster: localcluster.Cluster
    release: Release
    home: Kube
    team: Kube
    recorder: Recorder
    witness: Witness
    faults: list[Fault] = field(default_factory=list)

    def replicas(self) -> set[str]:
        """The pods of the operator that are not about to go."""
        pods_ = (pod["metadata"] for pod in self.home.all(PODS, OPERATOR))
        return {pod["name"] for pod in pods_ if "deletionTimestamp" not in pod}

    def leader(self) -> str:
        """The holder of the Lease; empty without one."""
        return str(self.home.get(LEASES, "dkron")["spec"].get("holderIdentity") or "")

    def wait_for_both(self) -> str:
        """Two replicas are ready, and one of them leads: which one."""

        def available(deployment: Object) -> bool:
            status = deployment["status"]
            return bool(status.get("availableReplicas") == status.get("replicas") == REPLICAS)

        self.home.wait_for("both", lambda: self.home.get(DEPLOYMENTS, "dkron-operator"), available, seconds=SECONDS)
        return self.home.wait_for("a leader", self.leader, lambda one: one in self.replicas(), seconds=SECONDS)

    def wait_for_more(self) -> None:
        """A slot after this moment was decided: an operator is at work."""
        self.team.wait_status("steady", "another slot", marked_after(datetime.now(UTC)), seconds=SECONDS)

    def history(self) -> History:
        """All that is known."""
        read = self.witness.look()
        facts = list(self.witness.facts(read))
        return History(
            terms=Terms(read=read, lateness=LATENESS, start=LATENESS),
            operations=tuple(self.recorder.operations),
            runs=tuple(fact for fact in facts if isinstance(fact, Run)),
            sinces=tuple(fact for fact in facts if isinstance(fact, Since)),
            records=tuple(fact for fact in facts if isinstance(fact, Record)),
            faults=(*self.faults, *(fact for fact in facts if isinstance(fact, Fault))),
        )


@pytest.fixture(scope="module")
def stage(cluster: localcluster.Cluster, image: OwnImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two replicas, and jobs that are due all the time."""
    remove_definitions(cluster)
    values = values_of(image, tmp_path_factory.mktemp("helm"), operator={"replicas": REPLICAS}, api={"auth": ["none"]})
    with (
        named_namespace(cluster.kubeconfig, "two-replicas") as home,
        named_namespace(cluster.kubeconfig, "busy-team") as team,
    ):
        release = Release(HELMS["helm4"], home, home.kubeconfig, "dkron", values)
        release.install()
        team.appendix = home.appendix
        with Witness(cluster.kubeconfig, team.namespace) as witness:
            yield Stage(cluster, release, home, team, with_jobs(team), witness)
        release.uninstall()


def with_jobs(team: Kube) -> Recorder:
    """The recorder of jobs that make up for all that they missed, of which one may not overlap, and two have pods that
    find no node: their runs cost little, and end as the deadline of the Job says."""
    recorder = Recorder(team)
    due = f"@every {EVERY}s"
    for name in ("first", "second"):
        recorder.create(dkron_job(name, schedule=due, missedRuns="all", history=KEEP_ALL, jobTemplate=NOWHERE))
    recorder.create(dkron_job("steady", schedule=due, missedRuns="all", history=KEEP_ALL))
    careful = dkron_job("careful", "sleep 4", schedule=due, missedRuns="all", concurrency="forbid", history=KEEP_ALL)
    recorder.create(careful)
    return recorder


def evict(home: Kube, pod: str) -> None:
    """Ask for it as `kubectl drain` does. Raises `Refused`."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    home.text("POST", PODS.path(home.namespace, pod, "eviction"), body=body)


def evicted(stage: Stage, pod: str) -> None:
    """Its node is drained, and the other one may not be taken meanwhile."""
    (other,) = stage.replicas() - {pod}
    evict(stage.home, pod)
    with pytest.raises(Refused, match="disruption budget") as refused:
        evict(stage.home, other)
    assert refused.value.status == HTTPStatus.TOO_MANY_REQUESTS


def crashed(stage: Stage, pod: str) -> None:
    """Its process is killed, in a pod that stays."""
    deaths = restarts(stage.home, pod)
    # The container may end before the command that ends it does, which kubectl reports as a failure.
    with suppress(localcluster.ClusterError):
        stage.cluster.kubectl("-n", stage.home.namespace, "exec", pod, "-c", "operator", "--", "python", "-c", DIE)
    stage.home.wait_for("a restart", lambda: restarts(stage.home, pod), lambda now: now > deaths, seconds=SECONDS)


def restarts(home: Kube, pod: str) -> int:
    """How often its operator was started again."""
    containers = home.get(PODS, pod)["status"]["containerStatuses"]
    return next(int(each["restartCount"]) for each in containers if each["name"] == "operator")


def test_installation_reports_its_number_of_replicas(stage: Stage) -> None:
    stage.wait_for_both()

    def told() -> Object:
        # The leader makes it, and it may have become that a moment ago.
        status: Object = (stage.home.find(DKRON_CLUSTERS, "dkron") or {}).get("status") or {}
        return status

    stage.home.wait_for("both to be counted", told, lambda status: status.get("replicas") == REPLICAS, seconds=SECONDS)


def test_rest_client_reads_its_own_writes_from_two_replicas(stage: Stage, image: OwnImage) -> None:
    stage.wait_for_both()
    code, said = pods.run(stage.home, "writer", image.reference, ["python", "-c", WRITE_AND_READ])
    assert code == 0, said


@pytest.mark.parametrize("fault", [evicted, crashed])
def test_any_leader_fault_hands_over_leadership_soon(stage: Stage, fault: Callable[[Stage, str], None]) -> None:
    first, began = stage.wait_for_both(), datetime.now(UTC)
    fault(stage, first)
    if fault is not crashed:
        stage.home.wait_for("another leader", stage.leader, lambda now: now not in {"", first}, seconds=SECONDS)
    stage.wait_for_more()
    what = f"{first}, which led, was {fault.__name__}"
    stage.faults.append(Fault(what=what, begin=began, end=datetime.now(UTC)))


def test_rollout_answers_every_request(stage: Stage, image: OwnImage) -> None:
    stage.wait_for_both()
    home, before = stage.home, stage.replicas()
    pods.start(home, "asker", image.reference, ["python", "-c", ASK_ALL_THE_TIME])
    pods.wait_ready(home, "asker")
    home.wait_for("its first answer", lambda: pods.log(home, "asker"), bool)
    stage.release("upgrade", *stage.release.what(), "--set", "operator.podAnnotations.rolled=out", *WAIT)
    after = stage.replicas()
    assert (len(after), after & before) == (REPLICAS, set())
    home.wait_for("the old ones to end", lambda: home.all(PODS, OPERATOR), lambda left: len(left) == REPLICAS)
    stage.wait_for_more()
    said = pods.log(home, "asker").splitlines()
    home.delete(PODS, "asker")
    assert [line for line in said if not line.startswith("answered by")] == []
    assert said[-1].rpartition(" ")[2] in after


@pytest.mark.promise
def test_ha_scenario_lost_no_slot_and_ran_none_twice(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    names = [operation.job for operation in stage.recorder.operations]
    for name in names:
        stage.recorder.disable(name)
    accounts = ledger.close_all(stage.team, names, every=EVERY)
    history = stage.history()
    verdict = judge(history)
    with capsys.disabled():
        print(f"\n{verdict.summary}; the latest were {latest(history)} late")
    assert verdict.valid, str(verdict)
    for name, account in accounts.items():
        account.assert_balanced()
        assert bool(account.skipped) == (name == "careful")


def latest(history: History) -> str:
    """How late the latest slots became a Job."""
    late = sorted(((run.created or run.slot) - run.slot).total_seconds() for run in history.runs)
    return ", ".join(f"{seconds:.1f} s" for seconds in late[-5:])
