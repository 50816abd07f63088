"""The settings that both programs know are those that the operator reads."""

import pytest

from dkron_crds.known_settings import EXECUTOR_KEYS, PROCESSOR_KEYS, Settings
from dkron_executors.keys import MODELS, keys_of
from dkron_pods import docker, shell
from dkron_pods.executors import EXECUTORS
from dkron_processors.of_job import PROCESSORS
from tests.support.builders import job_view


def test_executors_match_the_operator() -> None:
    assert EXECUTOR_KEYS.keys() == EXECUTORS.keys()
    assert EXECUTOR_KEYS["shell"] == shell.KEYS
    assert EXECUTOR_KEYS["docker"] == docker.KEYS | {"volumes"}
    assert not EXECUTOR_KEYS["kubernetes"]


@pytest.mark.parametrize("executor", MODELS)
def test_keys_match_the_model(executor: str) -> None:
    assert EXECUTOR_KEYS[executor] == set(keys_of(executor).names())


def test_processors_match_the_operator() -> None:
    assert PROCESSOR_KEYS.keys() == PROCESSORS.keys()
    for name, kind in PROCESSORS.items():
        assert PROCESSOR_KEYS[name] == {field.alias or key for key, field in kind.model_fields.items()}


def test_unknown_settings_stay_in_the_spec_without_effect() -> None:
    job = job_view(
        executorConfig={"command": "true", "mem_limit_kb": "1"},
        processors={"log": {"forward": "true", "x": ""}, "y": {}},
    )
    assert job.problem is None
    assert job.spec.executor_config == {"command": "true"}
    assert job.spec.processors == {"log": {"forward": "true"}}
    assert job.ignored == (
        "ignored, because this version does not know them: executorConfig.mem_limit_kb, processors.log.x, processors.y"
    )


def test_a_job_without_such_settings_is_left_as_it_is() -> None:
    job = job_view()
    assert (job.ignored, job.unknown) == ("", None)


def test_message_is_short_and_printable_for_any_names() -> None:
    config = {f"{number}\r\nX: y\u20ac" + "k" * 200: "v" for number in range(1000)}
    text = Settings("shell", config, {}).ignored()
    assert len(text) < 1000
    assert text.isascii()
    assert text.isprintable()
    assert text.endswith("and 992 more")


def test_keys_of_an_unknown_executor_are_not_checked() -> None:
    assert Settings("perl", {"x": "y"}, {}).ignored() == ""
