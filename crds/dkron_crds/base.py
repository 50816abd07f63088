"""What every model of the contract has in common: camelCase on the wire, frozen objects, times in UTC.

The models are read at the border (a watch event, a REST body) and nowhere else; inside, their attributes are
trusted.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


class WireModel(BaseModel):
    """A frozen piece of a custom resource: snake_case in Python, camelCase on the wire.

    Unknown keys are ignored on reading, so that an older program can read what a newer one wrote.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    @classmethod
    def from_wire(cls, raw: dict[str, Any]) -> Self:
        """Read the JSON object as the API server sends it; raises pydantic.ValidationError."""
        return cls.model_validate(raw, by_alias=True, by_name=False)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object for the API server. What has its default value is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def rfc3339(instant: datetime) -> str:
    """Return an aware instant as RFC 3339 in UTC with `Z` and no more digits than it needs (at most
    microseconds)."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def in_utc(instant: datetime) -> datetime:
    """Return the same aware instant with the standard library's UTC as its zone."""
    return instant.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    AfterValidator(in_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An aware datetime in UTC; RFC 3339 with `Z` on the wire. Finer than microseconds is cut off on reading."""
