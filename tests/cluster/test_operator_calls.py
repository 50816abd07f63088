"""Calls without a pod at a real API server and a real web server, with an operator that is killed in the middle."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dkron_kube.paths import JOBS
from tests.support.jobs import KEEP_ALL, dkron_job
from tests.support.kube import Kube, finished, is_ready
from tests.support.operator_process import OperatorProcess
from tests.support.sites import Site
from tests.support.web_server import Web

pytestmark = [pytest.mark.cluster(nodes="none"), pytest.mark.promise]

LEFT = 3 + 3
"""The most calls of a job that is called each second that a crash leaves undecided: a window, and the calls of the one
before that are still under way where the machine is busy."""
ONCE_MORE: dict[str, Any] = {"retries": 1, "retryBackoff": {"initial": "1s", "factor": 1, "max": "1s"}}


@pytest.fixture
def calls_running(own_site: Site) -> Site:
    """A site whose operator may make ten calls at once, and has started."""
    own_site.operator.add("--inline-calls", "10", "--inline-allow", "127.0.0.0/8").start()
    return own_site


def inline(name: str, url: str, **spec: Any) -> dict[str, Any]:
    job = dkron_job(name, **{"history": KEEP_ALL, "executor": "http", **spec})
    job["spec"]["executorConfig"] = {"method": "GET", "url": url, "inline": "true", "expectCode": "200"}
    return job


def under_way(kube: Kube, name: str, web: Web, calls: int = 1) -> dict[str, Any]:
    """The attempt whose call has reached the server."""
    kube.wait_for("the call to arrive", lambda: len(web.asked), lambda count: count == calls)
    entry: dict[str, Any] = kube.status(name)["active"][0]
    return entry


def test_slots_are_called_once_and_recorded_like_pod_runs(calls_running: Site, web: Web) -> None:
    kube = calls_running.kube
    kube.apply(
        inline("good", f"{web.url}/status/200/fine", schedule="@every 1s"),
        inline("bad", f"{web.url}/status/500/broken", run=["once"], **ONCE_MORE),
    )
    good = kube.wait_status("good", "five runs", finished(5))
    kube.edit("good", disabled=True)
    bad = kube.wait_status("bad", "both attempts", finished(2))
    newest = good["executions"][0]
    assert (newest["state"], newest["exitCode"], newest["output"]) == ("Succeeded", 0, "fine")
    assert [(e["attempt"], e["reason"], e["exitCode"]) for e in bad["executions"]] == [(2, "Error", 1), (1, "Error", 1)]
    assert bad["executions"][0]["output"].endswith("broken")
    status = kube.wait_status("good", "to rest", lambda s: not s.get("active"))
    slots = [execution["slot"] for execution in status["executions"]]
    assert len(set(slots)) == len(slots) == sum(asked.path == "/status/200/fine" for asked in web.asked)
    assert kube.all(JOBS) == []


def test_call_interrupted_by_a_crash_is_unknown_and_retried(calls_running: Site, web: Web) -> None:
    kube, operator = calls_running.kube, calls_running.operator
    kube.apply(inline("slow", f"{web.url}/slow", run=["once"], **ONCE_MORE))
    first = under_way(kube, "slow", web)
    operator.kill()
    operator.start()
    under_way(kube, "slow", web, calls=2)
    web.released.set()
    status = kube.wait_status("slow", "both attempts", finished(2))
    assert [(e["attempt"], e.get("reason", "")) for e in status["executions"]] == [(2, ""), (1, "Unknown")]
    assert status["executions"][1]["id"] == first["id"]
    assert (status["status"], status["errorCount"], status["successCount"]) == ("success", 1, 1)
    assert len(web.asked) == 2


def test_stopped_operator_lets_a_call_finish(calls_running: Site, web: Web) -> None:
    kube, operator = calls_running.kube, calls_running.operator
    kube.apply(inline("slow", f"{web.url}/slow", run=["once"]))
    under_way(kube, "slow", web)
    web.released.set()
    operator.stop()
    assert [e["output"] for e in kube.status("slow")["executions"]] == ["late"]
    operator.start()


def wait_for_calls(kube: Kube, web: Web, more: int) -> None:
    """So many, beyond those that there have been."""
    enough = len(web.asked) + more
    kube.wait_for(f"{more} calls", lambda: len(web.asked), lambda count: count >= enough)


def missing(status: dict[str, Any]) -> list[str]:
    """The seconds between the first and the last record that have none."""
    slots = sorted(datetime.fromisoformat(record["slot"]) for record in status["executions"])
    seconds = int((slots[-1] - slots[0]).total_seconds())
    expected = (slots[0] + timedelta(seconds=second) for second in range(seconds + 1))
    return [str(slot) for slot in expected if slot not in slots]


def said(what: str, operators: Iterable[OperatorProcess]) -> list[dict[str, Any]]:
    """The lines with this message in all that these have ever written, over all restarts."""
    lines = (json.loads(line) for each in operators for line in each.log.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line.get("msg") == what]


def assert_called_once(*operators: OperatorProcess) -> None:
    """Each attempt at most by one line in all logs."""
    called = Counter((line["job"], line["slot"], line["attempt"]) for line in said("calling", operators))
    assert called
    assert not [attempt for attempt, times in called.items() if times > 1]


def rest(kube: Kube, name: str) -> dict[str, Any]:
    """Its status when it is disabled and nothing of it is left to do."""
    kube.edit(name, disabled=True)
    return kube.wait_status(name, "to rest", lambda s: not s.get("active") and not s.get("window"))


def assert_at_most_once(status: dict[str, Any], calls: int) -> None:
    """`calls` have arrived of a job that has the whole of its history."""
    records = status["executions"]
    assert len(records) < KEEP_ALL["executions"], "nothing is trimmed"
    slots = [record["slot"] for record in records]
    assert len(set(slots)) == len(slots) == status.get("successCount", 0) + status.get("errorCount", 0)
    assert {record.get("reason", "") for record in records} <= {"", "Unknown"}
    assert status.get("successCount", 0) <= calls <= len(records), "each attempt at most once"
    assert len(missing(status)) <= status.get("skipped", {}).get("count", 0), "no slot is lost"


def test_repeated_kills_call_no_attempt_twice(calls_running: Site, web: Web) -> None:
    kube, operator = calls_running.kube, calls_running.operator
    kube.apply(*(inline(f"steady-{n}", f"{web.url}/status/200/{n}", schedule="@every 1s") for n in range(4)))
    kube.wait_status("steady-0", "to be understood", is_ready)
    for calls in (1, 5, 3):
        # So it dies at its first claim, and within windows of which several calls are not written down.
        wait_for_calls(kube, web, calls)
        operator.kill()
        operator.start()
    for n in range(4):
        name = f"steady-{n}"
        count = len(kube.status(name).get("executions", ()))
        kube.wait_status(name, "to go on", finished(count + 2))
        status = rest(kube, name)
        assert_at_most_once(status, sum(each.path == f"/status/200/{n}" for each in web.asked))
        assert status.get("errorCount", 0) <= 3 * LEFT
    assert_called_once(operator)
    assert kube.all(JOBS) == []


# --- several replicas that call ----------------------------------------------------------------------------------


@pytest.fixture
def replicas(own_site: Site, tmp_path: Path) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    """Two operators that make calls in a namespace. They have to stop in order, whatever was done to them."""
    kube = own_site.kube
    where = ("--kubeconfig", str(kube.kubeconfig), "--namespace", kube.namespace)
    calls = ("--inline-calls", "10", "--inline-allow", "127.0.0.0/8")
    first, second = (
        OperatorProcess(tmp_path / f"{name}.log", *where, *calls, environment={"POD_NAME": name})
        for name in ("first", "second")
    )
    kube.appendix = lambda: f"{first.tail()}\n{second.tail()}"
    yield first.start(), second.start()
    for each in (first, second):
        if each.running:
            each.stop()


def test_next_replica_repeats_no_call(
    own_site: Site, replicas: tuple[OperatorProcess, OperatorProcess], web: Web
) -> None:
    kube, (first, second) = own_site.kube, replicas
    paths = {f"steady-{n}": f"/status/200/{n}" for n in range(3)}
    kube.apply(*(inline(name, f"{web.url}{path}", schedule="@every 1s") for name, path in paths.items()))
    wait_for_calls(kube, web, 4)
    assert not [line for line in second.lines() if line["msg"] == "calling"], "who waits calls nothing"
    first.kill()
    second.wait_for_line("calling")
    first.start()
    second.pause()
    first.wait_for_line("calling")
    # It finds its Lease lost, and what it had claimed recorded as undecided.
    second.resume()
    wait_for_calls(kube, web, 9)
    first.stop()
    wait_for_calls(kube, web, 9)
    # One term ends in order and one goes on. The others are a crash and a frozen process, and on a busy machine a
    # replica that was too late to renew its Lease.
    cut_short = len(said("holds the Lease", replicas)) - 2
    for name, path in paths.items():
        status = rest(kube, name)
        assert_at_most_once(status, sum(each.path == path for each in web.asked))
        assert status.get("errorCount", 0) <= cut_short * LEFT, "and the orderly end leaves none"
    assert_called_once(*replicas)
