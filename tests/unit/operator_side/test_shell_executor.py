"""The shell executor: each key of its config, and what Dkron's users expect of it (Dkron behaviour §6.1)."""

import base64
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dkron_crds.job import JobSpec
from dkron_operator import executors
from dkron_operator.executors.config import ConfigError, literal
from dkron_operator.executors.shell import KEYS, OF_THE_JOB, split
from dkron_operator.plan.build import build_job
from tests.support.builders import IMAGES, claim, job_view

REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


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


def as_the_kubelet_expands(text: str, env: dict[str, str]) -> str:
    """`$$` is one dollar, `$(NAME)` is the variable where there is one, everything else stays."""
    return REFERENCE.sub(lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)


def refused(config: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        fragment(config)
    assert caught.value.reason == "InvalidExecutorConfig"
    return str(caught.value)


def test_a_command_becomes_one_container_with_no_rights_of_its_own() -> None:
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
    ],
)
def test_without_a_shell_words_are_split_and_the_first_operator_ends_them(
    command: str, words: list[str], operator: str
) -> None:
    assert split(command) == (words, operator)


@pytest.mark.parametrize("key", ["command", "env"])
def test_a_value_with_a_nul_character_is_refused(key: str) -> None:
    problem = executors.check(spec({"command": "true", key: "A=a\0b"}))
    assert problem is not None
    assert problem.message == f"{key}: it contains a NUL character, which cannot be passed to a program"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        pytest.param("", "command: missing", id="nothing"),
        pytest.param("  \n", "command: missing", id="spaces"),
        pytest.param("'a", "no closing quotation", id="an open quote"),
        pytest.param("a\\", "no escaped character", id="a backslash at the end"),
        pytest.param("| cat", 'nothing before "|"', id="an operator at once"),
        pytest.param("2>x", 'nothing before ">"', id="a redirection alone"),
        pytest.param("secretRef:nothing", "secretRef:<name of the secret>/<key in it>", id="a reference cut short"),
    ],
)
def test_a_command_is_refused_that_is(command: str, says: str) -> None:
    assert says in refused({"command": command})


@pytest.mark.parametrize(
    ("text", "in_shell"),
    [
        *[pytest.param(text, True, id=f"{text!r} is yes") for text in ("1", "t", "T", "true", "True", "TRUE")],
        *[
            pytest.param(text, False, id=f"{text!r} is no")
            for text in ("", "0", "f", "false", "yes", "on", "tRUE", " true")
        ],
    ],
)
def test_shell_is_a_go_boolean(text: str, *, in_shell: bool) -> None:
    command = container({"command": "echo a | cat", "shell": text})["command"]
    assert command == (["/bin/sh", "-c", "echo a | cat"] if in_shell else ["echo", "a"])


def test_dollars_reach_the_shell_as_they_were_written() -> None:
    command = "echo $(date) $$ $HOME $(A)"
    words = container({"command": command, "shell": "true"})["command"]
    assert as_the_kubelet_expands(words[2], {"A": "no", "date": "no"}) == command


@given(text=st.text(alphabet="$()AB a"))
def test_the_kubelet_gives_back_any_text(text: str) -> None:
    assert as_the_kubelet_expands(literal(text), {"A": "no", "B": "no"}) == text


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        pytest.param("A=1", [("A", "1")], id="one"),
        pytest.param("A=1,B=2", [("A", "1"), ("B", "2")], id="two"),
        pytest.param("A=", [("A", "")], id="empty"),
        pytest.param("A=b=c", [("A", "b=c")], id="equals in the value"),
        pytest.param("A=x y, B=2", [("A", "x y"), (" B", "2")], id="spaces are kept, as Dkron keeps them"),
        pytest.param("A=1,,B=2,", [("A", "1"), ("B", "2")], id="empty ones are passed over"),
        pytest.param("A=$B$(C)", [("A", "$$B$$(C)")], id="dollars are escaped"),
    ],
)
def test_env_is_split_at_commas(env: str, expected: list[tuple[str, str]]) -> None:
    found = [(item["name"], item["value"]) for item in container({"env": env})["env"]]
    assert found == expected


@pytest.mark.parametrize("env", ["A", "=1", "A=1,B"])
def test_env_without_name_or_equals_is_refused(env: str) -> None:
    assert "is not NAME=value" in refused({"command": "true", "env": env})


def test_no_env_is_no_key() -> None:
    assert "env" not in container({"env": ""})


def test_a_variable_may_come_from_a_secret() -> None:
    (item,) = container({"env": "PASSWORD=secretRef:db/pass.word_1"})["env"]
    assert item == {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pass.word_1"}}}


def test_the_command_may_come_from_a_secret_and_is_read_by_a_shell() -> None:
    found = container({"command": "secretRef:db/script"})
    assert found["command"] == ["/bin/sh", "-c", "$(DKRON_COMMAND)"]
    assert found["env"] == [
        {"name": "DKRON_COMMAND", "valueFrom": {"secretKeyRef": {"name": "db", "key": "script"}}},
    ]


@pytest.mark.parametrize("text", ["secretRef:", "secretRef:a", "secretRef:A/b", "secretRef:a/b/c", "secretRef:a/"])
def test_a_reference_that_is_none_is_refused(text: str) -> None:
    assert "secretRef:<name of the secret>/<key in it>" in refused({"command": "true", "env": f"A={text}"})


@pytest.mark.parametrize("key", sorted(OF_THE_JOB))
def test_what_is_part_of_the_job_cannot_be_a_secret(key: str) -> None:
    assert refused({"command": "true", key: "secretRef:a/b"}).startswith(f"{key}: it cannot come from a Secret")


def test_only_values_of_env_come_from_secrets() -> None:
    assert refused({"command": "true", "env": "secretRef:a/b"}).startswith("env: only a value in it can come from")


def test_a_payload_is_decoded_into_the_standard_input_of_the_command() -> None:
    payload = base64.b64encode(b"hello").decode()
    found = container({"command": "wc -c", "payload": payload})
    assert found["command"] == [
        "/bin/sh", "-c", 'printf %s "$$DKRON_PAYLOAD" | base64 -d | "$$@"', "sh", "wc", "-c",
    ]  # fmt: skip
    assert found["env"] == [{"name": "DKRON_PAYLOAD", "value": payload}]


def test_a_payload_may_come_from_a_secret() -> None:
    (item,) = container({"payload": "secretRef:s/k"})["env"]
    assert item["valueFrom"] == {"secretKeyRef": {"name": "s", "key": "k"}}


@pytest.mark.parametrize("payload", ["abc", "a b c d", "é", "====", "\ud800"])
def test_a_payload_that_is_not_base64_is_refused(payload: str) -> None:
    with pytest.raises(ConfigError, match="payload: not base64"):
        executors.job(JobSpec.model_construct(executor_config={"command": "true", "payload": payload}), images=IMAGES)


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


def test_a_timeout_leaves_room_for_the_templates_own_grace_period() -> None:
    template = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 120}}}}
    found = fragment({"command": "true", "timeout": "10s"}, jobTemplate=template)
    assert found["activeDeadlineSeconds"] > 130


@pytest.mark.parametrize("text", ["10", "soon", "-5s", "0s", "1d", "3000000h"])
def test_a_timeout_that_is_no_length_of_time_is_refused(text: str) -> None:
    assert refused({"command": "true", "timeout": text}).startswith("timeout: ")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("1", 1, id="bytes"),
        pytest.param("67108864", 67108864, id="many bytes"),
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
    "text", ["0", "-1", "1.5", "1 K", "K", "1X", "1KiB", "1e3", "0.0001B", "٣", "9" * 400, "9" * 5000, "1,5G"]
)
def test_mem_limit_that_is_no_size_is_refused(text: str) -> None:
    assert "is not a size" in refused({"command": "true", "mem_limit": text})


@pytest.mark.parametrize(
    ("su", "context"),
    [
        pytest.param("1000", {"runAsUser": 1000}, id="a user"),
        pytest.param("1000:100", {"runAsUser": 1000, "runAsGroup": 100}, id="a user and a group"),
        pytest.param("0", {"runAsUser": 0}, id="root, if the cluster lets it"),
    ],
)
def test_su_is_a_uid(su: str, context: dict[str, int]) -> None:
    assert container({"su": su})["securityContext"] == context


@pytest.mark.parametrize("su", ["root", "root:root", "1000:", ":100", "-1", "1 000", "٣"])
def test_su_with_names_is_refused(su: str) -> None:
    assert "is not a numeric uid" in refused({"command": "true", "su": su})


def test_cwd_and_image_are_taken_as_they_are() -> None:
    found = container({"cwd": "/tmp/$a", "image": "alpine:3"})  # noqa: S108 - a path in a container
    assert (found["workingDir"], found["image"]) == ("/tmp/$a", "alpine:3")  # noqa: S108


def test_a_relative_cwd_is_refused() -> None:
    assert "is not an absolute path" in refused({"command": "true", "cwd": "work"})


def test_a_key_that_shell_does_not_have_is_refused_with_those_that_it_has() -> None:
    says = refused({"command": "true", "comand": "x"})
    assert '"comand" is not a key of shell' in says
    assert all(key in says for key in KEYS)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        pytest.param({"command": "a | b"}, 'ends at "|"', id="an operator without a shell is told"),
        pytest.param({"command": "a | b", "shell": "true"}, "", id="with a shell there is nothing to tell"),
        pytest.param({"command": "a 'x|y'"}, "", id="a quoted one is none"),
        pytest.param({"command": "secretRef:a/b"}, "", id="what is in a secret nobody knows"),
    ],
)
def test_what_may_surprise_is_remarked(config: dict[str, str], says: str) -> None:
    remark = executors.remarks(spec(config))
    assert says in remark
    assert bool(says) is bool(remark)


texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="$'\"\\|&;<>() ab2=,:/.", max_size=40),
    st.sampled_from(["1e999", "9" * 4301, "secretRef:a/b", "1h" * 16, "\x00", "5" * 400 + "T", "2>", "'2'>", "\\2>"]),
)
keys = st.one_of(st.sampled_from(sorted(KEYS)), st.text(max_size=10))


@settings(max_examples=400)
@given(config=st.dictionaries(keys, texts, max_size=6), command=texts)
@example(config={"mem_limit": "9" * 400}, command="x")
@example(config={"payload": "é"}, command="x")
def test_any_config_gives_a_job_or_one_sentence(config: dict[str, str], command: str) -> None:
    job = job_view(executorConfig={"command": command, **config})
    if job.problem is None:
        body = build_job(job, claim(), images=IMAGES)
        assert body["spec"]["template"]["spec"]["containers"][0]["command"]
        assert isinstance(executors.remarks(job.spec), str)
    else:
        assert job.problem.reason in ("InvalidExecutorConfig", "InvalidSpec")
        assert job.problem.message
