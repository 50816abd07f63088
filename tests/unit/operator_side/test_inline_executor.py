"""Calls without a pod: which jobs want one, what only a pod could do, and what is told of one."""

from typing import Any

import pytest

from dkron_crds.job import JobSpec
from dkron_executors.result import Result
from dkron_pods import executors, inline

CONFIG = {"method": "GET", "url": "http://user:secret@localhost/", "inline": "true"}


def spec(executor: str = "http", *, config: dict[str, str] | None = None, **fields: Any) -> JobSpec:
    return JobSpec.from_wire({"executor": executor, "executorConfig": {**CONFIG, **(config or {})}, **fields})


@pytest.mark.parametrize(("text", "wanted"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_inline_setting_is_parsed(text: str, *, wanted: bool) -> None:
    assert inline.is_inline(spec(config={"inline": text})) is wanted
    assert executors.check(spec(config={"inline": text})) is None


def test_only_http_has_calls_without_a_pod() -> None:
    problem = executors.check(spec("nats", config={"url": "nats://localhost", "message": "m", "subject": "s"}))
    assert not inline.is_inline(spec("nats"))
    assert problem is not None
    assert '"method" is not a key of nats' in problem.message or '"inline" is not a key of nats' in problem.message


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"config": {"body": "secretRef:a/b"}}, "body: with inline it cannot come"),
        ({"config": {"headers": '["X: secretRef:a/b"]'}}, "headers: with inline it cannot come from a Secret"),
        ({"config": {"tlsRootCAsFile": "/ca"}}, "tlsRootCAsFile: with inline there is no pod"),
        ({"config": {"timeout": "61"}}, "timeout: with inline at most 60"),
        ({"config": {"method": ""}}, "method: missing"),
        ({"config": {"inline": "yes"}}, 'inline: "yes" is neither "true" nor "false"'),
        ({"jobTemplate": {"spec": {"suspend": True}}}, "jobTemplate: with inline there is no Job"),
        ({"tags": {"a": "b"}}, "tags: with inline there is no pod"),
        ({"queueName": "reports"}, "queueName: with inline there is no Job"),
    ],
)
def test_inline_job_that_needs_a_pod_is_refused(fields: dict[str, Any], says: str) -> None:
    problem = executors.check(spec(**fields))
    assert problem is not None
    assert problem.message.startswith(says)
    assert problem.reason == ("InvalidTemplate" if "jobTemplate" in fields else "InvalidExecutorConfig")


@pytest.mark.parametrize(
    ("config", "result", "error", "output"),
    [
        pytest.param({}, Result(output=b"fine\n"), "", b"fine\n", id="a success"),
        pytest.param({}, Result("no\nanswer", b"half"), "no answer", b"no answer\nhalf", id="a failure, in one line"),
        pytest.param({}, Result("secret", b"a secret"), "***", b"***\na ***", id="the password of the address"),
        pytest.param(
            {"debug": "1"}, Result(output=b"fine"), "",
            b"debug: 1\ninline: true\nmethod: GET\nurl: http://user:***@localhost/\nfine", id="with the config",
        ),
    ],
)  # fmt: skip
def test_result_is_printed(config: dict[str, str], result: Result, *, error: str, output: bytes) -> None:
    assert inline.printed(spec(config=config), result) == (error, output)
