"""Work that may take long, in steps: a generator that yields whenever its caller may do something else, and returns the
result."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Yields after each step; its return value is the result."""


def at_once(steps: Steps[T]) -> T:
    """Do all steps, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return] # StopIteration does not know the type
