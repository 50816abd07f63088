"""The rules of the definitions as `lint` knows them. The API server judges the same objects in
tests/cluster/test_crds_rules.py."""

from typing import Any

import pytest
import yaml

from dkron_cli.core.lint import MODELS, lint
from dkron_cli.core.manifests import documents
from dkron_cli.core.rules import broken_rules
from dkron_crds.parameters import Parameter
from dkron_crds.rules import ATTACHED, FREE_FORM_FITS, LONG_ENOUGH_TO_WAIT
from tests.support.broken_jobs import BROKEN, broken_spec
from tests.support.builders import NOON
from tests.support.documents import job
from tests.support.judged import REFUSED, TAKEN

DOCUMENTS = {name: document for name, (document, _) in REFUSED.items()} | {
    name: job(**broken_spec(name)) for name in BROKEN
}


def errors(document: dict[str, Any]) -> list[str]:
    findings, _ = lint({"f": documents(yaml.safe_dump(document))}, NOON)
    return [each.sentence for each in findings if not each.warning]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=list(DOCUMENTS))
def test_refused_object_is_an_error(document: dict[str, Any]) -> None:
    assert errors(document)


@pytest.mark.parametrize("document", TAKEN.values(), ids=list(TAKEN))
def test_taken_object_breaks_no_rule(document: dict[str, Any]) -> None:
    spec = {key: value for key, value in document["spec"].items() if value is not None}
    assert list(broken_rules(MODELS[document["kind"]].from_wire({**document, "spec": spec}))) == []


def test_each_rule_is_broken_by_a_refused_object() -> None:
    said = "\n".join(sentence for document in DOCUMENTS.values() for sentence in errors(document))
    assert [rule.message for rule in ATTACHED.values() if rule.holds and rule.message not in said] == []


def test_rule_without_a_function_is_checked_elsewhere() -> None:
    parameters = {each["rule"] for each in Parameter.model_json_schema()["x-kubernetes-validations"]}
    left = {cel for cel, rule in ATTACHED.items() if rule.holds is None and "oldSelf" not in cel}
    assert left == parameters | {FREE_FORM_FITS.cel, LONG_ENOUGH_TO_WAIT.cel}
