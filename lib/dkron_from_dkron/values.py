"""The values of JSON as Dkron reads them, and the refusal of others."""

from collections.abc import Mapping


class Unreadable(ValueError):
    """The input is not JSON, or not the expected JSON. `reason` is one readable sentence. `cut` means that the input
    is valid so far, so that more input might complete it."""

    def __init__(self, reason: str, *, cut: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cut = cut


class Pairs(list[tuple[str, object]]):
    """A JSON object as written: keys in order, with duplicates, since in Go the last one wins."""

    __slots__ = ()


def as_pairs(value: object) -> object:
    """Return a value of any reader of JSON or YAML with its objects as `Pairs`."""
    if isinstance(value, Mapping):
        return Pairs((str(key), as_pairs(item)) for key, item in value.items())
    if isinstance(value, list):
        return [as_pairs(item) for item in value]
    return value
