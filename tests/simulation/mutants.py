"""Operators with a mistake, which the simulation has to find."""

from collections.abc import Iterator
from contextlib import contextmanager

MUTANTS: dict[str, object] = {}


@contextmanager
def broken(name: str | None) -> Iterator[None]:
    yield
