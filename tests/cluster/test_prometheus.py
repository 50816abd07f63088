"""A real Prometheus beside a running operator and REST API: each panel shows something.

Jobs that succeed, fail, are skipped, missed, suspended and wrong, a receiver, and requests that are refused provoke all
that there is to show.
"""

import contextlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_kube.paths import DKRON_CLUSTERS
from localcluster.servers.prometheus import Prometheus, Sample, Target, prometheus
from localcluster.servers.running import HOST, free_ports
from tests.support.api_sites import ApiSite, api_for
from tests.support.documents import installation
from tests.support.jobs import dkron_job, simulated
from tests.support.kube import Kube, finished, is_ready
from tests.support.operator_process import OperatorProcess
from tests.support.receivers import in_background, web_server
from tests.support.rest_jobs import body
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

FILES = Path(__file__).parents[2] / "charts" / "dkron-operator" / "files"
RULES = FILES / "alerts.yaml"
BOARD: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))
BUILT_IN = {"__rate_interval": "10s", "__range": "5m"}
VARIABLE = re.compile(r"\$(\w+)")
CHOICES = re.compile(r"label_values\((.+), (\w+)\)")
LABEL = re.compile(r"\{\{(\w+)\}\}")
SECONDS = 90
AWAY = 4.0
JOBS = (
    dkron_job("succeeds", schedule="@every 1s", jobTemplate=simulated(), processors={"elasticsearch": {}}),
    dkron_job("fails", schedule="@every 1s", jobTemplate=simulated(exit_code=3)),
    dkron_job("overlaps", schedule="@every 1s", concurrency="forbid", jobTemplate=simulated(run_for="10m")),
    dkron_job("missed", schedule="@every 1s", missedRuns="skip", jobTemplate=simulated()),
    dkron_job("after", schedule="", parentJob="succeeds", jobTemplate=simulated()),
    dkron_job("suspended", schedule="@daily", disabled=True),
    dkron_job("wrong", schedule="@daily", timezone="Europe/Atlantis"),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """An operator and an API that a Prometheus scrapes."""

    kube: Kube
    operator: OperatorProcess
    api: ApiSite
    prometheus: Prometheus

    def be_refused(self) -> None:
        """Have the API answer with what counts as an error, and with what does not."""
        self.api.rest.post("/v1/pause")
        refused = self.api.rest.post("/v1/jobs", body("late"))
        assert refused.status == 503, refused
        self.api.rest.post("/v1/unpause")
        assert self.api.rest.get("/v1/jobs/none").status == 404

    def wait_for(self, what: str, seen: Callable[[], list[str]]) -> None:
        """Wait until nothing is missing, while requests are refused."""

        def looked() -> list[str]:
            self.be_refused()
            return seen()

        wait_for(what, looked, lambda missing: not missing, seconds=SECONDS, shown="\n".join, guard=self.operator.check)


@pytest.fixture(scope="module")
def watched(cluster: localcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    install(cluster)
    folder = tmp_path_factory.mktemp("prometheus")
    with contextlib.ExitStack() as stack:
        kube = stack.enter_context(namespace(cluster.kubeconfig, "prometheus"))
        receiver = stack.enter_context(in_background(web_server()))
        receivers = {"elasticsearch": [{"name": "default", "url": receiver.url}]}
        kube.create(DKRON_CLUSTERS, installation(receivers=receivers))
        (port,) = free_ports(1)
        operator = OperatorProcess(
            folder / "operator.log",
            *("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace),
            *("--monitoring-port", str(port), "--metrics-per-job", "--archive", f"sqlite:///{folder}/archive.db"),
        )
        stack.callback(ended, operator)
        kube.apply(*JOBS)
        be_away(kube, operator)
        api = stack.enter_context(api_for(kube, folder))
        labels = {"namespace": kube.namespace}
        targets = [
            Target("dkron-operator", f"{HOST}:{port}", labels),
            Target("dkron-api", f"{api.rest.host}:{api.rest.port}", labels),
        ]
        server = stack.enter_context(prometheus(folder, targets, rules=RULES))
        yield Watched(kube, operator, api, server)


def ended(operator: OperatorProcess) -> None:
    if operator.running:
        operator.kill()


def be_away(kube: Kube, operator: OperatorProcess) -> None:
    """Run, and be away for some slots of each job: before the first scrape, as after an outage."""
    operator.start()
    kube.wait_status("missed", "its first run", finished(1))
    operator.stop()
    back = time.monotonic() + AWAY
    wait_for("slots to pass", time.monotonic, lambda now: now > back, seconds=2 * AWAY)
    operator.start()
    kube.wait_status("missed", "to be ready again", is_ready)


def choices(server: Prometheus) -> dict[str, str]:
    """What Grafana would put in place of each variable, with All chosen."""
    chosen = dict(BUILT_IN)
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = CHOICES.fullmatch(put(variable["query"]["query"], chosen))
            assert found is not None, variable
            chosen[variable["name"]] = "|".join(map(re.escape, server.label_values(found[2], found[1])))
    return chosen


def put(query: str, chosen: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: chosen[found[1]].replace("\\", "\\\\"), query)


def shows_something(samples: list[Sample], legend: str) -> bool:
    """Whether Grafana could draw it, quantiles of nothing being no numbers, and say what is what."""
    drawn = [sample for sample in samples if math.isfinite(float(sample["value"][1]))]
    labels = {label for sample in drawn for label in sample["metric"]}
    return bool(drawn) and labels >= set(LABEL.findall(legend))


def test_every_panel_shows_something(watched: Watched) -> None:
    asked = [(panel["title"], target) for panel in BOARD["panels"] for target in panel.get("targets", ())]

    def empty() -> list[str]:
        chosen = choices(watched.prometheus)
        return [
            f"{title}: {target['expr']}"
            for title, target in asked
            if not shows_something(watched.prometheus.query(put(target["expr"], chosen)), target["legendFormat"])
        ]

    watched.wait_for("every query of the dashboard to return something", empty)
    chosen = choices(watched.prometheus)
    assert chosen["job"] == "dkron\\-api|dkron\\-operator"
    resources = [target["expr"] for _, target in asked if "process_" in target["expr"]]
    for query in resources:
        jobs = {sample["metric"]["job"] for sample in watched.prometheus.query(put(query, chosen))}
        assert jobs == {"dkron-api", "dkron-operator"}, query
    assert [rule["lastError"] for rule in watched.prometheus.rules() if rule["health"] != "ok"] == []
