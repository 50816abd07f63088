"""Values of parameters where a job has `{{ name }}`: whatever they are, they stay in their place."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import category
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dkron_crds.job import JobSpec
from dkron_crds.parameter_places import PLACES, Place, run_problem
from dkron_crds.parameters import parameter_problem
from dkron_executors.handover import CONFIG, Handover
from dkron_executors.keys import keys_of
from dkron_executors.result import Result
from dkron_executors.secrets import references
from dkron_operator.plan.job.build import build_job
from dkron_operator.plan.situation.view import JobView
from dkron_pods import executors, inline
from dkron_pods.arguments import template_problem
from dkron_pods.config import ConfigError
from tests.support.builders import IMAGES, claim, job_view
from tests.support.jobs import pod_template
from tests.support.kubelet import expanded

ANY = "(?s).*"
XY = ({"name": "x"}, {"name": "y"}, {"name": "n", "type": "integer"})
HOSTILE = [
    "'; rm -rf / #", '"; rm -rf / #', "$(X)", "$$(X)", "`id`", "${X}", "{{ y }}", "{{y}} {{ n }}", "a b", "--", "",
    "%2e", "../..", ". .", "?a=b&c=d#e", "http://evil/", '","admin":true,"z":"', "\\", '\\"', "</a><b>", "]]>", "&amp;",
    "a,B=2",     "é\u2028\U0001f600", "\t", "a\r\nX-Evil: 1", "\x85", "+&=%",
]  # fmt: skip
ENV = {"X": "expanded", "DKRON_PARAM_X": "expanded", "y": "expanded"}
texts = st.text(max_size=60).filter(lambda text: "\0" not in text and "secretRef:" not in text)
values = st.one_of(st.sampled_from(HOSTILE), texts)


def spec(executor: str, config: Mapping[str, str], *parameters: Mapping[str, Any]) -> JobSpec:
    wire = {"schedule": "@hourly", "executor": executor, "executorConfig": config, "parameters": parameters or XY}
    return JobSpec.from_wire(wire)


@cache
def view(executor: str, config: frozenset[tuple[str, str]], pattern: str) -> JobView:
    parameters = [each if "type" in each else {**each, "pattern": pattern} for each in XY]
    job = job_view(executor=executor, executorConfig=dict(config), parameters=parameters)
    assert job.problem is None
    return job


def container(executor: str, config: Mapping[str, str], given: Mapping[str, str], pattern: str = "") -> dict[str, Any]:
    body = build_job(view(executor, frozenset(config.items()), pattern), claim(), images=IMAGES, given=given)
    (only,) = body["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def handed(executor: str, config: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    (text,) = [item["value"] for item in container(executor, config, given)["env"] if item["name"] == CONFIG]
    return Handover.read(expanded(text, ENV)).config


def call(given: Mapping[str, str], **config: str) -> Mapping[str, str]:
    return handed("http", {"method": "POST", "url": "https://example.org/", **config}, given)


@given(x=values, y=values)
def test_a_value_stays_one_argument(x: str, y: str) -> None:
    told = container("shell", {"command": """run {{ x }} '{{y}}' "{{ y }}" {{ z }}"""}, {"x": x, "y": y}, ANY)
    assert [expanded(word, ENV) for word in told["command"]] == ["run", x, y, y, "{{", "z", "}}"]
    told = container("docker", {"image": "alpine", "command": "{{ x }} to"}, {"x": x}, ANY)
    assert [expanded(word, ENV) for word in told["args"]] == [x, "to"]


@given(x=values)
def test_a_value_stays_one_variable(x: str) -> None:
    told = container("shell", {"command": "true", "env": "A=1,B=<{{ x }}>,C={{ y }}"}, {"x": x})
    env = {
        item["name"]: expanded(item["value"], ENV) for item in told["env"] if not item["name"].startswith(("ENV", "D"))
    }
    assert env == {"A": "1", "B": f"<{x}>", "C": ""}
    assert [expanded(item["value"], ENV) for item in told["env"] if item["name"] == "DKRON_PARAM_X"] == [x]
    assert "DKRON_PARAM_Y" not in {item["name"] for item in told["env"]}


@given(x=values, y=values, n=st.integers(-(2**63), 2**63 - 1))
def test_a_value_stays_one_part_of_json(x: str, y: str, n: int) -> None:
    body = """ {"a": "{{ x }}", "{{ y }}": [{{ n }}, {{ y }}, "\\\\{{ x }}\\""], "z": "{{ z }}"} """
    sent = json.loads(call({"x": x, "y": y, "n": str(n)}, body=body)["body"])
    assert sent == {"a": x, y: [n, y, f'\\{x}"'], "z": "{{ z }}"} | ({"a": x} if y == "a" else {})
    lines = call({"x": x}, body='{"index": {}}\n{"a": "{{ x }}", "n": {{ n }}}\n')["body"]
    assert [json.loads(line) for line in lines.split("\n") if line] == [{"index": {}}, {"a": x, "n": None}]


@example("a", "b").via("the shortest")
@given(x=values, y=values)
def test_a_value_stays_in_its_place_of_a_url(x: str, y: str) -> None:
    assume(x not in (".", "..") and y not in (".", ".."))
    url = urlsplit(
        call({"x": x, "y": y}, url="https://u@example.org:8443/a/{{ x }}/{{ y }}.d/?q={{ x }}&r={{y}}#{{ y }}")["url"]
    )
    assert (url.scheme, url.netloc) == ("https", "u@example.org:8443")
    assert [unquote(part) for part in url.path.split("/")] == ["", "a", x, f"{y}.d", ""]
    assert parse_qs(url.query, keep_blank_values=True) == {"q": [x], "r": [y]}
    assert unquote(url.fragment) == y


@given(x=values)
def test_a_value_stays_in_its_header(x: str) -> None:
    config = {"headers": '["A: 1", "X-Key: <{{ x }}>", "B: {{ z }}"]'}
    if any(category(char) in ("Cc", "Zl", "Zp") for char in x):
        with pytest.raises(ConfigError, match='parameter "x": a header cannot have its value'):
            call({"x": x}, **config)
    else:
        headers = getattr(keys_of("http").read(call({"x": x}, **config)), "headers", ())
        assert headers == (("A", "1"), ("X-Key", f"<{x}>"), ("B", "{{ z }}"))


@given(x=values)
def test_other_bodies(x: str) -> None:
    form = {"headers": '["content-type: application/x-www-form-urlencoded; charset=utf-8"]', "body": "a={{ x }}&b=2"}
    assert parse_qs(call({"x": x}, **form)["body"], keep_blank_values=True) == {"a": [x], "b": ["2"]}
    assert call({"x": x}, body="{{ x }}: {{ n }}.")["body"] == f"{x}: ."
    assume(x.isprintable())
    xml = {"headers": '["Content-Type: application/xml"]', "body": "<a k='{{ x }}'>{{ x }}</a>"}
    root = ET.fromstring(call({"x": x}, **xml)["body"])  # noqa: S314 - of our own making
    assert (root.tag, root.text or "", root.attrib, len(root)) == ("a", x, {"k": x}, 0)


@given(x=values, y=values)
def test_no_value_makes_a_reference_to_a_secret(x: str, y: str) -> None:
    config = {"method": "POST", "url": "https://a/", "body": "secret{{ x }}{{ y }}"}
    config["headers"] = '["A: secretRef:a/b {{ y }}"]'
    before = references(config, inside={"headers"})
    for gives in ({"x": x, "y": y}, {"x": "Ref:db/password"}):
        try:
            after = references(handed("http", config, gives), inside={"headers"})
        except ConfigError:
            continue
        assert after == before
    with pytest.raises(ConfigError, match="the text would name a Secret"):
        handed("http", config, {"x": "Ref:db/password"})


def test_a_secret_is_a_variable_that_the_kubelet_fills() -> None:
    secret = {"name": "token", "secret": True, "default": "secretRef:prod/token"}
    job = job_view(parameters=[secret])
    for gives, name in (({}, "prod"), ({"token": "secretRef:test/token"}, "test")):
        (only,) = build_job(job, claim(), images=IMAGES, given=gives)["spec"]["template"]["spec"]["containers"]
        reference = {"secretKeyRef": {"name": name, "key": "token"}}
        assert {"name": "DKRON_PARAM_TOKEN", "valueFrom": reference} in only["env"]


def test_a_call_without_a_pod_gets_values() -> None:
    config = {"method": "GET", "url": "https://a/{{ x }}", "inline": "true", "debug": "true"}
    job = spec("http", config)
    gives = {"x": "b/c"}
    assert inline.keys(job, gives).url == "https://a/b%2Fc"
    assert "url: https://a/b%2Fc" in inline.printed(job, Result(), gives)[1].decode()


def test_value_invalidated_by_an_edit_builds_no_job() -> None:
    numbers = job_view(parameters=[{"name": "x", "type": "integer"}])
    for gives, sentence in (({"x": '1, "a": 2'}, "is not a whole number"), ({"y": "1"}, "it is not declared")):
        with pytest.raises(ConfigError, match=sentence) as refused:
            build_job(numbers, claim(), images=IMAGES, given=gives)
        assert refused.value.reason == "InvalidParameters"


def test_a_text_stays_short_whatever_stands_in_it() -> None:
    job = spec("http", {"method": "POST", "url": "https://a/", "body": "{{x}}" * 12000})
    assert executors.check(job) is None
    assert "longer than 131072 characters" in run_problem(job, {"x": "a" * 4096})
    with pytest.raises(ConfigError, match="longer than 131072"):
        container("shell", {"command": "echo" + " {{x}}" * 10000}, {"x": "a" * 4096}, ANY)


@dataclass(frozen=True)
class Refused:
    about: str
    executor: str
    config: Mapping[str, str]
    sentence: str
    parameters: tuple[Mapping[str, Any], ...] = field(default=XY)


GET = {"method": "GET", "url": "https://a/"}
JSON = {"headers": '["Content-Type: application/json"]'}
SECRET = ({"name": "x", "secret": True},)
REFUSED = [
    Refused("a shell", "shell", {"command": "echo {{ x }}", "shell": "true"}, 'use "$DKRON_PARAM_X", with the quotes'),
    Refused("the program", "shell", {"command": "/bin/{{ x }} a"}, "a parameter cannot be part of the program name"),
    Refused("the name of a variable", "shell", {"command": "a", "env": "{{ x }}=1"}, "cannot be part of the name"),
    Refused("a reference", "shell", {"command": "a", "env": "A=secretRef:a/{{ x }}"}, "be part of the reference"),
    Refused("a reference in a text", "http", {**GET, "headers": '["A: secretRef:a/b{{ x }}"]'}, "would name a Secret"),
    Refused("an image", "docker", {"image": "a:{{ x }}"}, "{{ x }} cannot stand in image; with docker, it can"),
    Refused("a secret", "http", {**GET, "body": "{{ x }}"}, "only the variable DKRON_PARAM_X has its value", SECRET),
    Refused("a host", "http", {**GET, "url": "https://{{ x }}/"}, "it cannot be part of the server's address"),
    Refused("a host's end", "http", {**GET, "url": "https://a{{ x }}"}, "it cannot be part of the server's address"),
    Refused("a scheme", "http", {**GET, "url": "{{ x }}://a/"}, "it cannot be part of the server's address"),
    Refused("a header's name", "http", {**GET, "headers": '["{{ x }}: 1"]'}, "cannot be part of a header's name"),
    Refused("a whole header", "http", {**GET, "headers": '["{{ x }}"]'}, "cannot be part of a header's name"),
    Refused("no JSON", "http", {**GET, **JSON, "body": '{"a": "{{ x }}"'}, "the text around it is not JSON"),
    Refused("half an escape", "http", {**GET, **JSON, "body": '{"a": "\\u00{{ x }}"}'}, "text around it is not JSON"),
    Refused("a default that changes the path", "http", {**GET, "url": "https://a/{{ x }}/b"}, "would change the path",
            ({"name": "x", "default": ".."},)),
    Refused("a secret without a pod", "http", {**GET, "inline": "true"}, "with inline it cannot be secret", SECRET),
    Refused("a declaration", "shell", {"command": "a"}, "an enum needs values", ({"name": "x", "type": "enum"},)),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.about)
def test_refused_places(case: Refused) -> None:
    problem = executors.check(spec(case.executor, case.config, *case.parameters))
    assert problem is not None
    assert problem.reason == "InvalidParameters"
    assert case.sentence in problem.message
    assert "x" in problem.message


FREE, NUMBER = {"name": "x"}, {"name": "x", "type": "integer"}
CHOICE, SHAPE = {"name": "x", "type": "enum", "values": ["a"]}, {"name": "x", "pattern": "[a-z]+"}
WHOLE, QUOTED = "it has to be a whole word of the command", 'use "$DKRON_PARAM_X"'
ANY_TEXT = "its value can be any text, which a program may read as an option or as code"


@dataclass(frozen=True)
class Word:
    command: str
    parameter: Mapping[str, Any]
    refused: str = ""


WORDS = (
    *(Word("load --day {{ x }}", each) for each in (NUMBER, CHOICE, SHAPE, {"name": "x", "type": "time"})),
    *(Word("load '{{ x }}' {{x}}", each) for each in (NUMBER, SHAPE)),
    *(Word(command, FREE, ANY_TEXT) for command in ("load {{ x }}", "sh -c 'echo {{ x }}'", "tar -- {{ x }}")),
    *(Word(command, FREE, QUOTED) for command in ("sh -c {{ x }}", "unknown --eval={{ x }}")),
    *(Word(command, NUMBER, WHOLE) for command in ("load --rows={{ x }}", "sh -c 'head -n {{ x }}'", "a {{x}}{{x}}")),
    *(Word("sh -c 'echo {{ x }}'", each, QUOTED) for each in (CHOICE, SHAPE)),
)  # fmt: skip


@pytest.mark.parametrize("case", WORDS, ids=lambda case: f"{case.command} {case.parameter.get('type', '')}")
def test_value_is_a_limited_whole_word_of_a_command(case: Word) -> None:
    words = [
        word.replace("{{x}}", "$(DKRON_PARAM_X)") for word in shlex.split(case.command.replace("{{ x }}", "{{x}}"))
    ]
    own = pod_template(containers=[{"name": "a", "command": words[:1], "args": words[1:]}])
    probe = pod_template(containers=[{"name": "a", "livenessProbe": {"exec": {"command": words}}}])
    problems = [
        executors.check(spec("shell", {"command": case.command}, case.parameter)),
        executors.check(spec("docker", {"image": "a", "command": case.command}, case.parameter)),
        executors.check(template(own, case.parameter)),
        executors.check(template(probe, case.parameter)),
    ]
    assert [problem is not None and problem.reason for problem in problems] == [
        bool(case.refused) and "InvalidParameters"
    ] * 4
    assert all(case.refused in problem.message for problem in problems if problem is not None)


def template(job_template: Mapping[str, Any], *parameters: Mapping[str, Any]) -> JobSpec:
    wire = {"schedule": "@hourly", "executor": "kubernetes", "jobTemplate": job_template, "parameters": parameters}
    return JobSpec.from_wire(wire)


def test_variable_built_from_a_value_is_that_value() -> None:
    env = [
        {"name": "A", "value": "<$(DKRON_PARAM_X)>"},
        {"name": "B", "value": "$(A)"},
        {"name": "C", "value": "$$(A)"},
    ]
    for argument, refused in (("echo $(B)", True), ("$(B)", False), ("echo $(C)", False), ("echo $$(B)", False)):
        container = {"name": "a", "env": env, "command": ["sh", "-c", argument]}
        problem = template_problem(template(pod_template(containers=[container]), NUMBER))
        assert problem.startswith(f'parameter "x": $(B) in jobTemplate: {WHOLE}') == refused == bool(problem)


@pytest.mark.parametrize("text", [".", "..", "%2e", ""], ids=repr)
def test_run_with_a_value_unfit_for_its_place_is_refused(text: str) -> None:
    job = spec("http", {**GET, "url": "https://a/%2e{{ x }}/b/{{ x }}", "headers": '["A: {{ y }}"]'})
    assert parameter_problem(job.parameters, {"x": text}) == ""
    problem = "" if text == "%2e" else 'parameter "x": its value would change the path of the url'
    assert run_problem(job, {"x": text}) == problem
    assert run_problem(job, {"x": "a", "y": "a\nb"}).startswith('parameter "y": a header cannot have its value')


def test_a_job_without_parameters_keeps_its_braces() -> None:
    config = {"command": "inspect -f '{{ x }}' {{ y }}"}
    job = job_view(executorConfig=config)
    (only,) = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]["containers"]
    assert only["command"] == ["inspect", "-f", "{{ x }}", "{{", "y", "}}"]
    assert executors.remarks(spec("shell", {"command": "a {{ other }}"})) == [
        "{{ other }} is not the name of a parameter, and stays as it is"
    ]


def test_every_place_is_a_key_of_its_executor() -> None:
    for executor, places in PLACES.items():
        config = {key: "[]" if place is Place.HEADERS else "{}" for key, place in places.items()}
        known = keys_of(executor).names() if executor not in ("shell", "docker") else ["command", "env"]
        assert set(config) <= set(known)


def test_the_documentation_lists_all_places() -> None:
    page = Path("docs/parameters.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| (.*) \|$", page.partition("<!-- places -->")[2].partition("<!-- /places -->")[0], re.MULTILINE
    )
    assert {
        executor: re.findall(r"`([\w.]+)`", keys.partition("(")[0] + keys.partition(")")[2]) for executor, keys in rows
    } == {executor: list(places) for executor, places in PLACES.items()}
