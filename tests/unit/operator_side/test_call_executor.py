"""The executors that are a call: the container, and what it is handed over."""

from typing import Any

import pytest

from dkron_crds.job import JobSpec
from dkron_executors.handover import CONFIG, LONGEST, Handover
from dkron_operator.plan.job.build import build_job
from dkron_pods import executors
from dkron_pods.call import CONFINED
from tests.support.builders import IMAGES, claim, job_view
from tests.support.kubelet import Kubelet, expanded

HTTP = {"method": "GET", "url": "https://example.org/"}


def spec(config: dict[str, str], **fields: Any) -> JobSpec:
    return JobSpec.from_wire({"schedule": "@hourly", "executor": "http", "executorConfig": config, **fields})


def fragment(config: dict[str, str]) -> dict[str, Any]:
    return executors.job(spec(config), images=IMAGES)


def test_container_is_unprivileged_and_merged_with_the_template() -> None:
    ours = {
        "name": "job",
        "image": "own:1",
        "command": ["python", "-m", "dkron_executors", "http"],
        "env": [{"name": CONFIG, "value": Handover(HTTP, {}).text()}],
        "securityContext": CONFINED,
    }
    pod = fragment(HTTP)["template"]["spec"]
    assert pod == {"containers": [ours], "automountServiceAccountToken": False, "enableServiceLinks": False}
    template = {"spec": {"template": {"spec": {"containers": [{"name": "job", "image": "mirror/own:1"}]}}}}
    job = job_view(executor="http", executorConfig=HTTP, jobTemplate=template)
    (container,) = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]["containers"]
    assert {**container, "env": container["env"][-1:]} == {**ours, "image": "mirror/own:1"}
    assert container["env"][0]["name"] == "DKRON_JOB_NAME"


def test_the_kubelet_gives_back_every_text() -> None:
    config = {**HTTP, "body": "$(PATH) $$ $$(A) ünï \x00 \n \\"}
    (container,) = fragment(config)["template"]["spec"]["containers"]
    assert Handover.read(expanded(container["env"][-1]["value"], {"PATH": "x", "A": "y"})).config == config


def test_a_secret_is_the_kubelet_s_business() -> None:
    config = {**HTTP, "body": "secretRef:a/b", "headers": '["X: secretRef:c.d/E_f", "Y: secretRef:a/b"]'}
    (container,) = fragment(config)["template"]["spec"]["containers"]
    *secrets, handed = container["env"]
    assert secrets == [
        {"name": "DKRON_EXECUTOR_SECRET_0", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
        {"name": "DKRON_EXECUTOR_SECRET_1", "valueFrom": {"secretKeyRef": {"name": "c.d", "key": "E_f"}}},
    ]
    env = Kubelet({"a": {"b": "one"}, "c.d": {"E_f": "two"}}).environment(container)
    handover = Handover.read(env[handed["name"]])
    assert handover.config == config
    assert {reference: env[name] for reference, name in handover.secrets.items()} == {
        "secretRef:a/b": "one",
        "secretRef:c.d/E_f": "two",
    }


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "GET"}, "url: missing; executorConfig of http needs it"),
        ({**HTTP, "timeout": "soon"}, 'timeout: "soon" is not a number of seconds from 1 to 86400'),
        ({**HTTP, "body": "€" * (LONGEST // 3)}, "executorConfig: all keys together must be shorter than 128 KiB, "),
    ],
)
def test_a_wrong_key_shows_when_the_spec_changes(config: dict[str, str], message: str) -> None:
    problem = executors.check(spec(config))
    assert problem is not None
    assert (problem.reason, problem.message.startswith(message)) == ("InvalidExecutorConfig", True)


def test_as_long_as_a_process_takes_it() -> None:
    room = LONGEST - len(f"{CONFIG}={Handover({**HTTP, 'body': ''}, {}).text()}")
    # Of three bytes each: a value has 64,000 characters at most.
    body = "€" * (room // 3) + "x" * (room % 3)
    assert executors.check(spec({**HTTP, "body": body})) is None
    assert executors.check(spec({**HTTP, "body": body + "x"})) is not None
