"""Whole numbers in a query, as Go reads them: digits with a sign, nothing else."""

import re

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def whole(text: str, *, otherwise: int) -> int:
    """The number, or what counts for a text that is none."""
    return int(text) if _WHOLE.fullmatch(text) else otherwise
