"""Counts lines, classes and names in Python source."""

import ast
import io
import tokenize
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

_NO_CODE = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
)  # fmt: skip


def python_files(root: Path, folders: Iterable[str]) -> list[Path]:
    """Return the Python files of these folders, in order."""
    return [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]


def code_lines(source: str) -> int:
    """Return the lines of code: without blanks, comments, docstrings, and texts that stand under a field."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def fields(source: str, name: str) -> int:
    """Return how many annotated fields a class of this module has; 0 if it has no such class."""
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)
    return sum(isinstance(statement, ast.AnnAssign) for node in classes for statement in node.body)


def names_of_type(source: str, word: str, types: Collection[str]) -> Iterator[str]:
    """Yield each name that contains the word and has one of these types, by itself or in a container: of a parameter, a
    field, a variable, or a function that returns it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                pass
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=annotation):
                pass
            case ast.FunctionDef(name=name, returns=ast.expr() as annotation):
                pass
            case _:
                continue
        if word in name and any(isinstance(part, ast.Name) and part.id in types for part in ast.walk(annotation)):
            yield name
