"""What an installation has to offer to processors: the receivers of its DkronCluster, and a directory."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from dkron_crds.receivers import Receivers


class Named(Protocol):
    """Something in a list of receivers."""

    @property
    def name(self) -> str:
        """What jobs call it."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Site:
    """`output_dir` is a directory of the operator's pod; empty if it has none."""

    receivers: Receivers = field(default_factory=Receivers)
    output_dir: str = ""


def find(entries: tuple[N, ...], name: str) -> N | None:
    """The entry of this name."""
    return next((entry for entry in entries if entry.name == name), None)


def lacking(field: str, name: str, entries: tuple[N, ...]) -> str:
    """A sentence about an entry that is not there."""
    offered = ", ".join(sorted(entry.name for entry in entries)) or "none"
    return f'"{name}" is not in spec.receivers.{field} of the DkronCluster, which has: {offered}'
