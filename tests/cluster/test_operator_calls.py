"""Calls without a pod at a real API server and a real web server, with an operator that is killed in the middle."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import localcluster
from dkron_crds.kube.paths import JOBS
from tests.support.jobs import dkron_job
from tests.support.kube import Kube, condition, finished, is_ready
from tests.support.operator_process import OperatorProcess
from tests.support.sites import Site, install, namespace
from tests.support.web_server import Web, web_server

pytestmark = [pytest.mark.cluster(nodes="none"), pytest.mark.promise]

KEEP_ALL = {"executions": 100}
ONCE_MORE: dict[str, Any] = {"retries": 1, "retryBackoff": {"initial": "1s", "factor": 1, "max": "1s"}}
Start = Callable[..., Site]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def start(cluster: localcluster.Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts an operator with these options, in a namespace of its own. It has to stop in order."""
    install(cluster)
    with namespace(cluster.kubeconfig, request.node.name.removeprefix("test_")) as kube:
        arguments = ("--kubeconfig", str(cluster.kubeconfig), "--namespace", kube.namespace)
        made: list[OperatorProcess] = []

        def starts(*options: str) -> Site:
            operator = OperatorProcess(tmp_path / "operator.log", *arguments, *options)
            made.append(operator)
            kube.guard, kube.appendix = operator.check, operator.tail
            return Site(kube, operator.start())

        yield starts
        (operator,) = made
        operator.stop()
        operator.assert_clean()


def inline(name: str, url: str, **spec: Any) -> dict[str, Any]:
    job = dkron_job(name, **{"history": KEEP_ALL, "executor": "http", **spec})
    job["spec"]["executorConfig"] = {"method": "GET", "url": url, "inline": "true", "expectCode": "200"}
    return job


def under_way(kube: Kube, name: str, web: Web, calls: int = 1) -> dict[str, Any]:
    """The attempt whose call has reached the server."""
    kube.wait_for("the call to arrive", lambda: len(web.asked), lambda count: count == calls)
    entry: dict[str, Any] = kube.status(name)["active"][0]
    return entry


def test_slots_are_called_once_each_and_recorded_like_runs_in_pods(start: Start, web: Web) -> None:
    kube = start("--inline-calls", "10").kube
    kube.apply(
        inline("good", f"{web.url}/status/200/fine", schedule="@every 1s"),
        inline("bad", f"{web.url}/status/500/broken", run=["once"], **ONCE_MORE),
    )
    good = kube.wait_status("good", "five runs", finished(5))
    kube.edit("good", disabled=True)
    bad = kube.wait_status("bad", "both attempts", finished(2))
    newest = good["executions"][0]
    assert (newest["success"], newest["exitCode"], newest["output"]) == (True, 0, "fine")
    assert [(e["attempt"], e["reason"], e["exitCode"]) for e in bad["executions"]] == [(2, "Error", 1), (1, "Error", 1)]
    assert bad["executions"][0]["output"].endswith("broken")
    status = kube.wait_status("good", "to rest", lambda s: not s.get("active"))
    slots = [execution["slot"] for execution in status["executions"]]
    assert len(set(slots)) == len(slots) == sum(asked.path == "/status/200/fine" for asked in web.asked)
    assert kube.all(JOBS) == []


def test_where_it_is_not_allowed_the_job_says_so(start: Start, web: Web) -> None:
    kube = start().kube
    kube.apply(inline("eager", f"{web.url}/status/200/fine", schedule="@every 1s"))
    status = kube.wait_status("eager", "a verdict", lambda s: condition(s, "Ready").get("status") == "False")
    assert condition(status, "Ready")["reason"] == "InlineNotAllowed"
    assert kube.wait_for("the Event", lambda: kube.events_of("eager", "InlineNotAllowed"), bool)
    assert web.asked == []


def test_a_call_that_a_crash_leaves_undecided_is_unknown_and_tried_again(start: Start, web: Web) -> None:
    site = start("--inline-calls", "10")
    kube = site.kube
    kube.apply(inline("slow", f"{web.url}/slow", run=["once"], **ONCE_MORE))
    first = under_way(kube, "slow", web)
    site.operator.kill()
    site.operator.start()
    under_way(kube, "slow", web, calls=2)
    web.released.set()
    status = kube.wait_status("slow", "both attempts", finished(2))
    assert [(e["attempt"], e.get("reason", "")) for e in status["executions"]] == [
        (2, ""),
        (1, "Unknown"),
    ]
    assert status["executions"][1]["id"] == first["id"]
    assert (status["status"], status["errorCount"], status["successCount"]) == ("success", 1, 1)
    assert len(web.asked) == 2


def test_a_call_is_stopped(start: Start, web: Web) -> None:
    kube = start("--inline-calls", "10").kube
    kube.apply(inline("slow", f"{web.url}/slow", run=["once"], **ONCE_MORE))
    entry = under_way(kube, "slow", web)
    kube.ask_stop("slow", entry["job"], "2026-01-01T00:00:00Z by a test")
    status = kube.wait_status("slow", "its record", finished(1))
    assert [e["reason"] for e in status["executions"]] == ["Stopped"]
    assert (status.get("active", []), len(web.asked)) == ([], 1)


def test_an_operator_that_is_stopped_lets_a_call_come_to_its_end(start: Start, web: Web) -> None:
    site = start("--inline-calls", "10")
    kube = site.kube
    kube.apply(inline("slow", f"{web.url}/slow", run=["once"]))
    under_way(kube, "slow", web)
    web.released.set()
    site.operator.stop()
    assert [e["output"] for e in kube.status("slow")["executions"]] == ["late"]
    site.operator.start()


def test_killed_again_and_again_no_attempt_is_called_twice(start: Start, web: Web) -> None:
    site = start("--inline-calls", "10")
    kube, operator = site.kube, site.operator
    kube.apply(*(inline(f"steady-{n}", f"{web.url}/status/200/{n}", schedule="@every 1s") for n in range(4)))
    kube.wait_status("steady-0", "to be understood", is_ready)
    for _ in range(4):
        operator.wait_for_line("calling")
        operator.kill()
        operator.start()
    for n in range(4):
        name = f"steady-{n}"
        count = len(kube.status(name).get("executions", ()))
        kube.wait_status(name, "to go on", finished(count + 2))
        kube.edit(name, disabled=True)
        status = kube.wait_status(name, "to rest", lambda s: not s.get("active"))
        records = status["executions"]
        slots = [record["slot"] for record in records]
        asked = sum(each.path == f"/status/200/{n}" for each in web.asked)
        assert len(set(slots)) == len(slots) == status["successCount"] + status.get("errorCount", 0)
        assert status["successCount"] <= asked <= len(records), "each attempt at most once"
        assert {record.get("reason", "") for record in records} <= {"", "Unknown"}
    assert kube.all(JOBS) == []
