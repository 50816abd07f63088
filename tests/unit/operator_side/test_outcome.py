"""From a finished Job and its pod to what people are told about the attempt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_operator.plan.outcome import decides, main_container, outcome, trouble
from dkron_operator.plan.view import AttemptJob, AttemptState, Trouble
from tests.support.builders import NOON, after, claim, run, terminated, wire_pod

Object = dict[str, Any]
WORKED = run(claim(), AttemptState.SUCCEEDED)
FAILED = run(claim(), AttemptState.FAILED, reason="BackoffLimitExceeded", message="Job has reached the limit")
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def test_a_success_tells_when_and_where_it_ran() -> None:
    pod = wire_pod(states={"job": terminated(0, began=after(2), seconds=3)}, node="n7")
    found = outcome(WORKED, pod, container="job", output=b"hello", size=10)
    assert (found.success, found.exit_code, found.reason, found.message) == (True, 0, "", "")
    assert (found.started_at, found.finished_at, found.node_name) == (after(2), after(5), "n7")
    assert (found.output, found.output_truncated) == ("hello", False)


def test_a_success_whose_pod_is_gone_is_still_a_success() -> None:
    found = outcome(WORKED, None, container=None)
    assert (found.success, found.reason, found.exit_code) == (True, "", None)
    assert found.finished_at == WORKED.finished_at


@pytest.mark.parametrize(
    ("job", "pod", "reason", "message", "code"),
    [
        pytest.param(
            FAILED, wire_pod(states={"job": terminated(3, reason="Error")}), "Error", "", 3, id="an exit code"
        ),
        pytest.param(
            FAILED,
            wire_pod(states={"job": terminated(1, reason="Error", message="no disk")}),
            "Error",
            "no disk",
            1,
            id="an exit code and a termination message",
        ),
        pytest.param(
            FAILED, wire_pod(states={"job": terminated(137, reason="OOMKilled")}), "OOMKilled", "", 137, id="no memory"
        ),
        pytest.param(
            FAILED,
            wire_pod(states={"job": terminated(128, reason="StartError", message="exec: not found")}),
            "StartError",
            "exec: not found",
            128,
            id="a command that does not exist",
        ),
        pytest.param(
            FAILED,
            wire_pod(
                states={"job": terminated(137, reason="Error")}, reason="DeadlineExceeded", message="Pod was active"
            ),
            "DeadlineExceeded",
            "Pod was active",
            137,
            id="the timeout of the pod",
        ),
        pytest.param(
            run(claim(), AttemptState.FAILED, reason="DeadlineExceeded", message="Job was active"),
            wire_pod(states={"job": terminated(137, reason="Error")}),
            "DeadlineExceeded",
            "Job was active",
            137,
            id="the deadline of the Job",
        ),
        pytest.param(
            FAILED, wire_pod(reason="Evicted", message="disk pressure"), "Evicted", "disk pressure", None, id="evicted"
        ),
        pytest.param(
            FAILED,
            wire_pod(states={"job": waiting("ImagePullBackOff", "Back-off pulling")}),
            "ImagePullBackOff",
            "Back-off pulling",
            None,
            id="an image that is not there",
        ),
        pytest.param(
            FAILED, wire_pod(conditions=[UNSCHEDULABLE]), "Unschedulable", "0/3 nodes", None, id="no node takes it"
        ),
        pytest.param(
            FAILED,
            wire_pod(
                states={"job": waiting("PodInitializing")}, init_states={"prepare": terminated(1, reason="Error")}
            ),
            "Error",
            "",
            None,
            id="an init container that failed",
        ),
        pytest.param(
            FAILED, None, "PodLost", "the pod was deleted before the operator saw it end", None, id="a pod lost"
        ),
        pytest.param(
            run(claim(), AttemptState.FAILED, reason="DeadlineExceeded", message="Job was active"),
            None,
            "DeadlineExceeded",
            "Job was active",
            None,
            id="a pod that the Job's deadline deleted",
        ),
        pytest.param(
            run(claim(), AttemptState.FAILED, reason="PodFailurePolicy", message="exit code 42"),
            wire_pod(states={"job": terminated(42, reason="Error")}),
            "PodFailurePolicy",
            "exit code 42",
            42,
            id="the user's own failure policy",
        ),
    ],
)
def test_a_failure_is_told_with(
    job: AttemptJob, pod: Object | None, *, reason: str, message: str, code: int | None
) -> None:
    found = outcome(job, pod, container=None if pod is None else main_container(pod))
    assert (found.success, found.reason, found.message, found.exit_code) == (False, reason, message, code)


def test_a_container_that_never_started_has_no_start_in_1970() -> None:
    state = {
        "terminated": {
            "exitCode": 128,
            "reason": "StartError",
            "startedAt": "1970-01-01T00:00:00Z",
            "finishedAt": "2026-03-01T12:00:04Z",
        }
    }
    found = outcome(FAILED, wire_pod(states={"job": state}), container="job")
    assert (found.started_at, found.finished_at) == (None, after(4))


def test_without_any_time_the_creation_of_the_job_has_to_do() -> None:
    job = run(claim(), AttemptState.FAILED, finished_at=None)
    assert outcome(job, None, container=None).finished_at == NOON


def test_another_container_does_not_speak_for_the_command() -> None:
    pod = wire_pod(containers=("side", "job"), states={"side": terminated(9), "job": terminated(0)})
    assert outcome(WORKED, pod, container=main_container(pod)).exit_code == 0


@pytest.mark.parametrize(
    ("containers", "main"),
    [
        pytest.param(("job",), "job", id="ours"),
        pytest.param(("side", "job"), "job", id="ours among others"),
        pytest.param(("main", "side"), "main", id="the first of a template without ours"),
        pytest.param((), None, id="none"),
    ],
)
def test_the_container_that_counts_is(containers: tuple[str, ...], main: str | None) -> None:
    assert main_container(wire_pod(containers=containers)) == main


# --- output ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "size", "kept", "truncated"),
    [
        pytest.param(b"", 4, "", False, id="nothing"),
        pytest.param(b"abcd", 4, "abcd", False, id="as much as there is room for"),
        pytest.param(b"xabcd", 4, "abcd", True, id="one byte more: the end is kept"),
        pytest.param(b"x", 0, "", True, id="none is kept where none is wanted"),
        pytest.param("aü".encode(), 2, "ü", True, id="a cut before a character"),
        pytest.param("üa".encode(), 2, "\ufffda", True, id="a cut within a character"),
        pytest.param(b"a\xff\x00b", 9, "a\ufffd\x00b", False, id="what is not text"),
    ],
)
def test_output_is(output: bytes, size: int, kept: str, *, truncated: bool) -> None:
    found = outcome(WORKED, wire_pod(), container="job", output=output, size=size)
    assert (found.output, found.output_truncated) == (kept, truncated)


@given(output=st.binary(max_size=60), size=st.integers(0, 50))
def test_any_bytes_become_text_that_is_no_longer_than_wanted(output: bytes, size: int) -> None:
    tail = output[-(size + 1) :]
    found = outcome(WORKED, wire_pod(), container="job", output=tail, size=size)
    assert len(found.output) <= size
    found.output.encode()


def test_a_long_message_is_cut() -> None:
    pod = wire_pod(states={"job": terminated(1, reason="Error", message="m" * 5000)})
    assert len(outcome(FAILED, pod, container="job").message) == 1024


# --- pods that are over before their Jobs say so ---------------------------------------------------------------------

EXIT = {"job": terminated(0, seconds=5)}
BROKE = {"job": terminated(3, seconds=5)}


@pytest.mark.parametrize(
    ("pod", "template", "expected"),
    [
        pytest.param(wire_pod(states=EXIT, phase="Succeeded"), {}, True, id="it has succeeded"),
        pytest.param(wire_pod(states=BROKE, phase="Failed"), {}, True, id="it has failed"),
        pytest.param(wire_pod(states=EXIT, phase="Running"), {}, False, id="another container of it runs"),
        pytest.param(wire_pod(states={"job": {"running": {}}}, phase="Running"), {}, False, id="it runs"),
        pytest.param({"metadata": {}, "spec": {}}, {}, False, id="it has no status"),
        pytest.param(
            wire_pod(states=EXIT, phase="Succeeded", deleted=after(6)), {}, True, id="it had succeeded when deleted"
        ),
        pytest.param(
            wire_pod(states=BROKE, phase="Failed", deleted=after(6)), {}, True, id="it had failed when deleted"
        ),
        pytest.param(
            wire_pod(states=EXIT, phase="Succeeded", deleted=after(5)), {}, False, id="it ended when it was told to"
        ),
        pytest.param(
            wire_pod(states={"job": terminated(143, seconds=5)}, phase="Failed", deleted=after(6)), {}, False,
            id="it was killed, by a node whose clock is behind",
        ),
        pytest.param(wire_pod(phase="Failed", deleted=after(6)), {}, False, id="nobody knows when it ended"),
        pytest.param(
            wire_pod(states=EXIT, phase="Succeeded"), {"completions": 2}, False, id="its Job wants another one"
        ),
        pytest.param(
            wire_pod(states=EXIT, phase="Succeeded"), {"parallelism": 2}, False, id="its Job has several at once"
        ),
        pytest.param(
            wire_pod(states=EXIT, phase="Succeeded"), {"completions": 1, "backoffLimit": 4}, True, id="one was enough"
        ),
        pytest.param(wire_pod(states=BROKE, phase="Failed"), {"backoffLimit": 4}, False, id="its Job tries again"),
        pytest.param(
            wire_pod(states=BROKE, phase="Failed"), {"podFailurePolicy": {"rules": []}}, False,
            id="its Job may ignore it",
        ),
    ],
)  # fmt: skip
def test_a_pod_decides_how_its_job_ends_if(pod: Object, template: Object, *, expected: bool) -> None:
    assert decides(pod, template) is expected


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_what_a_pod_decides_is_the_outcome(phase: str) -> None:
    states = EXIT if phase == "Succeeded" else BROKE
    found = outcome(run(claim()), wire_pod(states=states, phase=phase), container="job", by_itself=True)
    assert (found.success, found.by_itself, found.finished_at) == (phase == "Succeeded", True, after(5))
    assert (found.reason, found.exit_code) == (("", 0) if found.success else ("Error", 3))


# --- pods that do not start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(wire_pod(), None, id="nothing known yet"),
        pytest.param(wire_pod(states={"job": {"running": {}}}), None, id="it runs"),
        pytest.param(wire_pod(states={"job": waiting("ContainerCreating")}), None, id="it is being created"),
        pytest.param(wire_pod(states={"job": waiting("PodInitializing")}), None, id="its init containers run"),
        pytest.param(
            wire_pod(states={"job": waiting("ErrImagePull", "404")}), Trouble("ErrImagePull", "404"), id="no image"
        ),
        pytest.param(
            wire_pod(states={"job": waiting("CreateContainerConfigError", 'secret "db" not found')}),
            Trouble("CreateContainerConfigError", 'secret "db" not found'),
            id="a secret that does not exist",
        ),
        pytest.param(
            wire_pod(init_states={"prepare": waiting("ImagePullBackOff")}, states={"job": waiting("PodInitializing")}),
            Trouble("ImagePullBackOff", ""),
            id="an init container without its image",
        ),
        pytest.param(
            wire_pod(conditions=[UNSCHEDULABLE]), Trouble("Unschedulable", "0/3 nodes"), id="no node takes it"
        ),
        pytest.param(wire_pod(conditions=[{"type": "PodScheduled", "status": "True"}]), None, id="a node has taken it"),
        pytest.param({"metadata": {}, "spec": {}}, None, id="a pod without status"),
    ],
)
def test_what_keeps_a_pod_from_starting(pod: Object, expected: Trouble | None) -> None:
    assert trouble(pod) == expected
