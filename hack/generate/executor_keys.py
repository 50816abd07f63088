"""Writes the tables of keys into docs/executors.md, from the models that the operator and the pods read them with."""

from collections.abc import Iterable
from pathlib import Path

from pydantic.fields import FieldInfo

from dkron_executors.keys import MODELS, keys_of
from dkron_executors.keys.model import Keys
from generate.page import with_part

PAGE = Path(__file__).parents[2] / "docs" / "executors.md"
BEGIN = "<!-- keys of {}: make generate writes what is between these lines -->\n"
END = "<!-- /keys -->\n"


def table(model: type[Keys]) -> str:
    """A line for each key."""
    rows = [_row(field.alias or name, field) for name, field in model.model_fields.items()]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows])


def with_tables(page: str, executors: Iterable[str]) -> str:
    """The page with the tables between their marks. Raises ValueError for a page without them."""
    for executor in executors:
        page = with_part(page, begin=BEGIN.format(executor), end=END, part=table(keys_of(executor)))
    return page


def _row(key: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _default(field.default)
    if key == "debug":
        # "false" is a text, too, and turns it on.
        default = ""
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{key}` | {default} | {meaning} |"


def _default(value: object) -> str:
    if isinstance(value, bool) or value in ("", (), None, b""):
        return "`false`" if value is False else ""
    return f"`{value}`"


def files() -> dict[Path, str]:
    """The page, and its content."""
    return {PAGE: with_tables(PAGE.read_text(encoding="utf-8"), MODELS)}
