"""The lists of the contract: each list and each map of all kinds, by its path (`DkronJob.status.active`)."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from dkron_crds.kinds import KINDS

LISTS = (tuple, list, dict, set, frozenset)


def lists() -> frozenset[str]:
    """The paths of all lists of spec and status of all kinds."""
    return frozenset(path for kind in KINDS for part in ("spec", "status") for path in _of_part(kind.model, part))


def _of_part(model: type[BaseModel], part: str) -> Iterator[str]:
    field = model.model_fields.get(part)
    return iter(()) if field is None else _below(field.annotation, f"{model.__name__}.{part}", ())


def _below(annotation: Any, path: str, above: tuple[type, ...]) -> Iterator[str]:
    if get_origin(annotation) in LISTS or annotation in LISTS:
        yield path
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in above:
        for name, field in annotation.model_fields.items():
            yield from _below(field.annotation, f"{path}.{field.alias or name}", (*above, annotation))
    for part in get_args(annotation):
        yield from _below(part, path, above)
