"""The revision of the custom resources: in the definitions, in the record, and in what the API server publishes."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from dkron_crds.generate.manifests import definition
from dkron_crds.generate.revision_record import HEADER, RevisionError, digest, recorded
from dkron_crds.kinds import KINDS
from dkron_crds.names import GROUP, VERSION
from dkron_crds.revision import REVISION, advice, found, older, title

Object = dict[str, Any]
NAMES = [kind.name for kind in KINDS]
DEFINITIONS = [definition(kind) for kind in KINDS]


def schema_in(definitions: list[Object]) -> Object:
    schema: Object = definitions[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def published(titles: Mapping[str, str | None], *, group: str = GROUP, version: str = VERSION) -> Object:
    """The OpenAPI document in which the schemas of these kinds have these titles."""
    schemas: Object = {"io.k8s.DeleteOptions": {identity: [{"group": "", "kind": "DeleteOptions", "version": "v1"}]}}
    for kind, text in titles.items():
        for name in (kind, f"{kind}List"):
            schemas[f"io.dkron.{name}"] = {identity: [{"group": group, "kind": name, "version": version}]}
        if text is not None:
            schemas[f"io.dkron.{kind}"]["title"] = text
    return {"openapi": "3.0.0", "components": {"schemas": schemas, "securitySchemes": {}}}


identity = "x-kubernetes-group-version-kind"
CURRENT = {name: title(name) for name in NAMES}


def test_every_definition_carries_the_number() -> None:
    assert [schema_in([each])["title"] for each in DEFINITIONS] == [f"{name}, revision {REVISION}" for name in NAMES]
    assert found(published(CURRENT)) == dict.fromkeys(NAMES, REVISION)


PUBLISHED = (
    pytest.param(published(CURRENT), {}, id="current"),
    pytest.param(published(CURRENT | {"DkronJob": None}), {"DkronJob": 0}, id="from before there were numbers"),
    pytest.param(published(CURRENT | {"DkronJob": "A job"}), {"DkronJob": 0}, id="another title"),
    pytest.param(
        published({name: f"{name}, revision {REVISION - 1}" for name in NAMES}),
        dict.fromkeys(sorted(NAMES), REVISION - 1),
        id="all older",
    ),
    pytest.param(published({name: f"{name}, revision {REVISION + 9}" for name in NAMES}), {}, id="newer is fine"),
    pytest.param(published({"DkronJob": title("DkronJob")}), {}, id="a kind that is missing is told by who needs it"),
    pytest.param(published(CURRENT | {"Other": None}), {}, id="a kind that is not ours"),
    pytest.param(published({"DkronJob": None}, group="example.com"), {}, id="a namesake in another group"),
    pytest.param(published({"DkronJob": None}, version="v1"), {}, id="another version"),
    pytest.param({}, {}, id="no document"),
)


@pytest.mark.parametrize(("document", "expected"), PUBLISHED)
def test_older_crd_is_found(document: Object, expected: dict[str, int]) -> None:
    assert older(document) == expected


def test_advice_names_kinds_revisions_and_the_remedy() -> None:
    sentence = advice({"DkronCluster": 0, "DkronJob": 0})
    for words in ("DkronCluster has revision 0", "DkronJob has revision 0", f"{REVISION} is needed", "apply -f crds/"):
        assert words in sentence
    assert "\n" not in sentence


def changed(**schema: object) -> list[Object]:
    """The definitions with a first schema that has other keys."""
    definitions = copy.deepcopy(DEFINITIONS)
    schema_in(definitions).update(schema)
    return definitions


def test_a_changed_schema_needs_another_number() -> None:
    before = recorded("", digest(DEFINITIONS))
    for definitions in (changed(minProperties=1), changed(properties={}), changed(required=[])):
        with pytest.raises(RevisionError, match=f"set it to {REVISION + 1}"):
            recorded(before, digest(definitions))


def test_words_for_people_need_none() -> None:
    assert digest(changed(description="other", title="other")) == digest(DEFINITIONS)
    columns = copy.deepcopy(DEFINITIONS)
    del columns[0]["spec"]["versions"][0]["additionalPrinterColumns"]
    assert digest(columns) == digest(DEFINITIONS)


def test_a_field_that_is_called_title_is_no_title() -> None:
    with_field = changed(properties={"title": {"type": "string", "description": "one"}})
    assert digest(with_field) != digest(changed(properties={}))
    assert digest(with_field) == digest(changed(properties={"title": {"type": "string", "description": "two"}}))


def test_record_grows_and_keeps_its_lines() -> None:
    first = recorded("", "aa", revision=9)
    second = recorded(first, "bb", revision=10)
    assert second == f"{HEADER}9 aa\n10 bb\n"
    assert recorded(second, "bb", revision=10) == second
    with pytest.raises(RevisionError, match="never sinks"):
        recorded(recorded("", "aa", revision=3), "bb", revision=2)
