"""The installation as processors see it: the receivers of its DkronCluster, and a directory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from dkron_crds.receivers import Receivers


class Named(Protocol):
    """An entry in a list of receivers."""

    @property
    def name(self) -> str:
        """The name that jobs use for it."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Site:
    """The offers of the installation."""

    receivers: Receivers = field(default_factory=Receivers)
    output_dir: str = ""
    """A directory of the operator's pod; empty if it has none."""


def find(entries: tuple[N, ...], name: str) -> N | None:
    """The entry of this name; None if there is none."""
    return next((entry for entry in entries if entry.name == name), None)


def lacking(field: str, name: str, entries: tuple[N, ...]) -> str:
    """A sentence about a missing entry."""
    offered = ", ".join(sorted(entry.name for entry in entries)) or "none"
    return f'"{name}" is not in spec.receivers.{field} of the DkronCluster, which offers: {offered}'


def allows(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns matches the text, in any case; also if there are none. The definition of the
    DkronCluster allows no wildcard other than `*`."""
    listed = tuple(patterns)
    return not listed or any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in listed)
