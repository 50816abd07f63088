"""The chart's values.schema.json and README.md, from its values.yaml, and the annotations that its policy guards.

The schema is strict, so that a misspelt value is refused before anything is installed. A value's default says its
type. A comment `# @schema` behind it says more: keywords of JSON Schema, or the name of one of the `definitions`. The
comment above a value is its description. helm-docs writes the README; it lists the values whose comment begins with
`--`, and leaves out those about objects.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from charttools import programs
from charttools.swagger import closed
from dkron_crds.cluster import DkronCluster
from dkron_crds.generate.structural import structural_schema
from dkron_crds.job_metadata import GUARDED
from dkron_crds.node_tags import LABEL_VALUE
from localcluster import build
from localcluster.errors import ClusterError

Schema = dict[str, Any]

CHART = Path(__file__).parents[2] / "charts" / "dkron-operator"
VALUES = CHART / "values.yaml"
DRAFT = "http://json-schema.org/draft-07/schema#"
MARK = " # @schema "
SECONDS = 60
NAMESPACE = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"
BEGINNING = re.compile(r"^# ?(-- )?(\(\w+\) )?")
"""Beginnings of comments that are no prose: the mark of helm-docs, and a type for the README."""
NOT_PROSE = "@default --"
"""Begins a line that is only about the README."""
INFERRED: Mapping[str, Schema] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer", "minimum": 0},
    "str": {"type": "string"},
    "seq": {"type": "array", "items": {"type": "object"}},
    "map": {"type": "object"},
}
"""By the type of a default. Lists are of objects of Kubernetes' API, which the chart only passes on."""
TEXT, SWITCH, OBJECT = INFERRED["str"], INFERRED["bool"], INFERRED["map"]


def readme() -> str:
    """The page as helm-docs makes it. Raises `ClusterError`."""
    tool = programs.helm_docs()
    build.ensure([tool])
    command = [str(tool.program("helm-docs")), "--dry-run", "--chart-search-root", str(CHART), "--log-level", "warning"]
    result = subprocess.run(
        [*command, "--sort-values-order", "file"],
        capture_output=True, text=True, timeout=SECONDS, check=False, cwd=CHART,
    )  # fmt: skip
    if result.returncode != 0 or not result.stdout.strip():
        raise ClusterError(f"helm-docs has written nothing: {result.stderr.strip()}")
    return result.stdout.strip() + "\n"


def schema() -> Schema:
    """The whole schema."""
    text = VALUES.read_text(encoding="utf-8")
    values = _map(yaml.compose(text, Loader=yaml.CSafeLoader), text.splitlines())
    values["properties"]["global"] = _said("What Helm hands to every chart that is a part of another", OBJECT)
    return {
        "$schema": DRAFT,
        "title": "Values of the chart dkron-operator",
        **values,
        "definitions": definitions(),
    }


def definitions() -> dict[str, Schema]:
    """What `# @schema` can name."""
    label = {"type": "string", "maxLength": 63}
    return {
        "object": OBJECT,
        "labels": OBJECT | {"additionalProperties": TEXT},
        "texts": _list(TEXT),
        # They are joined with commas.
        "words": _list(TEXT | {"pattern": r"^[^\s,]+$"}),
        "auto": {"enum": ["auto", True, False]},
        "namespace": label | {"pattern": NAMESPACE},
        "namespaces": _list(label | {"pattern": NAMESPACE, "minLength": 1}),
        "period": TEXT | {"pattern": r"^([0-9]+(ms|[smhdwy]))+$"},
        "duration": TEXT | {"pattern": r"^([0-9]+[hms])*$"},
        "address": TEXT | {"pattern": r"^(https?://\S+)?$"},
        # As a label of a node.
        "tag": TEXT | {"pattern": LABEL_VALUE, "minLength": 1},
        "pullSecrets": _list(_strict(name=_said("Name of the Secret", TEXT))),
        "tls": _list(
            _strict(
                secretName=_said("Secret with the certificate", TEXT),
                hosts=_said("Hosts that it is for", {"$ref": "#/definitions/texts"}),
            )
        ),
        "probe": _strict(
            initialDelaySeconds=_said("Seconds before the first probe", _at_least(0)),
            periodSeconds=_said("Seconds between two probes", _at_least(1)),
            timeoutSeconds=_said("Seconds that an answer may take", _at_least(1)),
            failureThreshold=_said("Probes in a row that have to fail", _at_least(1)),
            successThreshold=_said("Probes in a row that have to succeed after one that has failed", _at_least(1)),
        )
        | {"type": ["object", "null"]},
        "resources": _strict(
            requests=_said("Resources that a node has to have left, by their names", OBJECT),
            limits=_said("The most that the container may use, by the name of the resource", OBJECT),
            claims=_said("Claims of the pod that the container uses", INFERRED["seq"]),
        ),
        "alerts": _alerts(),
        # What needs more than a schema, the API server says.
        "cluster": closed(structural_schema(DkronCluster)["properties"]["spec"], described=True),
    }


def files() -> dict[Path, str]:
    """Each file, and its content."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    guarded = json.dumps(GUARDED) + "\n"
    return {
        CHART / "values.schema.json": text,
        CHART / "README.md": readme(),
        CHART / "files" / "guarded_annotations.json": guarded,
    }


def _map(node: yaml.Node | None, lines: list[str]) -> Schema:
    """A map of values, which has no other keys."""
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - of values.yaml, and nothing else
    properties = {}
    for key, value in node.value:
        line = key.start_mark.line
        about = _above(lines, line)
        properties[key.value] = ({"description": about} if about else {}) | _value(value, lines, line)
    return _strict(**properties)


def _value(node: yaml.Node, lines: list[str], number: int) -> Schema:
    more: Schema = yaml.safe_load(f"{{{lines[number].partition(MARK)[2]}}}")
    match [*more.items()]:
        case [(str(name), None)]:
            return {"$ref": f"#/definitions/{name}"}
        case [] if isinstance(node, yaml.MappingNode) and node.value:
            return _map(node, lines)
    return more if "type" in more else INFERRED[node.tag.rpartition(":")[2]] | more


def _above(lines: list[str], number: int) -> str:
    """The comment that ends above a line."""
    found: list[str] = []
    while number and (line := lines[number - 1].strip()).startswith("#"):
        found.insert(0, BEGINNING.sub("", line))
        number -= 1
    return " ".join(line for line in found if not line.startswith(NOT_PROSE))


def _alerts() -> Schema:
    """What can be changed of an alert, for each that there is."""
    changes = _strict(
        enabled=_said("Whether the alert is there", SWITCH),
        severity=_said("The label `severity`", TEXT | {"enum": ["critical", "warning", "info"]}),
        threshold=_said("The number that the expression compares with", {"type": "number"}),
        **{"for": _said("How long the expression has to hold", {"$ref": "#/definitions/period"})},
    )
    groups = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return _strict(**{rule["alert"]: _said(rule["annotations"]["summary"], changes) for rule in rules})


def _strict(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _said(text: str, schema: Schema) -> Schema:
    return {"description": text} | schema


def _at_least(minimum: int) -> Schema:
    return {"type": "integer", "minimum": minimum}
