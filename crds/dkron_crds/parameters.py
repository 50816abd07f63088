"""Parameters of a job: how `spec.parameters` declares them, and what values a run may give. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from dkron_crds.base import LIST_IS_SET, WireModel
from dkron_crds.rules import keys_at_most

MAX_PARAMETERS = 32
MAX_PARAMETER_NAME = 63
MAX_VALUE = 4096
VARIABLE = "DKRON_PARAM_"
"""Prefix of the environment variable in which the container finds a parameter; the name follows in upper case."""

ParameterValue = Annotated[str, Field(max_length=MAX_VALUE)]
ParameterValues = Annotated[
    dict[str, ParameterValue],
    Field(max_length=MAX_PARAMETERS, json_schema_extra=keys_at_most(MAX_PARAMETER_NAME)),
]
"""Values by the names of the parameters. All are strings: write "true" and "10" with quotes."""


class ParameterType(StrEnum):
    """What the text of a value has to be."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ENUM = "enum"
    TIME = "time"


class Parameter(WireModel):
    """A value that each run of the job may be given."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_PARAMETER_NAME, pattern=r"^[a-z][a-z0-9_]*$")]
    """The name: lower-case letters, digits and "_". The container finds the value in DKRON_PARAM_ and the name in upper
    case; {{ name }} stands for it in some settings of executors."""

    type: ParameterType = ParameterType.STRING
    """string, integer, number, boolean ("true" or "false"), enum (one of values) or time (RFC 3339 with a zone)."""

    description: Annotated[str, Field(max_length=512)] = ""
    """What the parameter is for."""

    required: bool = False
    """If true, each run on request must give a value. A job with a required parameter and without a default for it
    does not run by schedule or after a parent: Ready is False with the reason ParameterRequired."""

    default: ParameterValue | None = None
    """The value of a run that gives none. Without it, the variable is not set and {{ name }} is empty."""

    pattern: Annotated[str, Field(max_length=256)] = ""
    """For a string: a regular expression (RE2) that the whole value has to match."""

    max_length: Annotated[int, Field(ge=0, le=MAX_VALUE)] | None = None
    """For a string: the most characters that it may have."""

    minimum: Annotated[str, Field(max_length=32)] = ""
    """For an integer, a number or a time: the least value."""

    maximum: Annotated[str, Field(max_length=32)] = ""
    """For an integer, a number or a time: the greatest value."""

    values: Annotated[tuple[ParameterValue, ...], Field(max_length=64, json_schema_extra=LIST_IS_SET)] = ()
    """For an enum: the values that it may have."""

    secret: bool = False
    """If true, the value is a reference "secretRef:<secret>/<key>" to a Secret in the same namespace. Only the
    container reads it, as its variable; {{ name }} cannot stand for it."""


def parameter_problem(declared: tuple[Parameter, ...], values: Mapping[str, str]) -> str:
    """Return what is wrong with the values that a run gives, as a sentence that names the parameter; empty if they
    fit."""
    known = {each.name for each in declared}
    unknown = next((name for name in values if name not in known), None)
    return "" if unknown is None else f'parameter "{unknown}": it is not declared in spec.parameters of the job'
