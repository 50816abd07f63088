"""Documents of a YAML or JSON file, each with the lines of its fields."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from dkron_cli.core.kubectl_yaml import Excessive, Loader, Measure

Path = tuple[str | int, ...]
MOST_BYTES = 64 * 1024 * 1024
IN_QUOTES = "while scanning a quoted scalar"
"""Where libyaml is when a quote is not closed."""


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


def is_job_of_dkron(value: object) -> bool:
    """Whether an object can be a job in Dkron's JSON."""
    return isinstance(value, dict) and "apiVersion" not in value and "kind" not in value and "name" in value


def documents(text: str) -> list[Document]:
    """Return the objects of a file: of a List its items. Raises `Unreadable`."""
    loader, measure = Loader(text), Measure()
    found: list[Document] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            measure.take(node)
            found += _items(loader.construct_document(node), node)
    except yaml.YAMLError as error:
        raise _unreadable(error) from None
    except Excessive as error:
        raise Unreadable(str(error), 1) from None
    except (ValueError, RecursionError, TypeError) as error:
        raise Unreadable(f"it cannot be read: {type(error).__name__}", 1) from None
    finally:
        loader.dispose()
    return found


def _unreadable(error: yaml.YAMLError) -> Unreadable:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and error.context == IN_QUOTES and error.context_mark is not None:
        # The problem is where the file ends.
        return Unreadable("it is not YAML: the quote that opens here is not closed", error.context_mark.line + 1)
    problem = getattr(error, "problem", None) or getattr(error, "reason", "")
    return Unreadable(f"it is not YAML: {problem}".rstrip(": "), 1 if mark is None else mark.line + 1)


def _items(value: Any, node: yaml.Node) -> list[Document]:  # noqa: ANN401 - any YAML
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        listed = (item for key, item in node.value if key.value == "items")
        value, node = value["items"], next(listed, node)
    elif not isinstance(value, list):
        return [] if value is None else [_document(value, node)]
    # The items of a List that a merge brings have no lines of their own.
    nodes = node.value if isinstance(node, yaml.SequenceNode) and len(node.value) == len(value) else [node] * len(value)
    return [_document(item, at) for item, at in zip(value, nodes, strict=True)]


def _document(value: object, node: yaml.Node) -> Document:
    return Document(value, node.start_mark.line + 1, dict(_lines(node, ())))


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
