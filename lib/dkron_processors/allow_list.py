"""Allow-lists of receivers: which addresses and channels a job may choose."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def allows(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns matches the text, in any case; also if there are none. The definition of the
    DkronCluster allows no wildcard other than `*`."""
    listed = tuple(patterns)
    return not listed or any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in listed)
