"""Tags, shared by the operator and the REST API: the tags that a job asks for, and those that a Kubernetes node has
in its role as a Dkron agent. The operator places runs by them, and the REST API shows them in /v1/members. Pure.

A tag is `"value"` or `"value:count"`, as in Dkron (behaviour §5). Tags such as `web:0`, which Dkron accepts silently
and then never runs, raise an error here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from dkron_crds.names import GROUP, is_subdomain

MOST_CHOICES = 100
"""Maximum number of label combinations if a tag has a count: Kubernetes needs each one written out. That allows six
keys without a prefix, or Dkron's own four."""
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_COUNT = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)
_PREFIX = f"{GROUP}/"
_OWN = ("dc", "region", "role", "server")


class TagError(ValueError):
    """A job has an invalid tag. `str()` is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class AgentTags:
    """The tags that every node has without a label, as every Dkron server has them (behaviour §5)."""

    datacenter: str = "dc1"
    region: str = "global"

    @property
    def own(self) -> dict[str, str]:
        """Only these tags."""
        return {"dc": self.datacenter, "region": self.region, "role": "dkron", "server": "true"}

    def read(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return all tags of a node with these labels. A label of the same name, with or without our prefix,
        overrides an own tag. If a node has both labels, both match, and the one without the prefix is shown."""
        prefixed = {key.removeprefix(_PREFIX): value for key, value in labels.items() if key.startswith(_PREFIX)}
        return {**self.own, **prefixed, **labels}


DKRONS = AgentTags()
"""The values that Dkron sets by default."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A Kubernetes node as an agent. `ready`: its kubelet is healthy. `available`: it is ready and accepts new pods."""

    name: str
    tags: Mapping[str, str]
    ready: bool
    available: bool


def read_agent(node: Mapping[str, Any], own: AgentTags) -> Agent:
    """Return the agent for a node. A node that is being deleted accepts no new pods, whatever its conditions say."""
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    leaving = "deletionTimestamp" in metadata or bool(spec.get("unschedulable"))
    return Agent(metadata["name"], own.read(metadata.get("labels") or {}), ready=ready, available=ready and not leaving)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags that a job asks for. A `count` of None means all nodes with the labels."""

    labels: Mapping[str, str]
    count: int | None

    def fit(self, tags: Mapping[str, str]) -> bool:
        """Whether a node with these tags has all of them."""
        return all(any(tags.get(name) == value for name in label_names(key)) for key, value in self.labels.items())

    @property
    def choices(self) -> int:
        """An upper bound for the number of label combinations by which a node can have all the tags."""
        return prod(len(label_names(key)) + (key in _OWN) for key in self.labels)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.labels.items())


def label_names(key: str) -> tuple[str, ...]:
    """Return the labels that a tag may refer to: its key as given and, for a key without a prefix, also under our
    prefix."""
    return (key,) if "/" in key else (key, f"{_PREFIX}{key}")


def read_tags(tags: Mapping[str, str]) -> Tags:
    """Read the tags of a job. Raises `TagError`."""
    parts = {key: _split(key, text) for key, text in tags.items()}
    counts = [count for _, count in parts.values() if count is not None]
    wanted = Tags({key: value for key, (value, _) in parts.items()}, min(counts, default=None))
    if counts and wanted.choices > MOST_CHOICES:
        plain = sum("/" not in key for key in wanted.labels)
        raise TagError(
            f'tags: {plain} keys without "/" are too many with a count: they stand for {wanted.choices} combinations '
            f"of labels; at most {MOST_CHOICES} are allowed, so write some keys in full, as {GROUP}/<key>"
        )
    return wanted


def lacking(tags: Mapping[str, str], agents: Iterable[Agent]) -> str:
    """Return why no agent can take a run now; empty if one can, or if the tags cannot be read."""
    try:
        wanted = read_tags(tags)
    except TagError:
        return ""
    if not tags or any(agent.available and wanted.fit(agent.tags) for agent in agents):
        return ""
    return nobody_has(wanted)


def nobody_has(wanted: Tags) -> str:
    """Return the sentence that no node can take a run."""
    return f"no ready, schedulable node has the tags {wanted}"


def _split(key: str, text: str) -> tuple[str, int | None]:
    value, colon, count = text.partition(":")
    _check_key(key)
    if value and _NAME.fullmatch(value) is None:
        raise _invalid(
            f'"{value}" cannot be the value of a label; use up to 63 of A-Z a-z 0-9 - _ . with a letter or digit at '
            "both ends",
            key,
        )
    if not colon:
        return value, None
    if _COUNT.fullmatch(count) is None:
        raise _invalid(f'"{text}" has no count of nodes after the ":"; write "value" or "value:count", from 1 on', key)
    return value, int(count)


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if (slash and not is_subdomain(prefix)) or _NAME.fullmatch(name) is None:
        raise _invalid(
            "this key cannot be a label; use up to 63 of A-Z a-z 0-9 - _ . after an optional prefix such as "
            "example.com/",
            key,
        )


def _invalid(what: str, key: str) -> TagError:
    return TagError(f"tags.{key}: {what}")
