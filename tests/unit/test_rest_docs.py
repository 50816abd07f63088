"""The pages about the REST API stay in step with what they describe."""

from pathlib import Path

import pytest

from dkron_api.auth.kubernetes import ALLOWED_SECONDS, DENIED_SECONDS, KNOWN_SECONDS, UNKNOWN_SECONDS
from dkron_api.auth.routes import MOST_SECRETS, TABLE
from dkron_api.metrics import REGISTRY, Cache, ProcessState
from dkron_api.routes.openapi import document
from dkron_api.settings import Settings
from generate import rest
from tests.conformance.rest.__main__ import markdown
from tests.support.api_rights import FOR_HISTORY, LEAST_API
from tests.support.console import Shown, fits, shown
from tests.support.manifests import shown as manifests
from tests.support.rights import Rules

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "rest-api.md").read_text(encoding="utf-8")
STANDARD = ("process_", "python_", "dkron_api_build")
"""Metrics that need no description."""


def test_table_of_differences_matches_the_tests() -> None:
    assert rest.with_differences(PAGE, markdown()) == PAGE, "run `make generate`"


def test_table_of_rights_matches_the_api() -> None:
    page = (DOCS / "security.md").read_text(encoding="utf-8")
    assert rest.with_rights(page) == page, "run `make generate`"


def test_security_page_names_how_long_answers_are_cached() -> None:
    page = " ".join((DOCS / "security.md").read_text(encoding="utf-8").split())
    assert f"a token for {KNOWN_SECONDS:.0f}, an unknown one for {UNKNOWN_SECONDS:.0f}" in page
    assert f"a right for {ALLOWED_SECONDS:.0f}, a missing one for {DENIED_SECONDS:.0f}" in page
    assert f"with more than {MOST_SECRETS} Secrets" in page


def test_short_list_of_rights_names_each_route_right() -> None:
    section = PAGE.partition("\n## Show who you are")[2].partition("\n## ")[0]
    needed = {each.resource for each in TABLE} | {"dkronjobs/force"}
    assert [resource for resource in needed if f"`{resource}`" not in section] == []


def test_the_role_of_the_api_is_the_least() -> None:
    (role,) = [each.document for each in manifests() if each.name == "docs/rest-api.md:dkron-api"]
    named: Rules = {
        (group, resource, *rule.get("resourceNames", ())): tuple(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    least = LEAST_API | FOR_HISTORY
    assert {key: set(verbs) for key, verbs in named.items()} == {key: set(verbs) for key, verbs in least.items()}


def test_a_table_takes_the_place_of_the_one_before() -> None:
    begin, end = rest.DIFFERENCES
    page = rest.with_differences(f"above\n{begin}old\n{end}below\n", "| new |")
    assert page == f"above\n{begin}\n| new |\n\n{end}below\n"
    with pytest.raises(ValueError, match="around the table"):
        rest.with_differences(f"{end}{begin}", "| new |")


def test_each_option_is_described() -> None:
    options = [f"`--{name.replace('_', '-')}`" for name in Settings.model_fields]
    assert [option for option in options if option not in PAGE] == []


def test_each_metric_is_described() -> None:
    state = ProcessState(jobs=[], caches=[Cache("jobs", 1, 1.0)], calls={}, in_flight=0, open_answers=0, listeners=0)
    families = [family for source in (state, REGISTRY) for family in source.collect()]
    counters = {family.name: "_total" if family.type == "counter" else "" for family in families}
    names = [name + ending for name, ending in counters.items() if not name.startswith(STANDARD)]
    described = PAGE.replace("`…_failed_total`", "dkron_job_executions_failed_total")
    assert [name for name in names if name not in described] == []


def test_each_status_of_a_refusal_is_explained() -> None:
    operations = [each for path in document()["paths"].values() for each in path.values() if isinstance(each, dict)]
    refusals = {str(code) for each in operations for code in each.get("responses", {}) if str(code) >= "400"}
    section = PAGE.partition("## When it says no")[2].partition("\n## ")[0]
    assert {code for code in refusals if f"| {code} |" not in section} == set()


def test_commands_are_found_with_their_output() -> None:
    block = "```console\n$ one\na\nb\n$ curl -d '{\n  1}' \\\n  x\n$ three\n```\n"
    assert shown(f"text\n```sh\n$ not this\n```\n{block}") == [
        Shown("one", "a\nb", 6), Shown("curl -d '{\n  1}' \\\n  x", "", 9), Shown("three", "", 12),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("printed", "on_the_page", "expected"),
    [
        pytest.param("202\n", "202", True, id="the same"),
        pytest.param('"2026-11-25T05:18:15.03+01:00"', '"2027-01-01T00:00:00Z"', True, id="another time"),
        pytest.param("job mine-17-0bc12def", "job mine-1795580076-67693a92", True, id="another hash, other digits"),
        pytest.param("job mine-17-letters", "job mine-1795580076-67693a92", False, id="no hash"),
        pytest.param("[1,\n2,\n3]", "[1,…3]", True, id="what is left out"),
        pytest.param("(a.b)", "(a+b)", False, id="signs are not patterns"),
        pytest.param("deadbeef", "facade", False, id="a word of hexadecimal letters is a word"),
        pytest.param("error\n202", "202", False, id="something before"),
        pytest.param("202\nerror", "202", False, id="something behind"),
    ],
)
def test_output_matches_the_page(printed: str, on_the_page: str, expected: bool) -> None:
    assert fits(printed, on_the_page) is expected
