"""The record of a cluster: enough to find, check, restart and remove it from another process."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from localcluster import addresses, nodes
from localcluster.layout import Layout
from localcluster.paths import cluster_folder, clusters_home
from localcluster.ports import Ports
from localcluster.processes import Identity

FILE = "cluster.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A started component."""

    name: str
    identity: Identity
    port: int


@dataclass(frozen=True, slots=True)
class Record:
    """A cluster on this machine. `ready` is false from the first moment of a start until it has succeeded."""

    name: str
    provider: str
    kubernetes: str
    nodes: str
    slot: int
    ports: Ports
    ready: bool = False
    components: tuple[Running, ...] = ()

    @property
    def folder(self) -> Path:
        """The cluster's folder."""
        return cluster_folder(self.name)

    @property
    def layout(self) -> Layout:
        """The parts of the cluster."""
        return Layout(
            name=self.name,
            folder=self.folder,
            kubernetes=self.kubernetes,
            nodes=nodes.parse(self.nodes),
            addresses=addresses.of_slot(self.slot),
            ports=self.ports,
        )

    def component(self, name: str) -> Running | None:
        """A started component by name."""
        return next((running for running in self.components if running.name == name), None)

    def with_component(self, running: Running) -> "Record":
        """The record with this component added, or in the place of an older one of the same name."""
        others = tuple(known for known in self.components if known.name != running.name)
        return replace(self, components=(*others, running))


def dump(record: Record) -> str:
    """Render a record as JSON."""
    return json.dumps(asdict(record), indent=2) + "\n"


def load(text: str) -> Record:
    """Read what `dump` has written."""
    content: dict[str, Any] = json.loads(text)
    components = tuple(
        Running(name=known["name"], identity=Identity(**known["identity"]), port=known["port"])
        for known in content["components"]
    )
    return Record(**{**content, "ports": Ports(**content["ports"]), "components": components})


def save(record: Record) -> Record:
    """Write the record in one step, so that a reader sees the old or the new one."""
    record.folder.mkdir(parents=True, exist_ok=True)
    partial = record.folder / f"{FILE}.partial"
    partial.write_text(dump(record), encoding="utf-8")
    partial.rename(record.folder / FILE)
    return record


def find(name: str) -> Record | None:
    """The record of a cluster; None when there is none, or when its writer was killed before it could write one."""
    try:
        return load((cluster_folder(name) / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def every() -> Iterator[Record]:
    """All clusters of this user, by name."""
    for file in sorted(clusters_home().glob(f"*/{FILE}")):
        if (record := find(file.parent.name)) is not None:
            yield record
