"""Files of manifests: what `lint` says of mistakes, and of files that are none or are hostile.

The API server is asked about the same mistakes in tests/cluster/test_crds_rules.py.
"""

import json
from pathlib import Path

import pytest
import yaml

from dkron_cli.commands import lint as command
from dkron_cli.core.lint import lint
from dkron_cli.core.manifests import Unreadable, documents
from dkron_cli.errors import Code
from dkron_cli.options import Options
from tests.support.broken_manifests import MANIFESTS, Broken
from tests.support.builders import NOON
from tests.support.kubectl_yaml import READ, YAML

HEAD = "apiVersion: dkron.io/v1alpha1\nkind: DkronJob\nmetadata: {name: %s}\nspec:\n"
NEVER = '  schedule: "0 0 0 31 2 *"\n'
GOOD = '  schedule: "@daily"\n  executorConfig: {command: "true"}\n'


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
"""Twelve lines that stand for thirty thousand million values."""


def job(spec: str, name: str = "a") -> str:
    return HEAD % name + spec


def pool(name: str, field: str = "order: fifo", *, namespace: str = '""') -> str:
    """A further document with a DkronPool."""
    head = f"---\napiVersion: dkron.io/v1alpha1\nkind: DkronPool\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
    return f"{head}spec: {{size: 1, {field}}}\n"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        pytest.param(job(GOOD), [], id="good"),
        pytest.param("kind: Pod\napiVersion: v1\n", [], id="not ours"),
        pytest.param(job(GOOD + "  queue: {max: 3}\n"),
                     ["7: warning: DkronJob a: spec.queue has no effect: spec.concurrency is not queue, and"],
                     id="a queue in which none waits"),
        pytest.param(job(GOOD + "  concurrency: queue\n  queue: {max: 3}\n"), [], id="a queue"),
        pytest.param(job(GOOD + "  pools: [db]\n  queue: {max: 3}\n"), [], id="a queue for places of pools"),
        pytest.param(job(GOOD + "  concurrency: queue\n  queue: {expires: 0s}\n"),
                     ["8: DkronJob a: spec.queue.expires: a run may wait from 1s to 292 years"], id="no time to wait"),
        pytest.param(job(GOOD + "  concurrency: queue\n  queue: {expires: 99999999h}\n"),
                     ['8: DkronJob a: spec.queue.expires: "99999999h" is more than 292 years'], id="a wait too long"),
        pytest.param(job(GOOD + "  priority: 3\n"),
                     ["7: warning: DkronJob a: spec.priority has no effect: spec.pools is empty"],
                     id="a priority without pools"),
        pytest.param(job(GOOD + "  pools: [db, lock]\n  priority: 3\n"), [], id="pools that may be elsewhere"),
        pytest.param(job(GOOD + "  pools: [db, lock]\n") + pool("db"),
                     ['7: warning: DkronJob a: its pool "lock" is in none of these files'],
                     id="a pool that is missing"),
        pytest.param(job(GOOD + "  pools: [databse]\n") + pool("lock") + pool("database"),
                     ['7: warning: DkronJob a: its pool "databse" is in none of these files; did you mean "database"?'],
                     id="a pool with a typo"),
        pytest.param(job(GOOD + "  pools: [databse]\n") + pool("lock") + pool("database", namespace="web"),
                     ['7: warning: DkronJob a: its pool "databse" is in none of these files'],
                     id="a pool that is another namespace's but for a typo"),
        pytest.param(job(GOOD + "  pools: [lock]\n") + pool("db", namespace="web"), [],
                     id="pools of another namespace"),
        pytest.param(job(GOOD + "  pools: [db, lock]\n", "a, namespace: web") + pool("lock", namespace="web")
                     + pool("db", "namespaces: [web]", namespace="ops"), [], id="a pool of several namespaces"),
        pytest.param(job(GOOD + "  pools: [db, lock]\n  priority: 3\n") + pool("db") + pool("lock"),
                     ["8: warning: DkronJob a: spec.priority has no effect: none of its pools has order: priority"],
                     id="a priority that no pool reads"),
        pytest.param(job(GOOD + "  pools: [db, lock]\n  priority: 3\n") + pool("db") + pool("lock", "order: priority"),
                     [], id="a priority that a pool reads"),
        pytest.param(job(GOOD + "  pools: [db]\n  priority: 3\n") + pool("lock", namespace="web"), [],
                     id="a priority that a pool elsewhere may read"),
        pytest.param(job(GOOD + "  pools: [db, lock, db]\n"),
                     ['7: DkronJob a: spec.pools.2 repeats "db"; this list has each only once'], id="a pool twice"),
        pytest.param(job("  dependsOn: [{job: b}, {job: c}, {job: b, when: always}]\n" + GOOD.split("\n")[1] + "\n"),
                     ['5: DkronJob a: spec.dependsOn.2 repeats {"job": "b"}', '5: warning: DkronJob a: its parent "b"',
                      '5: warning: DkronJob a: its parent "c"', '5: warning: DkronJob a: its parent "b"'],
                     id="a parent twice"),
        pytest.param(job(GOOD + "  pools: db\n"), ["7: DkronJob a: spec.pools: Input should be a valid list"],
                     id="a pool that is no list"),
        pytest.param(job(GOOD + "  pools: [a, b, c, d, e]\n"),
                     ["7: DkronJob a: spec.pools: List should have at most 4 items"], id="too many pools"),
        pytest.param(job(GOOD + "  queue: 3\n"), ["7: DkronJob a: spec.queue: Input should be a valid mapping"],
                     id="a queue that is no mapping"),
        pytest.param(job(GOOD + "  retries: true\n"), ["7: DkronJob a: spec.retries is true; write a whole number"],
                     id="a flag for a number"),
        pytest.param(job(GOOD + "  disabled: 1\n"), ["7: DkronJob a: spec.disabled is 1; write true or false"],
                     id="a number for a flag"),
        pytest.param(job(GOOD + "  startsAt: 2026\n"), ["7: DkronJob a: spec.startsAt is 2026; write a time as"],
                     id="a number for a time"),
        pytest.param(pool("my_db"), ['4: DkronPool my_db: metadata.name: "my_db" cannot be the name of an object'],
                     id="a name that no object may have"),
        pytest.param(pool("DB", "namespaces: [web, web]"), ['4: DkronPool DB: metadata.name: "DB" cannot be',
                     '5: DkronPool DB: spec.namespaces.1 repeats "web"'], id="a pool with two mistakes"),
        pytest.param(pool('""'), ["4: DkronPool without a name: metadata.name is missing"], id="a pool without a name"),
        pytest.param(job(GOOD, '""'), ["3: DkronJob without a name: metadata.name is missing"], id="no name"),
        pytest.param(job(GOOD).replace("name: a", "generateName: a-"), [], id="a name by the API server"),
        pytest.param(job(GOOD + "  retrys: 3\n"), ["7: DkronJob a: spec.retrys is no field of a DkronJob"],
                     id="an unknown field"),
        pytest.param(job(GOOD + "  history: {jobs: 1}\n"), ["7: DkronJob a: spec.history.jobs is no field"],
                     id="an unknown inner field"),
        pytest.param(job(GOOD + "  timezon: UTC\n"),
                     ['7: DkronJob a: spec.timezon is no field of a DkronJob; did you mean "timezone"?'],
                     id="a field with a missing letter"),
        pytest.param(job(GOOD) + "sepc: {}\n", ['7: DkronJob a: sepc is no field of a DkronJob; did you mean "spec"?'],
                     id="a part with a letter in another place"),
        pytest.param(job(GOOD, "off"), ["3: DkronJob without a name: metadata.name: it is the boolean false, as YAML"],
                     id="a name that YAML reads as false"),
        pytest.param(job(GOOD, "7"), ["3: DkronJob 7: metadata.name: it is the number 7; put the text in quotes"],
                     id="a name of digits"),
        pytest.param(job(NEVER + GOOD.split("\n")[1] + "\n  retries: -1\n"),
                     ["5: warning: DkronJob a: schedule: no date matches", "7: DkronJob a: spec.retries"],
                     id="no date, and a number out of range"),
        pytest.param(job(NEVER + "  executorConfig: {command: 'echo \"x'}\n"),
                     ["5: warning: DkronJob a: schedule: no date matches", "6: DkronJob a: command: no closing"],
                     id="no date, and an unclosed quote"),
        pytest.param(job('  schedule: "* * * * *"\n  retries: -1\n'), ["5: DkronJob a: schedule: ",
                     "6: DkronJob a: spec.retries"], id="five fields, and a number out of range"),
        pytest.param(job(GOOD.replace('"true"', "'a {{ day }}'")),
                     ["6: warning: DkronJob a: {{ day }} stays as it is, because spec.parameters declares none"],
                     id="a placeholder without parameters"),
        pytest.param(job('  executorConfig: {command: "true"}\n'), ["4: DkronJob a: spec.schedule is required"],
                     id="no schedule"),
        pytest.param(job(GOOD + "  executor: kubernetes\n"),
                     ["6: warning", "4: DkronJob a: jobTemplate: spec.template.spec.containers is missing"],
                     id="no container"),
        pytest.param(job(GOOD + "  jobTemplate: {spec: {a: " + "x" * 65536 + "}}\n"),
                     ["4: DkronJob a: the free-form parts of the job are 65571 bytes long, of which spec.jobTemplate"],
                     id="a long template"),
        pytest.param(job(GOOD + "  retryBackoff: {initial: 2m}\n"), ["7: DkronJob a: retryBackoff.max"], id="backoff"),
        pytest.param(job(GOOD + "  startsAt: 2026-01-02T00:00:00Z\n  expiresAt: 2026-01-01T00:00:00Z\n"),
                     ["8: DkronJob a: spec.expiresAt must be later"], id="it expires before it starts"),
        pytest.param(job(GOOD + "  parameters: [{name: n}]\n"),
                     ["7: DkronJob a: spec.parameters.0.name: it is the boolean false, as YAML reads off, no, n"],
                     id="a parameter that YAML takes for a boolean"),
        pytest.param(job(GOOD + "  parameters:\n  - {name: day, type: enum}\n"),
                     ['7: DkronJob a: parameter "day": an enum needs values'], id="a declaration"),
        pytest.param(job(GOOD + "  parameters: [{name: day, required: true}]\n"),
                     ['7: DkronJob a: parameter "day": it is required and has no default'], id="no default"),
        pytest.param(job(GOOD.replace('"true"', "'a {{ dya }}'") + "  parameters: [{name: day}]\n"),
                     ["6: warning: DkronJob a: {{ dya }} is not the name of a parameter"], id="another name"),
        pytest.param(job(GOOD + "  parentJob: a\n"), ["5: warning: DkronJob a: a job with parents ignores",
                     "7: DkronJob a: spec.parentJob must be another job"], id="after itself"),
        pytest.param(job(GOOD + "  parentJob: b\n"), ['7: warning: DkronJob a: its parent "b" is in none',
                     "5: warning"], id="no parent"),
        pytest.param(job(GOOD) + "---\n" + job(GOOD), ["8: DkronJob a: f:1 also has a job of this name"],
                     id="two of one name"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronJobs\n", ["2: DkronJobs without a name:"],
                     id="an unknown kind"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronPolicy\nmetadata: {name: a}\nspec:\n  path: {v1: {}}\n",
                     ["5: DkronPolicy a: spec.path.v1.capabilities: Field required"], id="a policy"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronCluster\nmetadata: {name: a}\nspec: {}\n",
                     ["3: DkronCluster a: metadata.name must be 'dkron'"], id="a cluster"),
        pytest.param("apiVersion: dkron.io/v1alpha1\nkind: DkronCluster\nmetadata: {name: dkron}\nspec:\n"
                     "  notifications:\n  - name: ops\n    url: https://example.org\n    headers:\n    - name: A\n",
                     ["9: DkronCluster dkron: spec.notifications.0.headers.0: a header has either a value or"],
                     id="a header without a value"),
    ],
)  # fmt: skip
def test_lint(text: str, findings: list[str]) -> None:
    found, _ = lint({"f": documents(text)}, NOON)
    shown = [str(each).removeprefix("f:") for each in found]
    assert len(shown) == len(findings), shown
    for finding in findings:
        assert any(each.startswith(finding) for each in shown), shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("a: [", "it is not YAML", id="not closed"),
        pytest.param('a: 1\nb: "x\nc: 2\n', "the quote that opens here is not closed", id="a quote"),
        pytest.param(BOMB, "expand to more than 100000 values", id="aliases of aliases"),
        pytest.param(
            BOMB.replace("[x]", "{x: 1}").replace("[*", "{<<: [*").replace("]\n", "]}\n"),
            "expand to more",
            id="merges of merges",
        ),
        pytest.param("a: &a [*a]", "contains itself", id="an alias of itself"),
        pytest.param("a: " + "[" * 101 + "]" * 101, "deeper than 100 levels", id="deep, for a manifest"),
        pytest.param("a: " + "1" * 500, "a number in it is too long", id="a number"),
        pytest.param("a: " + "[" * 5000, "nesting depth", id="deep"),
        pytest.param("a: !!python/object:os.system {}", "it is not YAML", id="a tag of Python"),
    ],
)
def test_a_hostile_file_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        documents(text)


@pytest.mark.parametrize("broken", MANIFESTS, ids=lambda each: each.name)
def test_lint_finds_the_mistake(broken: Broken) -> None:
    findings, checked = lint({"f": documents(broken.text)}, NOON)
    said = [f"{'warning: ' if each.warning else ''}{each.sentence.partition(': ')[2]}" for each in findings]
    assert checked == 1
    assert [each[: len(broken.lint)] for each in said] == ([broken.lint] if broken.lint else [])


def test_lint_and_the_api_server_leave_little() -> None:
    refused = sum(broken.server for broken in MANIFESTS)
    errors = sum(bool(broken.lint) and not broken.lint.startswith("warning") for broken in MANIFESTS)
    missed = [broken.name for broken in MANIFESTS if not broken.server and not broken.lint]
    assert (len(MANIFESTS), refused, errors) == (39, 18, 28)
    assert missed == ["a Secret that is missing", "a missing account"]


def test_a_file_is_read_as_kubectl_does() -> None:
    (document,) = documents(YAML)
    assert json.dumps(document.value) == json.dumps(READ)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('[{"name": "a", "executor": "http"}]', "not manifests; dkronctl import", id="jobs of Dkron"),
        pytest.param("kind: Pod\napiVersion: v1\n", 'starts with "apiVersion: dkron.io/v1alpha1"', id="another kind"),
        pytest.param("spec: {schedule: a}\n", 'starts with "apiVersion: dkron.io/v1alpha1"', id="no kind"),
        pytest.param("", 'starts with "apiVersion: dkron.io/v1alpha1"', id="nothing"),
        pytest.param(BOMB, "expand to more than 100000 values", id="aliases of aliases"),
    ],
)
def test_a_file_without_our_kinds_fails(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    assert command.check(Options(), [str(file)]) == Code.FAILED
    assert said in "".join(capsys.readouterr())


def test_findings_are_printed_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(job(NEVER + GOOD.split("\n")[1] + "\n  retrys: 1\n"), encoding="utf-8")
    assert command.check(Options(output="name"), [str(file)]) == Code.FAILED
    assert capsys.readouterr().out == f"{file}\n"
    for output, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert command.check(Options(output=output), [str(file)]) == Code.FAILED
        found = read(capsys.readouterr().out)
        assert [(each["file"], each["line"], each["severity"]) for each in found] == [
            (str(file), 5, "warning"), (str(file), 7, "error"),
        ]  # fmt: skip
        assert "spec.retrys is no field" in found[1]["message"]
