"""The operator's own port at a real API server: counts that are exact after any death, and true probes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from aiohttp.test_utils import unused_port

import localcluster
from localcluster.cluster import LocalCluster
from tests.support.ice import ice
from tests.support.jobs import each_second, simulated
from tests.support.kube import Kube, Object, condition, finished, marked_after
from tests.support.operator_process import OperatorProcess
from tests.support.scrape import Scrape, read
from tests.support.sites import install, namespace
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster(nodes="kwok")

ONCE_MORE: dict[str, Any] = {"retries": 1, "retryBackoff": {"initial": "1s", "factor": 1, "max": "1s"}}
AWAY = timedelta(seconds=3)
"""For so long no operator fires, or all jobs go on."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An operator with a port, for a namespace of its own."""

    kube: Kube
    operator: OperatorProcess
    port: int

    def ask(self, path: str) -> tuple[int, str]:
        """The status and the text of an answer; 0 while nothing listens."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except (URLError, OSError):
            return 0, ""

    def scrape(self) -> Scrape:
        """What Prometheus reads."""
        status, page = self.ask("/metrics")
        assert status == 200, self.operator.tail()
        return read(page)

    def wait_ready(self, status: int, word: str, *, seconds: float = 40) -> str:
        """Wait for this answer about being ready."""
        return wait_for(
            f"/readyz to be {status} with '{word}'",
            lambda: self.ask("/readyz"),
            lambda answer: answer[0] == status and word in answer[1],
            seconds=seconds,
            shown=lambda answer: f"{answer}\n{self.operator.tail()}",
            guard=self.operator.check,
        )[1]


Watch = Callable[..., Watched]


@pytest.fixture
def watch(cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watch]:
    """Makes an operator with a port, not started yet, that has to stop in order and must not complain."""
    install(cluster)
    with namespace(cluster.kubeconfig, request.node.name.removeprefix("test_")) as kube:
        made: list[OperatorProcess] = []

        def make(*options: str, kubeconfig: Path = cluster.kubeconfig) -> Watched:
            port = unused_port()
            own = ("--kubeconfig", str(kubeconfig), "--namespace", kube.namespace, "--monitoring-port", str(port))
            operator = OperatorProcess(tmp_path / "operator.log", *own, *options)
            made.append(operator)
            kube.guard, kube.appendix = operator.check, operator.tail
            return Watched(kube, operator, port)

        yield make
        for operator in made:
            if operator.running:
                operator.stop()
            operator.assert_clean()


def rest(kube: Kube, *names: str) -> dict[str, Object]:
    """Their statuses when they are disabled, nothing runs any more, and all that has run is recorded."""
    for name in names:
        kube.edit(name, disabled=True)
    return {name: kube.wait_status(name, "to rest", partial(is_at_rest, kube, name)) for name in names}


def is_at_rest(kube: Kube, name: str, status: Object) -> bool:
    known = {execution["job"] for execution in status.get("executions", ())}
    unrecorded = {job["metadata"]["name"] for job in kube.jobs_of(name)} - known
    return condition(status, "Suspended").get("status") == "True" and not status.get("active") and not unrecorded


@dataclass(frozen=True, slots=True)
class Books:
    """What statuses say: slots that fired, slots that did not, executions by their end."""

    fired: int
    unfired: int
    good: int
    bad: int

    def since(self, before: "Books") -> "Books":
        return Books(
            self.fired - before.fired, self.unfired - before.unfired, self.good - before.good, self.bad - before.bad
        )


def fired_slots(status: Object) -> set[str]:
    """The slots that have a Job, ended or not."""
    runs = (*status.get("executions", ()), *(entry for entry in status.get("active", ()) if entry.get("uid")))
    return {entry["slot"] for entry in runs if entry["trigger"] == "schedule"}


def books(statuses: dict[str, Object]) -> Books:
    found = statuses.values()
    return Books(
        fired=sum(len(fired_slots(status)) for status in found),
        unfired=sum(status.get("skipped", {}).get("count", 0) for status in found),
        good=sum(status.get("successCount", 0) for status in found),
        bad=sum(status.get("errorCount", 0) for status in found),
    )


def told(seen: Scrape) -> Books:
    return Books(
        fired=int(seen.sum("slots_total", result="fired")),
        unfired=int(seen.sum("slots_total", result="skipped") + seen.sum("slots_total", result="missed")),
        good=int(seen.sum("executions_total", result="success")),
        bad=int(seen.sum("executions_total", result="failed")),
    )


def go_on(kube: Kube, *names: str) -> None:
    """Wait until each of them has had slots and executions since now."""
    before, now = books({name: kube.status(name) for name in names}), datetime.now(UTC)
    for name in names:
        kube.wait_status(name, "to go on", marked_after(now + AWAY))
        kube.wait_status(name, "an execution", finished(1))
    kube.wait_for(
        "more executions of both kinds",
        lambda: books({name: kube.status(name) for name in names}).since(before),
        lambda more: more.good > 0 and more.bad > 0,
    )


def test_process_counts_exactly_its_own_writes_after_any_death(watch: Watch) -> None:
    watched = watch()
    kube, operator = watched.kube, watched.operator
    names = ("good", "bad", "busy", "picky")
    kube.apply(
        each_second("good"),
        each_second("bad", jobTemplate=simulated(exit_code=3), **ONCE_MORE),
        each_second("busy", concurrency="forbid", jobTemplate=simulated(run_for="2500ms")),
        each_second("picky", missedRuns="skip"),
    )
    operator.start()
    go_on(kube, *names)
    operator.kill()
    written = books({name: kube.status(name) for name in names})
    kube.wait_passed(datetime.now(UTC) + AWAY)
    operator.start()
    go_on(kube, *names)
    statuses = rest(kube, *names)
    seen = watched.scrape()
    assert told(seen) == books(statuses).since(written), "of the last life, and of no other"
    assert seen.sum("slots_total", reason="ConcurrencyForbidden") > 0
    assert seen.sum("slots_total", reason="Missed") > 0
    assert seen.sum("jobs", state="suspended") == len(names)
    assert seen.one("active_executions") == 0
    durations = [seen.one("execution_duration_seconds_count", result=result) for result in ("success", "failed")]
    assert durations == [told(seen).good, told(seen).bad]


def test_slow_start_is_alive_and_not_ready(watch: Watch, cluster: localcluster.Cluster) -> None:
    if not isinstance(cluster, LocalCluster):
        pytest.skip("the API server of this cluster cannot be stopped")
    watched = watch()
    with ice(cluster):
        watched.operator.start(wait=False)
        watched.wait_ready(503, "still reading")
        assert watched.ask("/healthz") == (200, "ok\n")
    watched.wait_ready(200, "ok")
    assert watched.ask("/nothing")[0] == 404
