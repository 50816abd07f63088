"""Imports a client library without an optional dependency that this project does not use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Make imports in the block behave as if this module were not installed. Only for imports that can do
    without it."""
    absent = object()
    before = sys.modules.get(module, absent)
    # Python records a missing module in this way.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not absent:
            sys.modules[module] = before  # type: ignore[assignment]
