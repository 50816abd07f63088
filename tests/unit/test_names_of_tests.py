"""Names of tests and ids of their rows are short enough to read in a report: 60 characters at most."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.rest.table import ROWS

TESTS = Path(__file__).parents[1]
LONGEST = 60


def too_long(source: str) -> Iterator[str]:
    """The names of tests and the ids in a module, as they are written, that have more characters."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test"):
                yield from _longer(name)
            case ast.keyword(arg="id", value=ast.Constant(value=str(text))):
                yield from _longer(text)
            case ast.keyword(arg="ids", value=ast.List(elts=texts) | ast.Tuple(elts=texts)):
                for each in texts:
                    yield from _longer(each.value if isinstance(each, ast.Constant) else "")


def _longer(text: object) -> Iterator[str]:
    if len(str(text)) > LONGEST:
        yield str(text)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("def test_{}(): pass", True, id="a function"),
        pytest.param("class TestIt:\n    async def test_{}(self): pass", True, id="a method"),
        pytest.param("ROW = pytest.param(1, id='{}')", True, id="an id"),
        pytest.param("MARK = pytest.mark.parametrize('x', [1], ids=['{}'])", True, id="a list of ids"),
        pytest.param("def helper_{}(): pass", False, id="another function"),
        pytest.param("ROW = pytest.param('{}', id='short')", False, id="a value"),
    ],
)
def test_long_names_are_found(source: str, *, found: bool) -> None:
    assert len(list(too_long(source.format("x" * (LONGEST + 1))))) == found


def test_names_and_written_ids_are_short() -> None:
    of = {str(path.relative_to(TESTS)): list(too_long(path.read_text("utf-8"))) for path in TESTS.rglob("*.py")}
    assert {path: texts for path, texts in of.items() if texts} == {}


def test_ids_of_collected_rows_are_short(request: pytest.FixtureRequest) -> None:
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    assert {spec.id for spec in specs if spec is not None and len(spec.id) > LONGEST} == set()


def test_rows_about_the_rest_api_are_short() -> None:
    assert [row.says for row in ROWS if len(row.says) > LONGEST] == []
