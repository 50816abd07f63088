"""The shell executor: each key of its config, and what Dkron's users expect of it (Dkron behaviour §6.1)."""

import shlex
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dkron_crds.job import JobSpec
from dkron_operator.plan.job.build import build_job
from dkron_pods import executors
from dkron_pods.config import ConfigError, literal
from dkron_pods.shell import KEYS, OF_THE_JOB, split
from tests.support.builders import IMAGES, claim, job_view
from tests.support.examples import examples
from tests.support.kubelet import expanded


def spec(config: dict[str, str], **fields: Any) -> JobSpec:
    return JobSpec.from_wire({"schedule": "@hourly", "executorConfig": config, **fields})


def fragment(config: dict[str, str], **fields: Any) -> dict[str, Any]:
    return executors.job(spec(config, **fields), images=IMAGES)


def pod(config: dict[str, str], **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = fragment(config, **fields)["template"]["spec"]
    return found


def container(config: dict[str, str]) -> dict[str, Any]:
    (only,) = pod({"command": "true", **config})["containers"]
    assert only["name"] == "job"
    found: dict[str, Any] = only
    return found


def secret(variable: str, name: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def env(**variables: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


FROM_A_SECRET = {"command": ["/bin/sh", "-c", "$(DKRON_COMMAND)"], "env": [secret("DKRON_COMMAND", "db", "script")]}
DECODED = {
    "command": ["/bin/sh", "-c", 'printf %s "$$DKRON_PAYLOAD" | base64 -d | "$$@"', "sh", "wc", "-c"],
    **env(DKRON_PAYLOAD="aGVsbG8="),
}
LONG = 128 << 10
NO_SIZES = ["0", "-1", "1.5", "1 K", "K", "1X", "1KiB", "1e3", "0.0001B", "٣", "9" * 400, "9" * 5000, "1,5G"]


def refused(config: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        fragment(config)
    assert caught.value.reason == "InvalidExecutorConfig"
    return str(caught.value)


def test_command_becomes_one_container_without_rights() -> None:
    assert fragment({"command": "date -u"}) == {
        "template": {
            "spec": {
                "containers": [{"name": "job", "image": "default:1", "command": ["date", "-u"]}],
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
            }
        }
    }


@pytest.mark.parametrize(
    ("command", "words", "operator"),
    [
        pytest.param("date", ["date"], "", id="one word"),
        pytest.param("  a   b\tc\nd ", ["a", "b", "c", "d"], "", id="space of any kind separates"),
        pytest.param("a 'b c' \"d e\"", ["a", "b c", "d e"], "", id="both kinds of quotes"),
        pytest.param("a b\\ c", ["a", "b c"], "", id="a backslash keeps a space"),
        pytest.param("a ''", ["a", ""], "", id="an empty word"),
        pytest.param("a\"b\"'c'd", ["abcd"], "", id="quotes within a word"),
        pytest.param("echo $HOME", ["echo", "$HOME"], "", id="nothing is expanded"),
        pytest.param("echo *.txt ~", ["echo", "*.txt", "~"], "", id="no globs, no home"),
        pytest.param("echo $HOME | cat && ls", ["echo", "$HOME"], "|", id="a pipe ends it"),
        pytest.param("a && b", ["a"], "&", id="and ends it"),
        pytest.param("a; b", ["a"], ";", id="a semicolon ends it"),
        pytest.param("a>b", ["a"], ">", id="an arrow ends it, within a word, too"),
        pytest.param("a < b", ["a"], "<", id="so does the other arrow"),
        pytest.param("a 2>b", ["a"], ">", id="a descriptor before the arrow goes with it"),
        pytest.param("a 2 > b", ["a", "2"], ">", id="a number with a space before the arrow is a word"),
        pytest.param("echo a2>b", ["echo", "a2"], ">", id="a word that ends in a digit stays"),
        pytest.param("echo 'a|b' \"c;d\" e\\&f", ["echo", "a|b", "c;d", "e&f"], "", id="quoted operators are text"),
        pytest.param("echo '\\' | x", ["echo", "\\"], "|", id="a backslash in single quotes is text"),
        pytest.param('echo "a\\"|b"', ["echo", 'a"|b'], "", id="an escaped quote does not end the quotes"),
        pytest.param("a #b", ["a", "#b"], "", id="no comments"),
        pytest.param("x" * LONG + f" '{'y' * LONG}'", ["x" * LONG, "y" * LONG], "", id="words as long as an argument"),
    ],
)
def test_command_without_a_shell_splits_up_to_an_operator(command: str, words: list[str], operator: str) -> None:
    assert split(command) == (words, operator)


@given(command=st.text(alphabet="a2 \t\n'\"\\\u2003\0", max_size=12))
def test_words_are_those_of_shlex(command: str) -> None:
    try:
        expected = shlex.split(command)
    except ValueError:
        with pytest.raises(ConfigError, match=r"^command: no (closing quotation|escaped character) in "):
            split(command)
    else:
        assert split(command) == (expected, "")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"command": "secretRef:db/script"}, FROM_A_SECRET, id="a command in a Secret is read by a shell"),
        pytest.param({"payload": "aGVsbG8=", "command": "wc -c"}, DECODED, id="a payload becomes the standard input"),
        pytest.param({"payload": "secretRef:s/k"}, {"env": [secret("DKRON_PAYLOAD", "s", "k")]}, id="a secret payload"),
        pytest.param({"env": "PW=secretRef:db/pass.word_1"}, {"env": [secret("PW", "db", "pass.word_1")]}, id="in env"),
        pytest.param({"env": "A=1,B=2"}, env(A="1", B="2"), id="two variables"),
        pytest.param({"env": "A="}, env(A=""), id="an empty variable"),
        pytest.param({"env": "A=b=c"}, env(A="b=c"), id="equals in the value"),
        pytest.param({"env": "A=x y, B=2"}, env(**{"A": "x y", " B": "2"}), id="spaces are kept, as Dkron keeps them"),
        pytest.param({"env": "A=1,,B=2,"}, env(A="1", B="2"), id="empty ones are passed over"),
        pytest.param({"env": "A=$B$(C)"}, env(A="$$B$$(C)"), id="dollars are escaped"),
        pytest.param({"su": "1000"}, {"securityContext": {"runAsUser": 1000}}, id="a user"),
        pytest.param({"su": "1000:100"}, {"securityContext": {"runAsUser": 1000, "runAsGroup": 100}}, id="and a group"),
        pytest.param({"su": "0"}, {"securityContext": {"runAsUser": 0}}, id="root, if the cluster lets it"),
        pytest.param(
            {"cwd": "/srv/$a", "image": "alpine:3"}, {"workingDir": "/srv/$a", "image": "alpine:3"}, id="as is"
        ),
    ],
)
def test_a_key_becomes_a_field_of_the_container(config: dict[str, str], expected: dict[str, Any]) -> None:
    found = container(config)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("key", ["command", "env"])
def test_a_value_with_a_nul_character_is_refused(key: str) -> None:
    problem = executors.check(spec({"command": "true", key: "A=a\0b"}))
    assert problem is not None
    assert problem.message == f"{key}: it contains a NUL character, which cannot be passed to a program"


def test_no_env_is_no_key() -> None:
    assert "env" not in container({"env": ""})


REFERENCE = "secretRef:<name of the secret>/<key in it>"


@pytest.mark.parametrize(
    ("says", "key", "values"),
    [
        pytest.param("command: missing", "command", ["", "  \n"], id="no command"),
        pytest.param("no closing quotation", "command", ["'a"], id="an open quote"),
        pytest.param("no escaped character", "command", ["a\\"], id="a backslash at the end"),
        pytest.param('nothing before "|"', "command", ["| cat"], id="an operator at once"),
        pytest.param('nothing before ">"', "command", ["2>x"], id="only a redirection"),
        pytest.param(REFERENCE, "command", ["secretRef:nothing"], id="a reference cut short"),
        pytest.param(
            REFERENCE, "env", [f"A=secretRef:{text}" for text in ("", "a", "A/b", "a/b/c", "a/")], id="a reference"
        ),
        pytest.param("is not NAME=value", "env", ["A", "=1", "A=1,B"], id="a variable without name or equals"),
        pytest.param("env: only a value in it can come from", "env", ["secretRef:a/b"], id="all of env in a Secret"),
        pytest.param("timeout: ", "timeout", ["10", "soon", "-5s", "0s", "1d", "3000000h"], id="no length of time"),
        pytest.param("is not a size", "mem_limit", NO_SIZES, id="no size"),
        pytest.param(
            "is not a numeric uid", "su", ["root", "root:root", "1000:", ":100", "-1", "1 000", "٣"], id="names"
        ),
        pytest.param("is not an absolute path", "cwd", ["work"], id="a relative cwd"),
    ],
)
def test_a_value_is_refused_that_is(says: str, key: str, values: list[str]) -> None:
    for value in values:
        message = refused({"command": "true", key: value})
        assert says in message, value


@pytest.mark.parametrize("payload", ["abc", "a b c d", "é", "====", "\ud800"])
def test_a_payload_that_is_not_base64_is_refused(payload: str) -> None:
    with pytest.raises(ConfigError, match="payload: not base64"):
        executors.job(JobSpec.model_construct(executor_config={"command": "true", "payload": payload}), images=IMAGES)


@pytest.mark.parametrize("key", sorted(OF_THE_JOB))
def test_part_of_the_job_cannot_be_a_secret(key: str) -> None:
    assert refused({"command": "true", key: "secretRef:a/b"}).startswith(f"{key}: it is part of the Job, so it cannot")


def test_unknown_key_is_refused_with_the_known_ones() -> None:
    says = refused({"command": "true", "comand": "x"})
    assert '"comand" is not a key of shell' in says
    assert all(key in says for key in KEYS)


@pytest.mark.parametrize(
    ("in_shell", "texts"),
    [(True, ["1", "t", "T", "true", "True", "TRUE"]), (False, ["", "0", "f", "false", "yes", "on", "tRUE", " true"])],
)
def test_shell_is_a_go_boolean(texts: list[str], *, in_shell: bool) -> None:
    expected = ["/bin/sh", "-c", "echo a | cat"] if in_shell else ["echo", "a"]
    for text in texts:
        assert container({"command": "echo a | cat", "shell": text})["command"] == expected, text


@example(text="echo $(date) $$ $HOME $(A)")
@given(text=st.text(alphabet="$()AB a"))
def test_the_kubelet_gives_back_any_text(text: str) -> None:
    assert expanded(literal(text), {"A": "no", "B": "no", "date": "no"}) == text
    if text.strip():
        words = container({"command": text, "shell": "true"})["command"]
        assert expanded(words[2], {"A": "no", "B": "no", "date": "no"}) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30, id="seconds"),
        pytest.param("1m30s", 90, id="minutes and seconds"),
        pytest.param("1h", 3600, id="hours"),
        pytest.param("1ms", 1, id="less than a second is one"),
        pytest.param("1.5s", 2, id="a fraction is rounded up"),
        pytest.param("2000ms", 2, id="a whole number of seconds is not"),
    ],
)
def test_a_timeout_ends_the_pod_and_later_the_job(text: str, seconds: int) -> None:
    found = fragment({"command": "true", "timeout": text})
    assert found["template"]["spec"]["activeDeadlineSeconds"] == seconds
    assert found["template"]["spec"]["terminationGracePeriodSeconds"] == 1
    assert found["activeDeadlineSeconds"] > seconds + 1, "the pod's deadline leaves the log, so it has to be first"


def test_timeout_adds_the_grace_period_of_the_template() -> None:
    template = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 120}}}}
    found = fragment({"command": "true", "timeout": "10s"}, jobTemplate=template)
    assert found["activeDeadlineSeconds"] > 130


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("1", 1, id="bytes"),
        pytest.param("10B", 10, id="B"),
        pytest.param("10bytes", 10, id="BYTES in any case"),
        pytest.param("1K", 1024, id="K"),
        pytest.param("1kb", 1024, id="KB in any case"),
        pytest.param("64MB", 64 * 1024**2, id="MB"),
        pytest.param("64m", 64 * 1024**2, id="M in any case"),
        pytest.param("1.5GB", 1536 * 1024**2, id="a decimal with a unit"),
        pytest.param(".5G", 512 * 1024**2, id="a decimal without a whole part"),
        pytest.param("1T", 1024**4, id="T"),
        pytest.param("1TB", 1024**4, id="TB"),
        pytest.param(" 1K ", 1024, id="space around"),
        pytest.param("9007199254740993", 9007199254740993, id="to the last byte"),
    ],
)
def test_mem_limit_is_a_size(text: str, size: int) -> None:
    assert container({"mem_limit": text})["resources"] == {"limits": {"memory": str(size)}}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        pytest.param(
            {"command": "echo a && echo b"},
            ['command: only "echo a" runs, because no shell reads "&&"; write shell: "true" to run all of it'],
            id="an operator without a shell",
        ),
        pytest.param(
            {"command": "a 2>log"},
            ['command: only "a" runs, because no shell reads ">"; write shell: "true" to run all of it'],
            id="a redirection",
        ),
        pytest.param(
            {"command": "a", "shell": "yes"},
            ['shell: "yes" does not turn the shell on; write shell: "true"'],
            id="a flag that is none",
        ),
        pytest.param({"command": "a", "shell": "F"}, [], id="a flag that is off"),
        pytest.param({"command": "a | b", "shell": "true"}, [], id="an operator for a shell"),
        pytest.param({"command": "a 'x|y'"}, [], id="a quoted one is none"),
        pytest.param({"command": "secretRef:a/b"}, [], id="the command is in a Secret"),
    ],
)
def test_surprising_command_is_remarked(config: dict[str, str], says: list[str]) -> None:
    assert executors.remarks(spec(config)) == says


texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="$'\"\\|&;<>() ab2=,:/.", max_size=40),
    st.sampled_from(["1e999", "9" * 4301, "secretRef:a/b", "1h" * 16, "\x00", "5" * 400 + "T", "2>", "'2'>", "\\2>"]),
)
keys = st.one_of(st.sampled_from(sorted(KEYS)), st.text(max_size=10))


@settings(max_examples=examples(200))
@given(config=st.dictionaries(keys, texts, max_size=6), command=texts)
@example(config={"mem_limit": "9" * 400}, command="x")
@example(config={"payload": "é"}, command="x")
def test_any_config_gives_a_job_or_one_sentence(config: dict[str, str], command: str) -> None:
    job = job_view(executorConfig={"command": command, **config})
    if job.problem is None:
        body = build_job(job, claim(), images=IMAGES)
        assert body["spec"]["template"]["spec"]["containers"][0]["command"]
        assert isinstance(job.remarks, str)
    else:
        assert job.problem.reason in ("InvalidExecutorConfig", "InvalidSpec")
        assert job.problem.message
