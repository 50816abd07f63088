"""Dkron's policies: patterns of paths, and the capabilities that they grant (Dkron behaviour §7). Pure.

Of the patterns that match a path, only the most specific one decides. Nothing is granted to a path that none matches.
"""

import re
from collections.abc import Iterable, Mapping

from dkron_crds.policy import Capability

_ANY = {"**": ".*", "*": "[^/]*"}
_WILDCARD = re.compile(r"\*\*|\*")


class Rules:
    """The rules of one policy, from patterns and what each grants: the most specific first, so that the first one that
    matches decides."""

    def __init__(self, paths: Mapping[str, Iterable[Capability]]) -> None:
        ordered = sorted(paths, key=specificity, reverse=True)
        # In a tuple of enumeration members the identity is compared; a set would hash each by a Python function.
        self._rules = tuple((_compiled(pattern).fullmatch, tuple(paths[pattern])) for pattern in ordered)

    def grant(self, path: str, capability: Capability) -> bool:
        """Whether the policy grants this for this path."""
        for fits, capabilities in self._rules:
            if fits(path):
                return capability in capabilities
        return False


def specificity(pattern: str) -> tuple[tuple[int, ...], str]:
    """Return a key by which a more specific pattern is greater. Segments count from the left: a literal one before one
    that ends with `*`, the longer before the shorter, then `*`, then `**`. The text itself settles a tie."""
    return tuple(_weight(segment) for segment in pattern.split("/")), pattern


def _weight(segment: str) -> int:
    if segment == "**":
        return 0
    if "*" not in segment:
        return 1_000_000
    return 1 + len(_WILDCARD.sub("", segment))


def _compiled(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts += [re.escape(pattern[at : wildcard.start()]), _ANY[wildcard[0]]]
        at = wildcard.end()
    return re.compile("".join([*parts, re.escape(pattern[at:])]), re.DOTALL)
