"""Documents of a YAML or JSON file, each with the lines of its fields."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Path = tuple[str | int, ...]
_TOP: Path = ()
# The loader in C is many times faster, and bounds how deep a file nests.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES = 64 * 1024 * 1024
ALIASES = 1000
"""Aliases that a file may have: a few nested ones expand to more than fits into memory."""


class Unreadable(ValueError):
    """The file is no YAML or JSON. `str()` is a sentence, `line` counts from 1."""

    def __init__(self, sentence: str, line: int) -> None:
        super().__init__(sentence)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """An object, and the line on which it begins and on which each of its fields is."""

    value: Any
    line: int
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int:
        """Return the line of a field, else of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


def objects(text: str) -> list[Any]:
    """Return the objects of a file, without their lines. Raises `Unreadable`."""
    try:
        # JSON by its own rules: in YAML some of its escapes mean something else.
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [document.value for document in documents(text)]
    items = value.get("items") if isinstance(value, dict) else value
    return items if isinstance(items, list) else [value]


def documents(text: str) -> list[Document]:
    """Return the objects of a file: of a List its items. Raises `Unreadable`."""
    if text.count("*") > ALIASES and sum(isinstance(event, yaml.AliasEvent) for event in _events(text)) > ALIASES:
        raise Unreadable(f"it has more than {ALIASES} aliases; write the values out", 1)
    loader = _Loader(text)
    found: list[Document] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            value = loader.construct_document(node)
            lines = dict(_lines(node, ()))
            whole = Document(value, node.start_mark.line + 1, lines)
            found += _items(whole)
    except yaml.YAMLError as error:
        raise _unreadable(error) from None
    except (ValueError, RecursionError, TypeError) as error:
        raise Unreadable(f"it cannot be read: {type(error).__name__}", 1) from None
    finally:
        loader.dispose()
    return found


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _unreadable(error) from None


def _unreadable(error: yaml.YAMLError) -> Unreadable:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return Unreadable(f"it is not YAML: {problem}", 1 if mark is None else mark.line + 1)


def _items(whole: Document) -> list[Document]:
    value, at = whole.value, _TOP
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        value, at = value["items"], ("items",)
    elif not isinstance(value, list):
        return [] if value is None else [whole]
    found = []
    for number, item in enumerate(value):
        prefix: Path = (*at, number)
        lines = {path[len(prefix) :]: line for path, line in whole.lines.items() if path[: len(prefix)] == prefix}
        found.append(Document(item, lines.get((), whole.line), lines))
    return found


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                name = str(getattr(key, "value", ""))
                yield from _lines(value, (*path, name))
                yield (*path, name), key.start_mark.line + 1
        case yaml.SequenceNode():
            for number, value in enumerate(node.value):
                yield from _lines(value, (*path, number))
