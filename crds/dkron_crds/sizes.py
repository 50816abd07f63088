"""Memory sizes as users write them in `mem_limit`: the REST API rejects invalid ones, the operator applies valid
ones."""

import re
from decimal import Decimal

from dkron_crds.schedule.errors import quoted

_UNITS = {"": 0, "B": 0, "BYTES": 0, "K": 1, "KB": 1, "M": 2, "MB": 2, "G": 3, "GB": 3, "T": 4, "TB": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([A-Za-z]*)", re.ASCII)
_LONGEST = 64
_LIMIT = 1 << 63


def memory_bytes(text: str) -> int:
    """Return the bytes of a memory size: a whole number, or a decimal with a 1024-based unit in any case (Dkron
    behaviour §6.1). Raises ValueError with a sentence that the caller prefixes with the name of the field."""
    size = _bytes(text.strip()) if len(text) <= _LONGEST else 0
    if not 0 < size < _LIMIT:
        message = f"{quoted(text)} is not a size; use bytes (67108864) or a unit without a space (64MB, 1.5GB)"
        raise ValueError(message)
    return size


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        return 0
    number, unit = match[1], match[2].upper()
    if unit not in _UNITS or ("." in number and not unit):
        return 0
    return int(Decimal(number) * 1024 ** _UNITS[unit])
