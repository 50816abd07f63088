"""The shape that all components have."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Component:
    """A program to run. `health` is a URL that answers 200 when it is ready, empty when there is none."""

    name: str
    argv: tuple[str, ...]
    port: int = 0
    health: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # relative to the cluster's folder
    environment: Mapping[str, str] = field(default_factory=dict)  # where the user has not set these variables
    in_node: bool = False  # runs in the node's network and mount namespaces
