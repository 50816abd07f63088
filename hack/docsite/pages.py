"""Which pages the site has: those of docs/, and a few that have their place elsewhere in the repository."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

GUESTS: Mapping[str, str] = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "bench/README.md": "figures.md",
    "charts/dkron-operator/README.md": "values.md",
    "examples/README.md": "examples.md",
}
"""Files outside of docs/ that are pages, and their paths on the site."""


def pages_of(documents: Iterable[str]) -> dict[str, str]:
    """Path on the site of each page by its path in the repository; `documents` are the paths in docs/."""
    return {**{f"docs/{path}": path for path in documents}, **GUESTS}


def with_folders(navigation: Any, documents: Iterable[str]) -> Any:  # noqa: ANN401 - a tree of lists, maps and texts
    """The navigation with each pattern (`adr/0*.md`) replaced by what it stands for, in order.

    Raises ValueError for a pattern that fits nothing.
    """
    known = sorted(documents)
    if isinstance(navigation, Mapping):
        return {title: with_folders(below, known) for title, below in navigation.items()}
    if isinstance(navigation, list):
        return [entry for each in navigation for entry in _entries(each, known)]
    return navigation


def _entries(entry: object, documents: list[str]) -> list[Any]:
    if not (isinstance(entry, str) and "*" in entry):
        return [with_folders(entry, documents)]
    found = [path for path in documents if PurePosixPath(path).match(entry)]
    if not found:
        raise ValueError(f"nav: {entry} fits no page in docs/")
    return found
