"""The docker executor: Dkron Pro's keys, and what a pod cannot do."""

from typing import Any

import pytest

from dkron_crds.job import JobSpec
from dkron_pods import executors
from tests.support.builders import IMAGES

FROM_SECRET = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


def spec(config: dict[str, str]) -> JobSpec:
    return JobSpec.from_wire({"schedule": "@hourly", "executor": "docker", "executorConfig": config})


def fragment(config: dict[str, str]) -> dict[str, Any]:
    return executors.job(spec({"image": "alpine:3", **config}), images=IMAGES)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({}, {}, id="an image has a command of its own"),
        pytest.param({"command": " "}, {}, id="a blank command is none"),
        pytest.param({"command": "--sync 'all of it'"}, {"args": ["--sync", "all of it"]}, id="its entry point stays"),
        pytest.param({"command": "echo $(HOME)"}, {"args": ["echo", "$$(HOME)"]}, id="nothing is expanded"),
        pytest.param({"command": 'sh -c "a | b"'}, {"args": ["sh", "-c", "a | b"]}, id="a shell is said"),
        pytest.param({"env": "A=1"}, {"env": [{"name": "A", "value": "1"}]}, id="env"),
        pytest.param({"env": "A=secretRef:s/k"}, {"env": [{"name": "A", **FROM_SECRET}]}, id="env from a Secret"),
        pytest.param({"cwd": "/srv"}, {"workingDir": "/srv"}, id="cwd"),
        pytest.param({"su": "1000"}, {"securityContext": {"runAsUser": 1000}}, id="su"),
    ],
)
def test_a_key(config: dict[str, str], expected: dict[str, Any]) -> None:
    (container,) = fragment(config)["template"]["spec"]["containers"]
    assert container == {"name": "job", "image": "alpine:3", **expected}


def test_a_timeout_is_the_pod_s() -> None:
    assert fragment({"timeout": "1m"})["template"]["spec"]["activeDeadlineSeconds"] == 60


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"image": ""}, "image: missing; "),
        ({"image": "secretRef:s/k"}, "image: it is part of the Job, so it cannot come from a Secret"),
        (
            {"volumes": "/data:/data"},
            "volumes: this key cannot mount folders of the host; use volumes and volumeMounts in jobTemplate",
        ),
        ({"shell": "true"}, "shell: the image's entry point runs the command; use the executor shell"),
        ({"payload": "YQ=="}, "payload: the image's entry point runs the command; use the executor shell"),
        ({"command": "a | b"}, 'command: no shell interprets "|"; write sh -c'),
        ({"command": "secretRef:s/k"}, "command: it is part of the pod, so it cannot come from a Secret"),
        ({"command": "a 'b"}, "command: no closing quotation"),
        ({"colour": "red"}, 'executorConfig: "colour" is not a key of docker; use command, cwd, '),
    ],
)
def test_invalid_config_is_refused(config: dict[str, str], message: str) -> None:
    problem = executors.check(spec({"image": "alpine:3", **config}))
    assert problem is not None
    assert (problem.reason, problem.message.startswith(message)) == ("InvalidExecutorConfig", True)
