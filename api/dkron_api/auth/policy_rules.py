"""Dkron's policies: patterns of paths, and the capabilities that they grant (Dkron behaviour §7). Pure.

Of the patterns that match a path the most specific one decides alone. Nothing is granted to a path that none matches.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from dkron_crds.policy import Capability

Rules = Mapping[str, frozenset[Capability]]
"""The rules of one policy: patterns and what they grant."""

_ANY = {"**": ".*", "*": "[^/]*"}
_WILDCARD = re.compile(r"\*\*|\*")
KEPT = 4096
"""Compiled patterns to keep."""


NOTHING: frozenset[Capability] = frozenset()


def granted(rules: Rules, path: str) -> frozenset[Capability]:
    """Return what a policy grants for this path."""
    fitting = [pattern for pattern in rules if _compiled(pattern).fullmatch(path)]
    if not fitting:
        return NOTHING
    return rules[fitting[0] if len(fitting) == 1 else max(fitting, key=specificity)]


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


@lru_cache(maxsize=KEPT)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts, at = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts += [re.escape(pattern[at : wildcard.start()]), _ANY[wildcard[0]]]
        at = wildcard.end()
    return re.compile("".join([*parts, re.escape(pattern[at:])]), re.DOTALL)
