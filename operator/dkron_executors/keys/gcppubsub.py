"""The keys of `gcppubsub`: one message (Dkron behaviour §6.3)."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Base64, json_value, matching, quoted

_PROJECT = matching(r"[a-z0-9.:-]{1,100}", "the id of a project, such as my-project-1")
_TOPIC = matching(
    r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}", "the id of a topic: a letter, then letters, digits and . _ ~ + % -"
)

Attributes = tuple[tuple[str, str], ...]


def json_attributes(text: str) -> Attributes:
    """Parse a JSON object of strings."""
    found = json_value(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f'{quoted(text)} is not a JSON object of strings, such as {{"origin": "dkron"}}')
    return tuple(found.items())


class Gcppubsub(Keys):
    """One message to a topic of Google Cloud Pub/Sub, with the pod's credentials."""

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset({"attributes"})

    project: Annotated[str, _PROJECT]
    """The id of the project."""

    topic: Annotated[str, _TOPIC]
    """The id of the topic."""

    data: Base64 = b""
    """The message in base64. It or `attributes` is required."""

    attributes: Annotated[Attributes, BeforeValidator(json_attributes)] = ()
    """The message's attributes, a JSON object of strings: `{"origin": "dkron"}`."""

    @model_validator(mode="after")
    def _something_to_send(self) -> Self:
        if not self.data and not self.attributes:
            raise ValueError("data: missing; a message needs data or attributes")
        return self

    @property
    def path(self) -> str:
        """The full name of the topic."""
        return f"projects/{self.project}/topics/{self.topic}"
