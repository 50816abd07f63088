"""Large parts of stored objects as compact JSON.

A value that Python has parsed may take thirty times as much memory as its JSON: a list of empty lists does, and a text
takes four times as much for a single emoji in it. A cache that keeps the large parts of its objects as bytes needs as
much memory as etcd, whatever a user writes. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, overload

from pydantic_core import from_json, to_json

Object = dict[str, Any]

SMALL = 512
"""Parts up to this many bytes of JSON stay parsed."""
SMALL_STATUS = 16 * 1024
"""The same for parts of a status. Only the operator writes those, and they are read and compared often."""


class _Json:
    """A value as compact JSON."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    @property
    def value(self) -> Any:  # noqa: ANN401 - any JSON
        """The value, parsed again each time."""
        return from_json(self.text)

    def __len__(self) -> int:
        return len(self.value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Json):
            return self.text == other.text or bool(self.value == other.value)
        return bool(self.value == other)

    __hash__ = None  # type: ignore[assignment]


class Packed(_Json, Mapping[str, Any]):
    """A JSON object that each use parses. Code that uses it more than once, as `dict` does, takes `plain` of it
    first."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any JSON
        return self.value[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.value)

    def items(self) -> Any:  # noqa: ANN401 - the view of a dict
        """Return the items of the object."""
        return self.value.items()

    def values(self) -> Any:  # noqa: ANN401 - the view of a dict
        """Return the values of the object."""
        return self.value.values()


class PackedList(_Json, Sequence[Any]):
    """A JSON list that each use parses."""

    __slots__ = ()

    @overload
    def __getitem__(self, at: int) -> Any: ...  # noqa: ANN401 - any JSON
    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        return self.value[at]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __reversed__(self) -> Iterator[Any]:
        yield from reversed(self.value)


def packed(part: Any, *, small: int = SMALL) -> Any:  # noqa: ANN401 - any JSON
    """Return an object or a list packed if its JSON is longer than `small` bytes; all else as it is."""
    if not isinstance(part, dict | list) or not part:
        return part
    try:
        text = to_json(part)
    except ValueError:
        # It nests deeper than anything that `bounds` lets pass.
        return part
    if len(text) <= small:
        return part
    return Packed(text) if isinstance(part, dict) else PackedList(text)


def plain(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a part that may be packed as a dict or a list."""
    return part.value if isinstance(part, _Json) else part


def packed_bytes(part: Any) -> int:  # noqa: ANN401 - any JSON
    """Return the length of a part that is packed; 0 of any other."""
    return len(part.text) if isinstance(part, _Json) else 0


def packed_object(item: Mapping[str, Any]) -> Object:
    """Return a custom resource with the large parts of its metadata, spec and status packed."""
    found = dict(item)
    for section, small in _SECTIONS:
        if isinstance(parts := found.get(section), dict):
            found[section] = {key: packed(part, small=small) for key, part in parts.items()}
    return found


def plain_object(item: Object) -> Object:
    """Return a custom resource with all its parts as dicts and lists; the same object if none is packed."""
    found = item
    for section, _ in _SECTIONS:
        parts = item.get(section)
        if isinstance(parts, dict) and any(isinstance(part, _Json) for part in parts.values()):
            found = {**found, section: plain_parts(parts)}
    return found


def plain_parts(parts: Mapping[str, Any]) -> Object:
    """Return a section of an object with its parts as dicts and lists."""
    return cast("Object", {key: plain(part) for key, part in parts.items()})


_SECTIONS = (("metadata", SMALL), ("spec", SMALL), ("status", SMALL_STATUS))
