"""YAML as kubectl reads it (sigs.k8s.io/yaml), within bounds: a file of a few lines may stand for gigabytes.

`y`, `n`, `on` and `off` are booleans, dates and times are texts, numbers have no base of 60, and keys are texts.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

MOST_LEVELS = 100
MOST_COPIES = 100_000
"""Values that the aliases of a file may stand for, beside those that are written."""

# The loader in C is many times faster, and bounds how deep a file nests.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_INT = r"[-+]?(?:0[bB][01][01_]*|0[oO][0-7][0-7_]*|0[xX][0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_BOOL = r"(?i:y|n)|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
_LONGEST_NUMBER = 400


class Excessive(ValueError):
    """A document that would take too much. `str()` is a sentence."""


class Loader(_Base):  # type: ignore[misc]
    """Composes and constructs documents."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - as in PyYAML
    bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ANN401
        """Return the mapping, with keys as in JSON."""
        items = super().construct_mapping(node, deep).items()
        return {str(key).lower() if isinstance(key, bool) else str(key): value for key, value in items}

    def construct_number(self, node: Any) -> float:  # noqa: ANN401
        """Return a number as Go reads it."""
        text = str(self.construct_scalar(node)).replace("_", "")
        if len(text) > _LONGEST_NUMBER:
            raise Excessive("a number in it is too long")
        digits = text.lstrip("+-").lower()
        if "." in digits and digits.endswith(("inf", "nan")):
            return float(text.replace(".", ""))
        if digits[:2] in ("0b", "0o", "0x"):
            return int(text, 0)
        if digits.isdecimal():
            return int(text, 8 if digits[0] == "0" and not set(digits) & {"8", "9"} else 10)
        number = float(text)
        return int(number) if number.is_integer() else number


for _tag, _pattern, _first in (
    ("bool", _BOOL, "yYnNtTfFoO"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+0123456789."),
):
    Loader.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_pattern})\Z", re.ASCII), list(_first))
Loader.add_constructor(_TAG + "int", Loader.construct_number)
Loader.add_constructor(_TAG + "float", Loader.construct_number)


class Measure:
    """Measures documents before they are constructed. One is for a file."""

    def __init__(self) -> None:
        self._copies = 0

    def take(self, root: yaml.Node) -> None:
        """Add a document. Raises `Excessive`, also for one that contains itself."""
        walk = _Walk()
        size, _ = walk.measured(root, 0)
        self._copies += size - walk.written
        if self._copies > MOST_COPIES:
            raise Excessive(f"its aliases expand to more than {MOST_COPIES} values; write the values out")


class _Walk:
    """Visits each node once, however many aliases name it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int] | None] = {}
        self.written = 0
        """Values seen so far, without values of aliases."""

    def measured(self, node: yaml.Node, depth: int) -> tuple[int, int]:
        """Return the number of values in the node, with its aliases expanded, and the levels below it."""
        found = self._known.get(id(node), (0, 0))
        if found is None:
            raise Excessive("a value in it contains itself by an alias")
        if depth + found[1] > MOST_LEVELS:
            raise Excessive(f"it nests deeper than {MOST_LEVELS} levels")
        if found[0]:
            return found
        self.written += 1
        if isinstance(node, yaml.ScalarNode):
            return 1, 0
        self._known[id(node)] = None
        size, levels = 1, 0
        for child in _children(node):
            inner, below = self.measured(child, depth + 1)
            size, levels = size + inner, max(levels, below + 1)
        self._known[id(node)] = size, levels
        return size, levels


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for each in node.value:
        yield from each if isinstance(each, tuple) else (each,)
