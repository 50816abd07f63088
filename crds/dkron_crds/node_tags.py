"""Tags, as both sides know them: which ones a job asks for, and which ones a node of Kubernetes has as an agent of
Dkron. The operator places runs by them, the REST API shows them in /v1/members. Pure.

A tag is `"value"` or `"value:count"`, as in Dkron (behaviour §5). What Dkron takes without a word and then never runs,
such as `web:0`, is refused here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from dkron_crds.names import GROUP

MOST_CHOICES = 100
"""Combinations of labels beside a count, Kubernetes wants each of them written out: six keys, or Dkron's own four."""
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_LONGEST_SUBDOMAIN = 253
_COUNT = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)
_PREFIX = f"{GROUP}/"
_OWN = ("dc", "region", "role", "server")


class TagError(ValueError):
    """A tag of a job cannot be. `str()` is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class AgentTags:
    """The tags that every node has without a label, as every server of Dkron has them (behaviour §5)."""

    datacenter: str = "dc1"
    region: str = "global"

    @property
    def own(self) -> dict[str, str]:
        """They alone."""
        return {"dc": self.datacenter, "region": self.region, "role": "dkron", "server": "true"}

    def of(self, labels: Mapping[str, str]) -> dict[str, str]:
        """All tags of a node with these labels. A label of the same name, with or without our prefix, takes the place
        of an own tag; of two such labels both match, and the one without the prefix is shown."""
        prefixed = {key.removeprefix(_PREFIX): value for key, value in labels.items() if key.startswith(_PREFIX)}
        return {**self.own, **prefixed, **labels}


DKRONS = AgentTags()
"""What Dkron sets by itself."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A node of Kubernetes as an agent. `ready`: its kubelet is well; `available`: and it takes new pods."""

    name: str
    tags: Mapping[str, str]
    ready: bool
    available: bool


def read_agent(node: Mapping[str, Any], own: AgentTags) -> Agent:
    """The agent that a node is. One that is being deleted takes no new pods, whatever else it says."""
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    leaving = "deletionTimestamp" in metadata or bool(spec.get("unschedulable"))
    return Agent(metadata["name"], own.of(metadata.get("labels") or {}), ready=ready, available=ready and not leaving)


@dataclass(frozen=True, slots=True)
class Tags:
    """What a job asks of its nodes. `count` None: all that have the labels."""

    labels: Mapping[str, str]
    count: int | None

    def fit(self, tags: Mapping[str, str]) -> bool:
        """Whether a node with these tags has all of them."""
        return all(any(tags.get(name) == value for name in label_names(key)) for key, value in self.labels.items())

    @property
    def choices(self) -> int:
        """How many combinations of labels, at most, a node may have that has all the tags."""
        return prod(len(label_names(key)) + (key in _OWN) for key in self.labels)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.labels.items())


def label_names(key: str) -> tuple[str, ...]:
    """The labels that a tag may be: its key as it stands, and ours of that name for a key without a prefix."""
    return (key,) if "/" in key else (key, f"{_PREFIX}{key}")


def read_tags(tags: Mapping[str, str]) -> Tags:
    """The tags of a job. Raises `TagError`."""
    parts = {key: _split(key, text) for key, text in tags.items()}
    counts = [count for _, count in parts.values() if count is not None]
    wanted = Tags({key: value for key, (value, _) in parts.items()}, min(counts, default=None))
    if counts and wanted.choices > MOST_CHOICES:
        plain = sum("/" not in key for key in wanted.labels)
        raise TagError(
            f'tags: {plain} keys without "/" are too many beside a count, they stand for {wanted.choices} combinations '
            f"of labels; at most {MOST_CHOICES} are allowed, so write others in full, as {GROUP}/<key>"
        )
    return wanted


def lacking(tags: Mapping[str, str], agents: Iterable[Agent]) -> str:
    """What is in the way of a run at present; empty if an agent fits, or if the tags cannot be read."""
    try:
        wanted = read_tags(tags)
    except TagError:
        return ""
    if not tags or any(agent.available and wanted.fit(agent.tags) for agent in agents):
        return ""
    return nobody_has(wanted)


def nobody_has(wanted: Tags) -> str:
    """That no node can take a run."""
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
    legal = not slash or (len(prefix) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(prefix))
    if not legal or _NAME.fullmatch(name) is None:
        raise _invalid(
            "this key cannot be a label; use up to 63 of A-Z a-z 0-9 - _ . after an optional prefix such as "
            "example.com/",
            key,
        )


def _invalid(what: str, key: str) -> TagError:
    return TagError(f"tags.{key}: {what}")
