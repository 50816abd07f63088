"""Whole numbers in a query, as Go reads them: digits with an optional sign."""

import re

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def whole(text: str, *, otherwise: int) -> int:
    """Return the number, or `otherwise` if the text is not one."""
    return int(text) if _WHOLE.fullmatch(text) else otherwise
