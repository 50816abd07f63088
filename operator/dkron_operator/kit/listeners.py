"""Listeners: who is told when something happens, as with the event handlers of an informer in client-go.

A part that others depend on is built first. They add themselves to its listeners, so no part is built twice or holds a
reference that is filled in later.
"""

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Listeners(Generic[P]):
    """Functions that are called with the same arguments, in the order in which they were added."""

    def __init__(self) -> None:
        self._listeners: list[Callable[P, object]] = []
        self.add = self._listeners.append

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all."""
        for listener in self._listeners:
            listener(*args, **kwargs)
