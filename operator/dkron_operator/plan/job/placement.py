"""Placement: on which nodes a run happens, from the tags of its job and the current nodes.

The operator computes the placement once per trigger and claims the result before the first Job exists. So nodes that
come and go later do not change a run that was decided (docs/adr/0014).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from dkron_crds.job import SkipReason
from dkron_crds.node_tags import nobody_has
from dkron_operator.plan.decide import Skip
from dkron_operator.plan.situation.view import Node
from dkron_pods.affinity import read_tags


@dataclass(frozen=True, slots=True)
class Member:
    """One of the Jobs of a group."""

    name: str = ""
    """Distinguishes it from the other members."""

    node: str = ""
    """The node to which it is pinned; empty if Kubernetes may choose."""


ONE_MEMBER = Member()
"""The only Job of its group, on any node that the scheduler chooses."""


def members(tags: Mapping[str, str], nodes: Iterable[Node]) -> tuple[Member, ...] | Skip:
    """The Jobs of a run: one without tags, one on each matching node, or `count` on different nodes.

    If fewer nodes match than `count`, each gets one, as in Dkron (behaviour §5).
    """
    if not tags:
        return (ONE_MEMBER,)
    wanted = read_tags(tags)
    names = (node.name for node in nodes if node.available and wanted.fit(node.labels))
    # Stop at the count: a cluster may have thousands of nodes.
    found = list(islice(names, wanted.count))
    if not found:
        return Skip(SkipReason.NO_MATCHING_NODE, nobody_has(wanted))
    if wanted.count is None:
        return tuple(Member(name, node=name) for name in sorted(found))
    if wanted.count == 1:
        return (ONE_MEMBER,)
    return tuple(Member(str(number)) for number in range(1, len(found) + 1))


def shortage(tags: Mapping[str, str], found: int) -> str:
    """What users are told about a run on fewer nodes than its tags ask for; empty if there are enough."""
    wanted = read_tags(tags)
    if wanted.count is None or found >= wanted.count:
        return ""
    have = "node has" if found == 1 else "nodes have"
    return f"only {found} ready, schedulable {have} the tags {wanted}, which ask for {wanted.count}; the run uses these"


def remarks(tags: Mapping[str, str], nodes: Iterable[Node]) -> str:
    """What prevents a run at present, for the author of the job; empty if nothing does."""
    if not tags:
        return ""
    wanted = read_tags(tags)
    if any(node.available and wanted.fit(node.labels) for node in nodes):
        return ""
    return f"{nobody_has(wanted)}; runs are skipped until a node has them"
