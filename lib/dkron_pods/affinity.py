"""How a plan tells the scheduler where an attempt may run.

Nothing is bound to a node past the scheduler, so taints, resources and the template's own node constraints still apply.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from dkron_crds import node_tags
from dkron_crds.job import Attempt, JobSpec, ReadyReason
from dkron_crds.node_tags import MOST_CHOICES, AgentTags, label_names
from dkron_pods.config import ConfigError
from dkron_pods.template import pod_spec, template_list, template_object

Object = dict[str, Any]
HOSTNAME = "kubernetes.io/hostname"
WHERE = "spec.template.spec.affinity"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def read_tags(tags: Mapping[str, str]) -> node_tags.Tags:
    """The tags of a job. Raises `ConfigError` with a sentence that names the invalid tag."""
    try:
        return node_tags.read_tags(tags)
    except node_tags.TagError as exc:
        raise ConfigError(str(exc), reason=ReadyReason.INVALID_TAGS) from exc


def is_spread(entry: Attempt) -> bool:
    """Whether the attempt is one of several that must not share a node, and may run on any node."""
    return bool(entry.member and not entry.node_name)


def affinity(
    pod: Mapping[str, Any], entry: Attempt, *, tags: Mapping[str, str], apart: Mapping[str, str], own: AgentTags
) -> Object | None:
    """The affinity of the pod: its own, plus what the placement of this attempt adds; None if both are empty. `apart`
    are the labels of pods that must not share a node with it, `own` the tags that nodes have without a label.

    Raises `ConfigError` if the pod's own affinity is malformed.
    """
    whole = dict(template_object(pod.get("affinity"), WHERE))
    if terms := _node_terms(entry, tags, own):
        whole["nodeAffinity"] = _with_terms(whole.get("nodeAffinity"), terms)
    if is_spread(entry):
        whole["podAntiAffinity"] = _apart(whole.get("podAntiAffinity"), apart)
    return whole or None


def check_affinity(spec: JobSpec) -> None:
    """Raise `ConfigError` if the template's affinity is malformed, so that nothing can be added to it."""
    whole = template_object(pod_spec(spec.job_template).get("affinity"), WHERE)
    _with_terms(whole.get("nodeAffinity"), [{}])
    _apart(whole.get("podAntiAffinity"), {})


def _node_terms(entry: Attempt, tags: Mapping[str, str], own: AgentTags) -> list[Object]:
    """Alternatives: a node has to satisfy one of them."""
    if entry.node_name:
        return [{"matchFields": [_is("metadata.name", entry.node_name)]}]
    if not tags:
        return []
    wanted = read_tags(tags)
    choices = [_choices(key, value, own) for key, value in wanted.labels.items()]
    if wanted.choices > MOST_CHOICES:
        # A job with a count and so many choices is refused. Without a count each Job is pinned to a node, so only the
        # dry run gets here.
        choices = [each[:1] for each in choices]
    return [{"matchExpressions": [part for parts in choice for part in parts]} for choice in product(*choices)]


def _choices(key: str, value: str, own: AgentTags) -> list[list[Object]]:
    """The label expressions by which a node may have a tag. They match what `Tags.fit` says of the result of
    `AgentTags.of`."""
    names = label_names(key)
    choices = [[_is(name, value)] for name in names]
    if own.own.get(key) == value:
        choices.append([{"key": name, "operator": "DoesNotExist"} for name in names])
    return choices


def _is(key: str, value: str) -> Object:
    return {"key": key, "operator": "In", "values": [value]}


def _with_terms(given: object, terms: list[Object]) -> Object:
    where = f"{WHERE}.nodeAffinity"
    whole = dict(template_object(given, where))
    where = f"{where}.{REQUIRED}"
    required = dict(template_object(whole.get(REQUIRED), where))
    own = [
        template_object(term, f"{where}.nodeSelectorTerms")
        for term in template_list(required.get("nodeSelectorTerms"), f"{where}.nodeSelectorTerms")
    ]
    both = [_both(one, other, where) for one, other in product(own, terms)] if required else terms
    return whole | {REQUIRED: required | {"nodeSelectorTerms": both}}


def _both(one: Mapping[str, Any], other: Object, where: str) -> Object:
    """A term that matches where both match. An empty term matches no node, so the result is empty too."""
    if not one:
        return {}
    parts = ("matchExpressions", "matchFields")
    joined = {key: [*template_list(one.get(key), f"{where}.{key}"), *other.get(key, ())] for key in parts}
    return {key: value for key, value in joined.items() if value}


def _apart(given: object, labels: Mapping[str, str]) -> Object:
    where = f"{WHERE}.podAntiAffinity"
    whole = dict(template_object(given, where))
    term = {"labelSelector": {"matchLabels": dict(labels)}, "topologyKey": HOSTNAME}
    return whole | {REQUIRED: [*template_list(whole.get(REQUIRED), f"{where}.{REQUIRED}"), term]}
