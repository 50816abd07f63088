"""One REST API for several namespaces: each team works below its own prefix, and sees nothing of the others."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS
from tests.support.api_process import NODE_NAME
from tests.support.api_sites import ApiSite, api_for
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube
from tests.support.operator_process import OperatorProcess
from tests.support.rest import Answer
from tests.support.rest_jobs import body
from tests.support.rights import Rules, account
from tests.support.sites import install, namespace
from tests.support.sse import parsed
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

EDITOR: Rules = {
    ("dkron.io", "dkronjobs"): ("get", "list", "watch", "create", "update", "delete"),
    ("dkron.io", "dkronjobs/run"): ("create",),
}
SOON = 20.0


@dataclass(frozen=True, slots=True)
class Team:
    """A namespace with a service account that may edit and run its jobs, and the client of that account."""

    kube: Kube
    site: ApiSite
    token: str

    @property
    def base(self) -> str:
        return f"/ns/{self.kube.namespace}"

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.site.rest.request(method, path, body, headers=headers)  # type: ignore[arg-type]

    def standing(self) -> int:
        return self.ask("GET", f"{self.base}/v1").status

    def jobs(self) -> list[str]:
        answer = self.ask("GET", f"{self.base}/v1/jobs")
        assert answer.status == 200, answer
        names = [job["name"] for job in answer.json()]
        assert answer.header("X-Total-Count") == str(len(names))
        return names

    def listen(self, into: Path) -> "subprocess.Popen[bytes]":
        header = f"Authorization: Bearer {self.token}"
        command = ["curl", "-sN", "--max-time", "120", "-H", header, "-o", str(into)]
        return subprocess.Popen([*command, f"{self.site.api.url}{self.base}/v1/events?types=job"])


@pytest.fixture(scope="module")
def kubes(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Kube]]:
    """The namespaces of the installation and of two teams, and an operator for both teams."""
    install(cluster)
    with ExitStack() as stack:
        home, *teams = (stack.enter_context(namespace(cluster.kubeconfig, name)) for name in ("home", "a", "b"))
        for team in teams:
            account(team, "ci", EDITOR)
        watched = [option for team in teams for option in ("--namespace", team.namespace)]
        arguments = ("--kubeconfig", str(cluster.kubeconfig), "--cluster-namespace", home.namespace, *watched)
        log = tmp_path_factory.mktemp("tenants") / "operator.log"
        operator = OperatorProcess(log, *arguments, environment={"POD_NAME": NODE_NAME}).start()
        try:
            yield [home, *teams]
            operator.stop()
        finally:
            if operator.running:
                operator.kill()


@pytest.fixture(scope="module", params=["listed", "every"])
def teams(
    cluster: localcluster.Cluster,
    kubes: list[Kube],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[list[Team]]:
    home, *others = kubes
    names = ",".join(kube.namespace for kube in others) if request.param == "listed" else "*"
    with api_for(home, tmp_path_factory.mktemp("api"), "--auth", "kubernetes", "--namespaces", names) as site:
        tokens = [cluster.kubectl("-n", kube.namespace, "create", "token", "ci").strip() for kube in others]
        made = [Team(kube, site, token) for kube, token in zip(others, tokens, strict=True)]
        for team in made:
            wait_for("its rights", team.standing, (200).__eq__, seconds=SOON)
        yield made
        for kube in others:
            for job in kube.all(DKRON_JOBS):
                kube.delete(DKRON_JOBS, job["metadata"]["name"])


def test_team_sees_and_reaches_only_its_own_namespace(teams: list[Team], tmp_path: Path) -> None:
    first, second = teams
    streams = [team.listen(tmp_path / team.kube.namespace) for team in teams]
    try:
        for team in teams:
            heard = tmp_path / team.kube.namespace
            wait_for("the stream", heard.exists, bool, seconds=SOON)
        for team, other in ((first, second), (second, first)):
            own = f"of-{team.kube.namespace}"
            for name in (own, "same"):
                saved = team.ask("POST", f"{team.base}/v1/jobs", body(name, owner=team.kube.namespace))
                assert (saved.status, saved.header("Location")) == (201, f"{team.base}/v1/jobs/{name}"), saved
            assert team.kube.find(DKRON_JOBS, own) is not None
            assert team.ask("GET", f"{team.base}/v1/jobs/same").json()["owner"] == team.kube.namespace
            for base in (other.base, "", "/ns/kube-system", "/ns/no-such-namespace"):
                for method, path in (("GET", "/v1/jobs"), ("GET", "/v1/events"), ("POST", "/v1/jobs"), ("GET", "/v1")):
                    refused = team.ask(method, base + path, body("x") if method == "POST" else None)
                    assert refused.status == 403, f"{method} {base}{path}: {refused}"
            assert team.ask("POST", f"{team.base}/v1/pause").status == 403
        for team, other in ((first, second), (second, first)):
            assert team.jobs() == [f"of-{team.kube.namespace}", "same"]
            heard = tmp_path / team.kube.namespace

            def told(heard: Path = heard) -> set[tuple[str, str]]:
                jobs = [event.data["job"] for event in parsed(heard.read_bytes()) if event.type == "job"]
                return {(job["name"], job["owner"]) for job in jobs}

            owner = team.kube.namespace
            expected = {(f"of-{owner}", owner), ("same", owner)}
            wait_for("both jobs in the stream", told, expected.issubset, seconds=SOON)
            assert told() == expected
            assert other.kube.namespace.encode() not in heard.read_bytes()
            assert team.ask("DELETE", f"{team.base}/v1/jobs/same").status == 200
        assert [team.jobs() for team in teams] == [[f"of-{team.kube.namespace}"] for team in teams]
    finally:
        for stream in streams:
            stream.kill()
            stream.wait()


def test_a_job_runs_below_the_prefix(teams: list[Team]) -> None:
    first, second = teams
    stored = first.kube.create(DKRON_JOBS, dkron_job("quick", jobTemplate=simulated()), fieldManager="kubectl-create")
    name = stored["metadata"]["name"]
    wait_for("the job", first.jobs, lambda names: name in names, seconds=SOON)
    ran = first.ask("POST", f"{first.base}/v1/jobs/quick/run?wait=true")
    assert (ran.status, ran.json()["status"]) == (200, "success"), ran
    (execution,) = first.ask("GET", f"{first.base}/v1/jobs/quick/executions").json()
    assert execution["success"]
    shown = first.ask("GET", f"{first.base}/v1/jobs/quick/executions/{execution['id']}")
    assert shown.json()["id"] == execution["id"]
    assert first.ask("POST", f"{second.base}/v1/jobs/quick/run").status == 403
    counts = [team.ask("GET", f"{team.base}/v1/stats?days=1").json()["stats"][0]["success_count"] for team in teams]
    assert counts == [1, 0]
