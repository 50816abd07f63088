"""Imports without what a client would like to have, and this project does not use of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """As if this module were not installed, for the imports in the block: for those that can do without it."""
    absent = object()
    before = sys.modules.get(module, absent)
    # The way in which Python remembers that there is no such module.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not absent:
            sys.modules[module] = before  # type: ignore[assignment]
