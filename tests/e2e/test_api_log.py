"""Logs and events of real runs through the REST API, beside a real operator, as a user who watches a job sees them."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dkron_kube.paths import JOBS, NODES, PODS
from tests.support.api_sites import ApiSite, api_beside, api_for
from tests.support.rest import Answer
from tests.support.rest_jobs import body, until

__all__ = ["api_beside"]

pytestmark = pytest.mark.cluster(nodes="real")

ZERO = "0001-01-01T00:00:00Z"
# containerd may lose what is still in the pipe when the container ends (containerd issue 7289).
DRAINED = "; sleep 1"
LONG = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i of a log that is longer than what is kept; done"
SLOWLY = "for i in 1 2 3 4 5 6; do echo $i; sleep 1; done"


def begin(site: ApiSite, name: str, command: str, **fields: Any) -> str:
    """Save a job and run it; the id of its execution as soon as it is listed."""
    config = {"shell": "true", "command": command, **fields.pop("config", {})}
    assert site.rest.post("/v1/jobs", body(name, executor_config=config, **fields)).status == 201
    # In a second try the executions of the first are there.
    place = f"/v1/jobs/{name}/executions"
    before = ids(site.rest.get(place))
    assert site.rest.post(f"/v1/jobs/{name}/run").status == 202
    (execution,) = ids(until(site, place, lambda answer: ids(answer) - before)) - before
    return execution


def ids(executions: Answer) -> set[str]:
    """Of the executions that are listed."""
    return {str(each["id"]) for each in executions.json()}


def end(site: ApiSite, name: str, execution: str) -> Any:
    """Wait until it is over; how that is shown."""
    path = f"/v1/jobs/{name}/executions/{execution}"
    return until(site, path, lambda answer: answer.json()["finished_at"] != ZERO, seconds=60).json()


@contextmanager
def reading(site: ApiSite, path: str) -> Iterator[http.client.HTTPResponse]:
    """The answer while it comes."""
    connection = http.client.HTTPConnection(site.rest.host, site.rest.port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()
        connection.close()


def test_whole_log_is_served_though_status_keeps_only_its_end(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "long", LONG + DRAINED)
    shown = end(api_beside, "long", execution)
    answer = api_beside.rest.get(f"/v1/jobs/long/executions/{execution}/log")
    assert answer.status == 200, answer
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert (len(lines), lines[0]) == (3000, "line 1 of a log that is longer than what is kept")
    assert shown["output"] == answer.text, "one execution has all of it, as in Dkron"
    [listed] = api_beside.rest.get("/v1/jobs/long/executions").json()
    assert (len(listed["output"]), listed["output_truncated"]) == (1024, True)
    assert answer.text.endswith(listed["output"])


def test_output_beyond_the_limit_of_dkron_shows_its_end(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "longer", f"yes 0123456789abcdef | head -n 20000; echo the end{DRAINED}")
    shown = end(api_beside, "longer", execution)
    assert len(shown["output"]) == 256_000
    assert shown["output"].endswith("0123456789abcdef\nthe end\n")


def test_wait_returns_after_the_output_is_recorded(api_beside: ApiSite, tmp_path: Path) -> None:
    config = {"shell": "true", "command": f"echo hello{DRAINED}; exit 1"}
    with api_for(api_beside.kube, tmp_path, "--run-waits") as waits:
        assert waits.rest.post("/v1/jobs", body("answered", executor_config=config)).status == 201
        answer = waits.rest.post("/v1/jobs/answered/run")
        assert (answer.status, answer.json()["status"], answer.json()["error_count"]) == (200, "failed", 1), answer
        [listed] = waits.rest.get("/v1/jobs/answered/executions").json()
    assert (listed["success"], listed["output"]) == (False, "exit status 1\nhello\n")


def test_running_execution_shows_its_node_and_output(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "seen", "echo hello; sleep 30")
    path = f"/v1/jobs/seen/executions/{execution}"
    shown = until(api_beside, path, lambda answer: answer.json().get("output") == "hello\n", seconds=60).json()
    [node] = api_beside.kube.all(NODES)
    assert (shown["node_name"], shown["finished_at"]) == (node["metadata"]["name"], ZERO)
    [listed] = api_beside.rest.get("/v1/jobs/seen/executions").json()
    assert listed["node_name"] == shown["node_name"]
    log = api_beside.rest.get(f"{path}/log")
    assert (log.status, log.text) == (200, "hello\n"), "it ends where it is for who does not follow"
    timed = api_beside.rest.get(f"{path}/log?timestamps").text
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) hello\n", timed), timed
    api_beside.rest.delete("/v1/jobs/seen")


def test_followed_log_streams_each_line_as_it_is_written(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "slow", SLOWLY)
    path = f"/v1/jobs/slow/executions/{execution}"
    with reading(api_beside, f"{path}/log?follow=1") as log:
        assert log.status == 200
        assert log.readline() == b"1\n"
        assert api_beside.rest.get(path).json()["finished_at"] == ZERO, "the line came when all was over"
        assert log.read() == b"2\n3\n4\n5\n6\n"
    assert end(api_beside, "slow", execution)["success"] is True


def test_container_that_cannot_start_says_why(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "no-image", "true", config={"image": "registry.invalid/none:1"})
    path = f"/v1/jobs/no-image/executions/{execution}/log"
    answer = until(api_beside, path, lambda answer: "ImagePull" in answer.text)
    assert answer.status == 409
    assert answer.text.startswith(f'the execution "{execution}" has not started: ')
    api_beside.rest.delete("/v1/jobs/no-image")


def test_log_of_a_deleted_pod_points_to_the_recorded_output(api_beside: ApiSite) -> None:
    execution = begin(api_beside, "gone", "echo a last word")
    end(api_beside, "gone", execution)
    run = execution.partition("-")[2]
    api_beside.kube.delete(JOBS, run)
    selector = f"batch.kubernetes.io/job-name={run}"
    api_beside.kube.wait_for("the end of the pod", lambda: api_beside.kube.all(PODS, selector), lambda pods: not pods)
    answer = api_beside.rest.get(f"/v1/jobs/gone/executions/{execution}/log")
    assert answer.status == 404
    place = f"/v1/jobs/gone/executions/{execution}"
    assert answer.text.endswith(f"is gone, and its log with it; GET {place} has the end of its output")
    assert api_beside.rest.get(place).json()["output"] == "a last word\n"


def test_a_flood_goes_at_the_pace_of_the_client(api_beside: ApiSite) -> None:
    # Of short lines hardly any would come: the kubelet reads them one by one.
    execution = begin(api_beside, "flood", "yes $(printf %01000d 7) | head -c 100000000; sleep 60")
    before = resident(api_beside)
    with reading(api_beside, f"/v1/jobs/flood/executions/{execution}/log?follow=1") as log:
        assert log.read(100) == b"0" * 100
        taken = 0
        while taken < 20_000_000:
            taken += len(log.read1(65536))
            assert resident(api_beside) - before < 64 << 20
    assert api_beside.rest.delete("/v1/jobs/flood").status == 200


def resident(site: ApiSite) -> int:
    """Bytes of memory that the API has."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{site.api.pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) << 10
