"""What `--nodes` means: none, `kwok:5` simulated ones, or a real one."""

from dataclasses import dataclass
from enum import StrEnum

from localcluster.errors import ClusterError


class NodeKind(StrEnum):
    """Who runs the pods."""

    NONE = "none"
    KWOK = "kwok"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Nodes:
    """A kind and how many of it; 0 for none."""

    kind: NodeKind
    count: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.count}" if self.kind is NodeKind.KWOK else str(self.kind)


def parse(text: str) -> Nodes:
    """Read `none`, `kwok`, `kwok:N` or `real`."""
    kind, colon, count = text.partition(":")
    if kind not in list(NodeKind) or (colon and (kind != NodeKind.KWOK or not count.isdigit() or int(count) < 1)):
        raise ClusterError(f"--nodes {text} is unknown; write none, kwok, kwok:5 or real")
    if kind == NodeKind.NONE:
        return Nodes(NodeKind.NONE, 0)
    return Nodes(NodeKind(kind), int(count) if colon else 1)
