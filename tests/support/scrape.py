"""A page of metrics as something to ask: what a series is worth, and which ones there are."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

PREFIX = "dkron_operator_"


@dataclass(frozen=True, slots=True)
class Scrape:
    """One look at all series of the operator, without the prefix of their names."""

    values: Mapping[tuple[str, frozenset[tuple[str, str]]], float]
    families: frozenset[str]

    def one(self, name: str, **labels: str) -> float:
        """The value of this very series."""
        key = name, frozenset(labels.items())
        assert key in self.values, f"no {name} {labels} among {self.labels(name)}"
        return self.values[key]

    def sum(self, name: str, **labels: str) -> float:
        """The values of all series with these labels, and maybe others."""
        wanted = set(labels.items())
        return sum(value for (each, found), value in self.values.items() if each == name and wanted <= found)

    def labels(self, name: str) -> list[dict[str, str]]:
        """The labels of all series of a name."""
        return [dict(labels) for each, labels in self.values if each == name]

    def positive(self, name: str) -> dict[tuple[str, ...], float]:
        """The series that are not zero, by the values of their labels in the order of their names."""
        found = {
            tuple(value for _, value in sorted(labels)): number
            for (each, labels), number in self.values.items()
            if each == name and number
        }
        return dict(sorted(found.items()))


def read(page: str) -> Scrape:
    """What Prometheus reads in a page. Raises ValueError if it could not."""
    families = list(text_string_to_metric_families(page))
    values = {
        (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    names = frozenset(family.name + ("_total" if family.type == "counter" else "") for family in families)
    return Scrape(values, names)


def read_registry(registry: CollectorRegistry) -> Scrape:
    """The metrics of a registry."""
    return read(generate_latest(registry).decode())
