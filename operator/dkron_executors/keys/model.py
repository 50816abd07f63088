"""Shared by the keys of all executors."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from dkron_executors.secrets import PREFIX, is_reference, without_references

TRACE_HEADER = "traceparent"
"""The name of the header, in HTTP and in gRPC metadata."""


class KeyProblem(ValueError):
    """A key is invalid. `str()` is one sentence that begins with the key."""


class Unread(str):
    """A value that only the pod will know. The operator does not read Secrets, so it cannot parse the value."""

    __slots__ = ()


class Keys(BaseModel):
    """The keys of an executor. The docstring under each field is its line in the documentation."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    TEXTS_WITH_REFERENCES: ClassVar[frozenset[str]] = frozenset()
    """Keys with JSON text whose strings may contain references to Secrets."""
    EMPTY_COUNTS: ClassVar[frozenset[str]] = frozenset()
    """Keys whose empty value has a meaning. For all others, empty is the same as absent."""

    @classmethod
    def check(cls, config: Mapping[str, str]) -> None:
        """Raise `KeyProblem` for the first error that is visible without the values of Secrets."""
        cls.read({key: cls._as_far_as_known(key, text) for key, text in config.items()})

    @classmethod
    def read(cls, config: Mapping[str, str]) -> Self:
        """Parse the keys with their values. Raises `KeyProblem`."""
        given = {key: text for key, text in config.items() if text or key in cls.EMPTY_COUNTS}
        try:
            return cls.model_validate(given)
        except ValidationError as exc:
            raise KeyProblem(cls._sentence(exc.errors(include_url=False)[0])) from None

    def within(self, traceparent: str) -> Self:
        """Return the keys with this W3C traceparent as a header, if the call has headers and none is set yet. An
        empty traceparent changes nothing."""
        headers: tuple[tuple[str, str], ...] | None = getattr(self, "headers", None)
        if not traceparent or headers is None or any(name.lower() == TRACE_HEADER for name, _ in headers):
            return self
        return self.model_copy(update={"headers": (*headers, (TRACE_HEADER, traceparent))})

    @classmethod
    def executor(cls) -> str:
        """The name of the executor in a job."""
        return cls.__module__.rpartition(".")[2]

    @classmethod
    def names(cls) -> list[str]:
        """All keys, as written in `executorConfig`."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @field_validator("*", mode="wrap")
    @classmethod
    def _leave_unread(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any field
        return value if isinstance(value, Unread) else handler(value)

    @classmethod
    def _as_far_as_known(cls, key: str, text: str) -> str:
        if is_reference(text):
            return Unread(text)
        known = without_references(text) if key in cls.TEXTS_WITH_REFERENCES else text
        if text.startswith(PREFIX) or (PREFIX in known and key in cls.TEXTS_WITH_REFERENCES):
            raise KeyProblem(f"{key}: it has to be {PREFIX}<name of the secret>/<key in it>")
        return known

    @classmethod
    def _sentence(cls, error: ErrorDetails) -> str:
        key = ".".join(str(part) for part in error["loc"][:1])
        match error["type"]:
            case "missing":
                return f"{key}: missing; executorConfig of {cls.executor()} needs it"
            case "extra_forbidden":
                return f'executorConfig: "{key}" is not a key of {cls.executor()}; use {", ".join(sorted(cls.names()))}'
            case "value_error":
                why = str(error["ctx"]["error"])
                return f"{key}: {why}" if key else why
            case _:
                return f"{key}: {error['msg']}"
