"""Makes a mistake of the catalog in this process, for the simulation: the functions of the operator get other code."""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType

from tests.mutants.catalog import ROOT, Mutant, mutated


@contextmanager
def broken(mutant: Mutant | None) -> Iterator[None]:
    """Break the operator in this way; None leaves it as it is. Raises `Outdated`."""
    changes = [] if mutant is None else [(each, each.__code__, code) for each, code in _changes(mutant)]
    for function, _, wrong in changes:
        function.__code__ = wrong
    try:
        yield
    finally:
        for function, right, _ in changes:
            function.__code__ = right


def _changes(mutant: Mutant) -> Iterator[tuple[FunctionType, CodeType]]:
    """Each function that the mistake is in, and its code with it. A nested one is a part of the one around it."""
    module = importlib.import_module(".".join(mutant.path.relative_to("operator").with_suffix("").parts))
    path = ROOT / mutant.path
    source = path.read_text("utf-8")
    right, wrong = (dict(_codes(compile(text, str(path), "exec"))) for text in (source, mutated(mutant, source)))
    for function in _functions(module, module.__name__):
        name = function.__qualname__
        if name in right and right[name] != wrong[name]:
            yield function, wrong[name]


def _functions(owner: object, module: str) -> Iterator[FunctionType]:
    """The functions and methods that a module defines, without what decorates them."""
    for found in vars(owner).values():
        bare = inspect.unwrap(getattr(found, "fget", None) or getattr(found, "__func__", found))
        if isinstance(bare, FunctionType) and bare.__module__ == module:
            yield bare
        elif inspect.isclass(found) and found.__module__ == module:
            yield from _functions(found, module)


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each.co_qualname, each
            yield from _codes(each)
