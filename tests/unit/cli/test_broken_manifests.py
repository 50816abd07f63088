"""Mistakes in manifests: what `lint` says of each. The API server is asked in tests/cluster/test_crds_rules.py."""

import pytest

from dkron_cli.core.lint import lint
from dkron_cli.core.manifests import documents
from tests.support.broken_manifests import MANIFESTS, Broken
from tests.support.builders import NOON


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
    assert (len(MANIFESTS), refused, errors) == (36, 15, 25)
    assert missed == ["a Secret that is missing", "a missing account"]
