"""From a finished Job and its pod to what people are told about the attempt."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_crds.job import AttemptState
from dkron_operator.plan.situation.outcome import decides, main_container, outcome, trouble, without_runtime_error
from dkron_operator.plan.situation.permissions import CHOOSE_USER, OUR_USER, ROOM
from dkron_operator.plan.situation.view import AttemptJob, PodProblem
from tests.support.builders import NOON, after, claim, run, terminated, wire_pod

Object = dict[str, Any]
WORKED = run(claim(), AttemptState.SUCCEEDED)
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


def failed(reason: str = "BackoffLimitExceeded", message: str = "Job has reached the limit") -> AttemptJob:
    return run(claim(), AttemptState.FAILED, reason=reason, message=message)


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def pod_that(state: Object, **fields: Any) -> Object:
    return wire_pod(states={"job": state}, **fields)


def exited(code: int, reason: str = "Error", message: str = "", **fields: Any) -> Object:
    """A pod whose container has ended with this code; `fields` of the pod."""
    return pod_that(terminated(code, reason=reason, message=message), **fields)


def test_success_has_its_times_and_node() -> None:
    pod = pod_that(terminated(0, began=after(2), seconds=3), node="n7")
    found = outcome(WORKED, pod, container="job", output=b"hello", size=10)
    assert (found.success, found.exit_code, found.reason, found.message) == (True, 0, "", "")
    assert (found.started_at, found.finished_at, found.node_name) == (after(2), after(5), "n7")
    assert (found.output, found.output_truncated) == ("hello", False)


def test_success_with_a_missing_pod_is_still_a_success() -> None:
    found = outcome(WORKED, None, container=None)
    assert (found.success, found.reason, found.exit_code) == (True, "", None)
    assert found.finished_at == WORKED.finished_at


DEADLINE = failed("DeadlineExceeded", "Job was active")
POLICY = failed("PodFailurePolicy", "exit code 42")
TIMED_OUT = pod_that(terminated(137), reason="DeadlineExceeded", message="Pod was active")
IN_INIT = pod_that(waiting("PodInitializing"), init_states={"prepare": terminated(1, reason="Error")})


@dataclass(frozen=True)
class Failure:
    pod: Object | None
    reason: str
    message: str = ""
    code: int | None = None
    output: bytes = b""
    job: AttemptJob = field(default_factory=failed)


def as_user(pod: Object, *, of_pod: int | None, own: int | None = None) -> Object:
    """The pod with users in its spec."""
    users = [{} if user is None else {"securityContext": {"runAsUser": user}} for user in (of_pod, own)]
    containers = [{**each, **users[1]} for each in pod["spec"]["containers"]]
    return {**pod, "spec": {**pod["spec"], **users[0], "containers": containers}}


NO_LOG = b"sh: can't create /log: Permission denied\n"
NOT_EXECUTABLE = exited(128, "StartError", "exec: permission denied")
VANISHED = {"type": "DisruptionTarget", "status": "True", "message": "PodGC: node no longer exists"}

FAILURES = {
    "an exit code": Failure(exited(3), "Error", code=3),
    "an exit code and a termination message": Failure(exited(1, message="no disk"), "Error", "no disk", 1),
    "no memory": Failure(exited(137, "OOMKilled"), "OOMKilled", code=137),
    "no such command": Failure(exited(128, "StartError", "exec: not found"), "StartError", "exec: not found", 128),
    "the timeout of the pod": Failure(TIMED_OUT, "DeadlineExceeded", "Pod was active", 137),
    "the deadline of the Job": Failure(exited(137), "DeadlineExceeded", "Job was active", 137, job=DEADLINE),
    "evicted": Failure(wire_pod(reason="Evicted", message="disk pressure"), "Evicted", "disk pressure"),
    "no such image": Failure(pod_that(waiting("ImagePullBackOff", "Back-off")), "ImagePullBackOff", "Back-off"),
    "no node takes it": Failure(wire_pod(conditions=[UNSCHEDULABLE]), "Unschedulable", "0/3 nodes"),
    "an init container that failed": Failure(IN_INIT, "Error"),
    "a file that our user may not write": Failure(
        as_user(exited(1), of_pod=65532), "Error", OUR_USER, 1, output=NO_LOG
    ),
    "one that another user may not write": Failure(as_user(exited(1), of_pod=7), "Error", code=1, output=NO_LOG),
    "one of a container with a user": Failure(as_user(exited(1), of_pod=65532, own=7), "Error", code=1, output=NO_LOG),
    "one of a pod without users": Failure(exited(1), "Error", code=1, output=NO_LOG),
    "a failure of our user": Failure(as_user(exited(1), of_pod=65532), "Error", code=1, output=b"no such file"),
    "a program that our user may not start": Failure(
        as_user(NOT_EXECUTABLE, of_pod=None, own=65532), "StartError", f"exec: permission denied; {OUR_USER}", 128
    ),
    "a pod lost": Failure(None, "PodLost", "the pod was deleted before the operator saw it end"),
    "a pod whose node vanished": Failure(wire_pod(conditions=[VANISHED]), "PodLost", "PodGC: node no longer exists"),
    "an evicted pod that stopped in time": Failure(
        wire_pod(conditions=[VANISHED], states={"job": terminated(143)}), "PodLost", "PodGC: node no longer exists", 143
    ),
    "a pod deleted by hand": Failure(exited(137, deleted=after(3)), "PodLost", "the pod was deleted", 137),
    "a pod deleted after its failure": Failure(exited(3, deleted=after(9)), "Error", code=3),
    "a pod that was no longer to be taken away": Failure(
        wire_pod(conditions=[VANISHED | {"status": "False"}], states={"job": terminated(137)}), "Error", code=137
    ),
    "a pod that the Job's deadline deleted": Failure(None, "DeadlineExceeded", "Job was active", job=DEADLINE),
    "the user's own failure policy": Failure(exited(42), "PodFailurePolicy", "exit code 42", 42, job=POLICY),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failure_is_reported_with(failure: Failure) -> None:
    pod = failure.pod
    container = None if pod is None else main_container(pod)
    found = outcome(failure.job, pod, container=container, output=failure.output)
    told = (found.success, found.reason, found.message, found.exit_code)
    assert told == (False, failure.reason, failure.message, failure.code)


def test_container_that_never_started_has_no_start_in_1970() -> None:
    state = terminated(128, reason="StartError", began=after(4), seconds=0)
    state["terminated"]["startedAt"] = "1970-01-01T00:00:00Z"
    found = outcome(failed(), pod_that(state), container="job")
    assert (found.started_at, found.finished_at) == (None, after(4))


def test_missing_end_is_the_creation_of_the_job() -> None:
    job = run(claim(), AttemptState.FAILED, finished_at=None)
    assert outcome(job, None, container=None).finished_at == NOON


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
    pod = wire_pod(containers=containers, states={name: terminated(9 * (name != main)) for name in containers})
    assert main_container(pod) == main
    assert outcome(WORKED, pod, container=main).exit_code == (None if main is None else 0)


ID = "029da193f18a"
REMOVED = f'rpc error: code = NotFound desc = an error occurred when try to find container "{ID}": not found'.encode()


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        pytest.param(b"good bye\n" + REMOVED, b"good bye\n", id="of a container that was removed"),
        pytest.param(b"good bye\n", b"good bye\n", id="of one that was not"),
        pytest.param(REMOVED.replace(b"029", b"030"), None, id="that quotes another container"),
        pytest.param(REMOVED + b"\n", None, id="in which the program says so"),
        pytest.param(b"", b"", id="that is empty"),
    ],
)
def test_a_followed_log(log: bytes, kept: bytes | None) -> None:
    pod = wire_pod(states={"job": terminated(0)})
    pod["status"]["containerStatuses"][0]["containerID"] = f"containerd://{ID}"
    assert without_runtime_error(log, pod, "job") == (log if kept is None else kept)


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
def test_any_bytes_become_text_within_the_limit(output: bytes, size: int) -> None:
    found = outcome(WORKED, wire_pod(), container="job", output=output[-(size + 1) :], size=size)
    assert len(found.output) <= size
    found.output.encode()


def test_a_long_message_is_cut() -> None:
    assert len(outcome(failed(), exited(1, message="m" * 5000), container="job").message) == 1024


# --- pods that are over before their Jobs say so ---------------------------------------------------------------------


def over(phase: str = "Succeeded", *, deleted: float | None = None) -> Object:
    """A pod that has ended after five seconds."""
    state = terminated(3, reason="Error") if phase == "Failed" else terminated()
    return pod_that(state, phase=phase, deleted=None if deleted is None else after(deleted))


KILLED = pod_that(terminated(143), phase="Failed", deleted=after(6))
BEING_REMOVED = pod_that(terminated(7, reason="Error"), phase="Failed", deleted=after(6), grace=0)


@pytest.mark.parametrize(
    ("pod", "template", "expected"),
    [
        pytest.param(over(), {}, True, id="it has succeeded"),
        pytest.param(over("Failed"), {}, True, id="it has failed"),
        pytest.param(over("Running"), {}, False, id="another container of it runs"),
        pytest.param(pod_that({"running": {}}, phase="Running"), {}, False, id="it runs"),
        pytest.param({"metadata": {}, "spec": {}}, {}, False, id="it has no status"),
        pytest.param(over(deleted=6), {}, True, id="it had succeeded when deleted"),
        pytest.param(over("Failed", deleted=6), {}, True, id="it had failed when deleted"),
        pytest.param(over(deleted=5), {}, False, id="it ended when it was told to"),
        pytest.param(KILLED, {}, False, id="it was killed, by a node whose clock is behind"),
        pytest.param(BEING_REMOVED, {}, False, id="its kubelet removes it and resets the deletion time"),
        pytest.param(wire_pod(phase="Failed", deleted=after(6)), {}, False, id="its end is unknown"),
        pytest.param(over(), {"completions": 2}, False, id="its Job wants another one"),
        pytest.param(over(), {"parallelism": 2}, False, id="its Job has several at once"),
        pytest.param(over(), {"completions": 1, "backoffLimit": 4}, True, id="one was enough"),
        pytest.param(over("Failed"), {"backoffLimit": 4}, False, id="its Job tries again"),
        pytest.param(over("Failed"), {"podFailurePolicy": {"rules": []}}, False, id="its Job may ignore it"),
    ],
)
def test_a_pod_decides_how_its_job_ends_if(pod: Object, template: Object, *, expected: bool) -> None:
    assert decides(pod, template) is expected


@pytest.mark.parametrize(("phase", "told"), [("Succeeded", (True, "", 0)), ("Failed", (False, "Error", 3))])
def test_outcome_follows_the_pod(phase: str, told: tuple[bool, str, int]) -> None:
    found = outcome(run(claim()), over(phase), container="job", by_itself=True)
    assert (found.success, found.reason, found.exit_code) == told
    assert (found.by_itself, found.finished_at) == (True, after(5))


# --- pods that do not start ----------------------------------------------------------------------------------------

NO_SECRET = PodProblem("CreateContainerConfigError", 'secret "db" not found')
NO_IMAGE = PodProblem("ErrImagePull", "404")
IMAGE_OF_ROOT = "container has runAsNonRoot and image will run as root"
REFUSED = PodProblem(NO_SECRET.reason, f"{IMAGE_OF_ROOT}; {CHOOSE_USER}")
LONG = PodProblem(NO_SECRET.reason, f"{IMAGE_OF_ROOT:.<{ROOM}}; {CHOOSE_USER}")
INIT = pod_that(waiting("PodInitializing"), init_states={"prepare": waiting("ImagePullBackOff")})


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(wire_pod(), None, id="nothing known yet"),
        pytest.param(pod_that({"running": {}}), None, id="it runs"),
        pytest.param(pod_that(waiting("ContainerCreating")), None, id="it is being created"),
        pytest.param(pod_that(waiting("PodInitializing")), None, id="its init containers run"),
        pytest.param(pod_that(waiting(NO_IMAGE.reason, NO_IMAGE.message)), NO_IMAGE, id="no image"),
        pytest.param(pod_that(waiting(NO_SECRET.reason, NO_SECRET.message)), NO_SECRET, id="no such secret"),
        pytest.param(pod_that(waiting(NO_SECRET.reason, IMAGE_OF_ROOT)), REFUSED, id="an image of root"),
        pytest.param(pod_that(waiting(NO_SECRET.reason, f"{IMAGE_OF_ROOT:.<9999}")), LONG, id="of a long name"),
        pytest.param(INIT, PodProblem("ImagePullBackOff", ""), id="an init container without its image"),
        pytest.param(wire_pod(conditions=[UNSCHEDULABLE]), PodProblem("Unschedulable", "0/3 nodes"), id="no node"),
        pytest.param(wire_pod(conditions=[{"type": "PodScheduled", "status": "True"}]), None, id="a node has taken it"),
        pytest.param({"metadata": {}, "spec": {}}, None, id="a pod without status"),
    ],
)
def test_pod_problem(pod: Object, expected: PodProblem | None) -> None:
    assert trouble(pod) == expected
