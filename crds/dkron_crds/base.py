"""Shared by all models of the contract: camelCase on the wire, frozen objects, times in UTC.

Models validate input at the boundary (a watch event, a REST body) and nowhere else. Inside, code trusts their
attributes.
"""

from datetime import UTC, datetime
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, Final, Self, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from dkron_crds.schedule.instants import rfc3339 as rfc3339  # noqa: PLC0414 - for all that use models, too

INT64_MAX = 2**63 - 1024
"""The largest int64 that a float holds exactly. The API server reads bounds as floats, and 2^63 - 1 is out of range."""

Count = Annotated[int, Field(ge=0, le=INT64_MAX)]


def saturated(count: int) -> int:
    """Clamp the number to the bounds of `Count`. The API server would reject every later write of a number beyond
    them."""
    return max(0, min(count, INT64_MAX))


ATOMIC_LIST: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
"""For a list with one writer: each write replaces the whole list, and its entries take no space in managedFields."""

LIST_BY_TYPE: Final[dict[str, Any]] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
}
"""For conditions, as in every Kubernetes kind."""

LIST_BY_JOB: Final[dict[str, Any]] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["job"],
}
"""For a list of other jobs in which each job appears once."""

LIST_BY_NAME: Final[dict[str, Any]] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
"""For a list of things with a name each."""

LIST_IS_SET: Final[dict[str, Any]] = {"x-kubernetes-list-type": "set"}


class _Unrecorded(set[str]):
    """The fields that were given to an object, which no code reads. All objects and their copies share it."""

    def __copy__(self) -> Self:
        return self

    def update(self, *_: object) -> None:
        """Record nothing."""


_FIELDS = _Unrecorded()


class WireModel(BaseModel):
    """A frozen part of a custom resource: snake_case in Python, camelCase on the wire.

    Reading ignores unknown keys, so that an older program can read what a newer one wrote.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    def model_post_init(self, _context: object, /) -> None:
        """Forget which fields were given: their set takes as much memory as the fields, and no code asks."""
        object.__setattr__(self, "__pydantic_fields_set__", _FIELDS)

    def __deepcopy__(self, _memo: dict[int, Any] | None = None) -> Self:
        """Return the object itself, since it is immutable. Pydantic copies the defaults of each object that it
        reads."""
        return self

    @classmethod
    def from_wire(cls, raw: dict[str, Any]) -> Self:
        """Read the JSON object as the API server sends it. Raises pydantic.ValidationError."""
        return cls.model_validate(raw, by_alias=True, by_name=False)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object for the API server, without fields that have their default value."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, after its path: `history.executions: Input should be …`."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].removeprefix('Value error, ')}"


# A status repeats its instants, and a cache keeps one object for all of them.
@lru_cache(maxsize=1024)
def in_utc(instant: datetime) -> datetime:
    """Return the same aware instant with the standard library's UTC as its zone. Raises ValueError if it leaves the
    years 1 to 9999."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is before the year 1 or after the year 9999 in UTC") from None


Instant = Annotated[
    AwareDatetime,
    AfterValidator(in_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware datetime in UTC; RFC 3339 with `Z` on the wire. Reading truncates it to microseconds."""


class StatusModel(WireModel):
    """The status of a kind. Every field has a default, so an object that the operator has not seen yet has an empty
    status."""

    observed_generation: Count = 0
    """The metadata.generation that the operator last acted on; 0 before it has seen the object."""

    def to_wire(self) -> dict[str, Any]:
        """Return the whole status with absent fields as null or empty, also fields of objects in it. A merge patch
        merges objects (RFC 7396), so it clears removed values only if they are there as null."""
        wire = {**_absent(type(self)), **super().to_wire()}
        for key, model in _objects(type(self)):
            if wire[key] is not None:
                wire[key] = {**_absent(model), **wire[key]}
        return wire


@cache
def _absent(model: type[WireModel]) -> dict[str, Any]:
    """The wire form of every field that has a default."""
    optional = {name for name, field in model.model_fields.items() if not field.is_required()}
    return model.model_construct().model_dump(mode="json", by_alias=True, include=optional)


@cache
def _objects(status: type[WireModel]) -> tuple[tuple[str, type[WireModel]], ...]:
    """The fields of the status that are objects, by their names on the wire."""
    return tuple(
        (field.alias or name, model)
        for name, field in status.model_fields.items()
        for model in _alternatives(field.annotation)
        if isinstance(model, type) and issubclass(model, WireModel)
    )


def _alternatives(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an annotation may be anything
    """The types of a field's value: `X | None` is two, a list is one."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


class ObjectMeta(WireModel):
    """The part of Kubernetes' own metadata that the project reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Instant | None = None
    deletion_timestamp: Instant | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Resource(WireModel):
    """A custom resource. Each kind adds `api_version`, `kind` and `spec`, and `status` if it has one."""

    metadata: ObjectMeta = ObjectMeta()

    def to_wire(self) -> dict[str, Any]:
        """Return the object as sent to the API server, without the status, which has its own subresource."""
        identity = self.model_dump(mode="json", by_alias=True, include={"api_version", "kind"})
        changed = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"status"})
        return {**identity, "metadata": {}, "spec": {}, **changed}
