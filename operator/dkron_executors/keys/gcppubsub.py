"""The keys of `gcppubsub`: one message (Dkron behaviour §6.3)."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Base64, json_value, quoted

_PROJECT = re.compile(r"[a-z0-9.:-]{1,100}", re.ASCII)
_TOPIC = re.compile(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}", re.ASCII)

Attributes = tuple[tuple[str, str], ...]


def project_id(text: str) -> str:
    """Check the id of a project."""
    if _PROJECT.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not the id of a project, such as my-project-1")
    return text


def topic_id(text: str) -> str:
    """Check the id of a topic, given without its path."""
    if _TOPIC.fullmatch(text) is None:
        raise ValueError(f"{quoted(text)} is not the id of a topic: a letter, then letters, digits and . _ ~ + % -")
    return text


def json_attributes(text: str) -> Attributes:
    """Parse a JSON object of strings."""
    found = json_value(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f'{quoted(text)} is not a JSON object of strings, such as {{"origin": "dkron"}}')
    return tuple(found.items())


class Gcppubsub(Keys):
    """One message to a topic of Google Cloud Pub/Sub, with the pod's credentials."""

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset({"attributes"})

    project: Annotated[str, AfterValidator(project_id)]
    """The id of the project."""

    topic: Annotated[str, AfterValidator(topic_id)]
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
