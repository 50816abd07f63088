"""Tests that count slots or Jobs have the marker `promise`, so that none of them gets a second try."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
COUNTERS = frozenset({"ledger", "Ledger", "births", "Births", "born", "gaps", "assert_kept_time"})
"""What counts in tests/support: ledger.py, births.py, kept_time.py, `born` of kube.py, and `gaps` of jobs.py."""


@dataclass(frozen=True, slots=True)
class Found:
    """The tests of a module that count, and the ones that lack the marker."""

    counting: list[str]
    unmarked: list[str]


def found(source: str) -> Found:
    """Read a module. A test counts if it names a counter, or if a fixture, function, class or table of its module that
    it names does."""
    module = ast.parse(source)
    names = {name: _identifiers(node) for node in module.body for name in _defined(node)}
    marks = "promise" in names.get("pytestmark", ())
    counting = [node for node in _tests(module) if COUNTERS & _reached(node.name, names)]
    unmarked = [node.name for node in counting if not (marks or any(map(_is_promise, node.decorator_list)))]
    return Found([node.name for node in counting], unmarked)


def _tests(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))


def _identifiers(node: ast.AST) -> set[str]:
    """All names in it: variables, attributes, parameters (which are the names of fixtures), and those fixtures that
    `usefixtures` names."""
    said: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                said.add(name)
            case ast.Call(func=ast.Attribute(attr="usefixtures"), args=fixtures):
                said.update(str(fixture.value) for fixture in fixtures if isinstance(fixture, ast.Constant))
    return said


def _reached(name: str, names: dict[str, set[str]]) -> set[str]:
    """All names that one uses, itself or through others of the module."""
    reached, left = {name}, [name]
    while left:
        new = names.get(left.pop(), set()) - reached
        reached |= new
        left.extend(new)
    return reached


def _is_promise(decorator: ast.expr) -> bool:
    return ast.unparse(decorator) == "pytest.mark.promise"


SOURCE = """
import pytest
from tests.support import ledger
from tests.support.jobs import gaps

CASES = [lambda slots: gaps(slots, every=1)]

@pytest.fixture
def closed(kube):
    return ledger.close(kube, "a", every=1)

def _born(kube):
    return kube.born("uid")

{mark}
def test_itself(kube):
    ledger.close(kube, "a", every=1)

{mark}
def test_by_a_fixture(closed):
    pass

{mark}
@pytest.mark.usefixtures("closed")
def test_by_the_name_of_a_fixture():
    pass

{mark}
async def test_by_a_function(kube):
    _born(kube)

{mark}
@pytest.mark.parametrize("case", CASES)
def test_by_a_table(case):
    pass

def test_of_something_else(kube):
    kube.get("job")
"""
COUNT = [
    "test_itself", "test_by_a_fixture", "test_by_the_name_of_a_fixture", "test_by_a_function", "test_by_a_table",
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "unmarked"),
    [
        pytest.param(SOURCE.format(mark=""), COUNT, id="none has it"),
        pytest.param(SOURCE.format(mark="@pytest.mark.timeout(60)"), COUNT, id="another one"),
        pytest.param(SOURCE.format(mark="@pytest.mark.promise"), [], id="each has it"),
        pytest.param(SOURCE.format(mark="") + "pytestmark = pytest.mark.promise", [], id="the module has it"),
        pytest.param(SOURCE.format(mark="") + "pytestmark = pytest.mark.cluster(nodes='none')", COUNT, id="not it"),
    ],
)
def test_counting_tests_are_found_through_all_they_use(source: str, unmarked: list[str]) -> None:
    assert found(source) == Found(COUNT, unmarked)


def test_each_test_that_counts_slots_or_jobs_is_a_promise() -> None:
    of = {
        str(path.relative_to(TESTS)): found(path.read_text("utf-8"))
        for folder in ("cluster", "e2e")
        for path in sorted((TESTS / folder).glob("test_*.py"))
    }
    assert sum(len(each.counting) for each in of.values()) > 30
    assert {path: each.unmarked for path, each in of.items() if each.unmarked} == {}
