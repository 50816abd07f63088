"""The REST API beside an operator: who clicks gets a run, who waits gets its end, whatever happens meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from tests.support.api_process import NODE_NAME
from tests.support.api_sites import ApiSite, api_for
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, finished, is_ready
from tests.support.operator_process import OperatorProcess
from tests.support.rest import Answer
from tests.support.rest_jobs import until
from tests.support.sites import install, namespace

pytestmark = pytest.mark.cluster(nodes="kwok")

ENDLESS = simulated(run_for="1h")
CLICKS = 12


@dataclass(frozen=True, slots=True)
class Installation:
    """An operator and the API beside it, as in one pod: under one name."""

    kube: Kube
    operator: OperatorProcess
    site: ApiSite

    def add(self, name: str, /, **spec: Any) -> None:
        """A job that runs quickly and well unless the spec says otherwise; the operator has understood it."""
        self.site.store(dkron_job(name, **{"jobTemplate": simulated(), **spec}))
        if self.operator.running:
            self.kube.wait_status(name, "to be understood", is_ready)

    def run(self, name: str, query: str = "") -> Answer:
        return self.site.rest.post(f"/v1/jobs/{name}{query}")

    def executions(self, name: str) -> list[Any]:
        listed: list[Any] = self.site.rest.get(f"/v1/jobs/{name}/executions").json()
        return listed


@pytest.fixture(scope="module")
def installation(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for the module; both have to stop in order."""
    install(cluster)
    folder = tmp_path_factory.mktemp("installation")
    with namespace(cluster.kubeconfig, "api runs") as kube:
        arguments = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace)
        operator = OperatorProcess(folder / "operator.log", *arguments, environment={"POD_NAME": NODE_NAME}).start()
        kube.guard, kube.appendix = operator.check, operator.tail
        try:
            with api_for(kube, folder) as site:
                yield Installation(kube, operator, site)
            operator.stop()
        finally:
            if operator.running:
                operator.kill()


@pytest.fixture
def calm(installation: Installation) -> Iterator[Installation]:
    """The installation; neither program may complain in a test, and no job runs on after it."""
    marks = installation.operator.mark(), installation.site.api.mark()
    yield installation
    for job in installation.kube.all(DKRON_JOBS):
        installation.kube.delete(DKRON_JOBS, job["metadata"]["name"])
    installation.operator.assert_clean(marks[0])
    installation.site.api.assert_clean(marks[1])


@pytest.mark.promise
def test_every_click_is_a_run_and_none_is_two(calm: Installation) -> None:
    calm.add("clicked", history={"executions": 100})
    with ThreadPoolExecutor(CLICKS) as pool:
        answers = list(pool.map(lambda _: calm.run("clicked"), range(CLICKS)))
    assert {answer.status for answer in answers} == {202}
    calm.kube.wait_status("clicked", "all to have run", finished(CLICKS))
    until(calm.site, "/v1/jobs/clicked", lambda answer: answer.json()["success_count"] == CLICKS)
    groups = [execution["group"] for execution in calm.executions("clicked")]
    assert len(set(groups)) == len(groups) == CLICKS


def test_wait_ends_when_the_execution_is_stopped(calm: Installation) -> None:
    calm.add("stopped", jobTemplate=ENDLESS, retries=3)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(calm.run, "stopped", "?wait=true")
        (running,) = until(calm.site, "/v1/busy", lambda answer: len(answer.json()) == 1).json()
        path = f"/v1/jobs/stopped/executions/{running['id']}"
        assert calm.site.rest.get(f"{path}/stop").status == 404, "it is no question"
        answer = calm.site.rest.post(f"{path}/stop")
        assert (answer.status, answer.json() | {"node_name": ""}) == (202, running | {"node_name": ""})
        job = waits.result().json()
    assert (job["status"], job["success_count"], job["error_count"]) == ("failed", 0, 1)
    stopped = calm.site.rest.get(path).json()
    assert (stopped["success"], stopped["attempt"]) == (False, 1)
    assert stopped["output"].startswith("Stopped: asked for at 2")
    assert stopped["output"].endswith(" by rest from 127.0.0.1\n")
    assert [execution["id"] for execution in calm.executions("stopped")] == [running["id"]], "no retry"
    again = calm.site.rest.post(f"{path}/stop")
    assert again.status == 409, again


@pytest.mark.promise
def test_repeated_idempotency_key_starts_one_run(calm: Installation) -> None:
    day = {"name": "day", "type": "integer", "minimum": "1", "required": True}
    calm.add("keyed", schedule="@manually", parameters=[day])
    body = {"parameters": {"day": "3"}, "scheduled_time": "2026-01-31T10:00:00+01:00", "reason": "late data"}

    def click(body: Any, key: str = "once") -> tuple[int, str]:
        answer = calm.site.rest.post("/v1/jobs/keyed/run", body, headers={"Idempotency-Key": key})
        return answer.status, answer.body.decode()

    with ThreadPoolExecutor(CLICKS) as people:
        answers = set(people.map(click, [body] * CLICKS))
    assert {status for status, _ in answers} == {202}
    (run,) = [each for each in calm.kube.all(DKRON_RUNS) if each["spec"]["job"] == "keyed"]
    assert run["spec"]["parameters"] == {"day": "3"}
    assert run["spec"]["scheduledTime"] == "2026-01-31T09:00:00Z"
    assert click({**body, "reason": "other"})[0] == 422
    status, text = click({"parameters": {"day": "0"}}, "another")
    assert (status, 'parameter "day": 0 is less than its minimum 1' in text) == (400, True)


def test_run_requested_without_an_operator_starts_later(calm: Installation) -> None:
    calm.add("patient")
    calm.operator.stop()
    assert calm.run("patient").status == 202
    assert calm.site.rest.post("/v1/jobs", {"name": "meanwhile", "schedule": "@daily"}).status == 201
    until(calm.site, "/v1/leader", lambda answer: answer.status == 500)
    [coming] = calm.executions("patient")
    assert (coming["success"], coming["finished_at"], coming["node_name"]) == (False, "0001-01-01T00:00:00Z", "")
    calm.operator.start()
    calm.kube.wait_status("patient", "its run", finished(1))
    path = f"/v1/jobs/patient/executions/{coming['id']}"
    assert until(calm.site, path, lambda answer: answer.json()["success"]).status == 200, "under the same id"
    assert len(calm.kube.jobs_of("patient")) == 1
