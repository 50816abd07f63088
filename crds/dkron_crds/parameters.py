"""Parameters of a job: how `spec.parameters` declares them, and what values a run may give. Pure.

The API server checks a declaration as far as CEL can, the operator checks all of it (`declaration_problem`). The
operator, the REST API and dkronctl check the values of a run (`parameter_problem`). A problem is one sentence that
names the parameter; the value of a secret parameter is never part of it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import ConfigDict, Field

from dkron_crds.base import LIST_IS_SET, WireModel
from dkron_crds.rules import (
    BOOLEAN_DEFAULT,
    BOUNDS_FIT_THE_TYPE,
    DEFAULT_IS_AMONG_THE_VALUES,
    DEFAULT_IS_SHORT_ENOUGH,
    ENUM_HAS_VALUES,
    INTEGER_DEFAULT,
    NUMBER_DEFAULT,
    PATTERN_FITS_THE_TYPE,
    REFERENCE_IS_SECRET,
    SECRET_FITS_THE_TYPE,
    SECRET_IS_REFERENCE,
    keys_at_most,
    validations,
)
from dkron_crds.schedule.errors import quoted

MAX_PARAMETERS = 32
MAX_PARAMETER_NAME = 63
MAX_VALUE = 4096
MAX_PATTERN = 256
MAX_CHOICE = 256
VARIABLE = "DKRON_PARAM_"
"""Prefix of the environment variable in which the container finds a parameter; the name follows in upper case."""
REFERENCE = "secretRef:"
"""How the value of a secret parameter begins."""

ParameterValue = Annotated[str, Field(max_length=MAX_VALUE)]
ParameterValues = Annotated[
    dict[str, ParameterValue],
    Field(max_length=MAX_PARAMETERS, json_schema_extra=keys_at_most(MAX_PARAMETER_NAME)),
]
"""Values by the names of the parameters. All are strings: write "true" and "10" with quotes."""
Choice = Annotated[str, Field(max_length=MAX_CHOICE)]


class ParameterType(StrEnum):
    """The type of the text of a value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ENUM = "enum"
    TIME = "time"


class Parameter(WireModel):
    """A value that each run of the job may be given."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            ENUM_HAS_VALUES,
            DEFAULT_IS_AMONG_THE_VALUES,
            DEFAULT_IS_SHORT_ENOUGH,
            INTEGER_DEFAULT,
            NUMBER_DEFAULT,
            BOOLEAN_DEFAULT,
            BOUNDS_FIT_THE_TYPE,
            PATTERN_FITS_THE_TYPE,
            SECRET_FITS_THE_TYPE,
            SECRET_IS_REFERENCE,
            REFERENCE_IS_SECRET,
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=MAX_PARAMETER_NAME, pattern=r"^[a-z][a-z0-9_]*$")]
    """The name: lower-case letters, digits and "_". The container finds the value in DKRON_PARAM_ and the name in upper
    case; {{ name }} stands for it in some settings of executors."""

    type: ParameterType = ParameterType.STRING
    """string, integer (64 bits), number (as in JSON), boolean ("true" or "false"), enum (one of values) or time (RFC
    3339 with a zone)."""

    description: Annotated[str, Field(max_length=512)] = ""
    """The purpose of the parameter."""

    required: bool = False
    """If true, each run on request must give a value. A job with a required parameter and without a default for it
    does not run by schedule or after a parent: Ready is False with the reason ParameterRequired."""

    default: ParameterValue | None = None
    """The value of a run that gives none. Without it, the variable is not set and {{ name }} is empty."""

    pattern: Annotated[str, Field(max_length=MAX_PATTERN)] = ""
    """For a string: a regular expression (RE2) that the whole value has to match."""

    max_length: Annotated[int, Field(ge=0, le=MAX_VALUE)] | None = None
    """For a string: the most characters that it may have."""

    minimum: Annotated[str, Field(max_length=32)] = ""
    """For an integer, a number or a time: the least value."""

    maximum: Annotated[str, Field(max_length=32)] = ""
    """For an integer, a number or a time: the greatest value."""

    values: Annotated[tuple[Choice, ...], Field(max_length=64, json_schema_extra=LIST_IS_SET)] = ()
    """For an enum: the values that it may have."""

    secret: bool = False
    """If true, the value is a reference "secretRef:<secret>/<key>" to a Secret in the same namespace. Only the
    container reads it, as its variable; {{ name }} cannot stand for it. For a string or an enum; the values of an enum
    are then the references that a run may give."""

    @property
    def variable(self) -> str:
        """The environment variable in which the container finds the value."""
        return VARIABLE + self.name.upper()


def declaration_problem(declared: tuple[Parameter, ...]) -> str:
    """Return the first fault of `spec.parameters`, as a sentence that names the parameter; empty if nothing is."""
    seen: set[str] = set()
    for each in declared:
        why = "it is declared twice" if each.name in seen else _declared(each)
        if why:
            return f"parameter {quoted(each.name)}: {why}"
        seen.add(each.name)
    return ""


def parameter_problem(declared: tuple[Parameter, ...], values: Mapping[str, str]) -> str:
    """Return the first fault of the values that a run gives, as a sentence that names the parameter; empty if they fit.
    The declaration is one without a problem."""
    missing = next((each.name for each in declared if each.required and each.name not in values), None)
    why = unfit_value(declared, values)
    return why or (f"parameter {quoted(missing)}: it is required; give a value for it" if missing else "")


def unfit_value(declared: tuple[Parameter, ...], values: Mapping[str, str]) -> str:
    """Return which of these values does not fit, whatever else is required, as a sentence that names the parameter;
    empty if all fit."""
    known = {each.name: each for each in declared}
    for name, value in values.items():
        if name not in known:
            has = f"the job has {', '.join(known)}" if known else "the job declares none (spec.parameters)"
            return f"parameter {quoted(name)}: it is not declared; {has}"
        if why := _valued(known[name], value):
            return f"parameter {quoted(name)}: {why}"
    return ""


def missing_default(declared: tuple[Parameter, ...]) -> str:
    """Return why the job cannot run without given values: the first required parameter without a default, in a
    sentence; empty if there is none."""
    for each in declared:
        if each.required and each.default is None:
            return (
                f"parameter {quoted(each.name)}: it is required and has no default, so the job runs only on request "
                "with a value for it"
            )
    return ""


def resolved(declared: tuple[Parameter, ...], given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a run by the names of the parameters: what it gives, else the defaults. A parameter with
    neither is absent, and names that are not declared are left out."""
    values = {each.name: given.get(each.name, each.default) for each in declared}
    return {name: value for name, value in values.items() if value is not None}


def _declared(one: Parameter) -> str:
    """Return the first fault of the declaration. The first rules are the API server's, which an object of an
    older definition may break."""
    kind = one.type
    if (kind is ParameterType.ENUM) != bool(one.values):
        return ENUM_HAS_VALUES.message
    if (one.minimum or one.maximum) and kind not in _ORDER:
        return BOUNDS_FIT_THE_TYPE.message
    if (one.pattern or one.max_length is not None) and (kind is not ParameterType.STRING or one.secret):
        return PATTERN_FITS_THE_TYPE.message
    if one.secret and kind not in (ParameterType.STRING, ParameterType.ENUM):
        return SECRET_FITS_THE_TYPE.message
    return _unreadable_bounds(one) or _unfit_texts(one)


def _unreadable_bounds(one: Parameter) -> str:
    if one.pattern and (why := _pattern(one.pattern)[1]):
        return f"its pattern {quoted(one.pattern)} is not a regular expression of RE2: {why}"
    for field, bound in (("minimum", one.minimum), ("maximum", one.maximum)):
        if bound and _ORDER[one.type](bound) is None:
            return f"its {field} {quoted(bound)} is not {_FORM[one.type]}"
    if one.minimum and one.maximum and _less(one.type, one.maximum, one.minimum):
        return f"its minimum {one.minimum} is greater than its maximum {one.maximum}"
    return ""


def _unfit_texts(one: Parameter) -> str:
    """Return why a value of the enum, or the default, can be no value."""
    for choice in one.values:
        if why := _unfit_text(one, choice):
            return f"one of its values is not valid: {why}"
    why = "" if one.default is None else _valued(one, one.default)
    return f"its default does not fit: {why}" if why else ""


def _valued(one: Parameter, value: str) -> str:
    """Return why this cannot be the value; empty if it can. The value of a secret is not shown."""
    if why := _unfit_text(one, value):
        return why
    if one.type is ParameterType.ENUM:
        shown = ", ".join(one.values if len(one.values) <= _NAMED else (*one.values[:_NAMED], "…"))
        return "" if value in one.values else f"{_shown(one, value)} is not one of its values: {shown}"
    if one.type is ParameterType.BOOLEAN:
        return "" if value in ("true", "false") else f'{quoted(value)} is neither "true" nor "false"'
    if one.type in _ORDER:
        return _outside(one, value)
    return _unfit_string(one, value)


def _unfit_text(one: Parameter, value: str) -> str:
    """Return why no value can be this text, whatever the type."""
    if len(value) > MAX_VALUE:
        return f"its value has {len(value)} characters; at most {MAX_VALUE} are allowed"
    if _UNUSABLE.search(value):
        return "its value has a NUL character or half of a surrogate pair, which no program can be given"
    if one.secret:
        return "" if ANY_REFERENCE.fullmatch(value) else "it is secret: its value is secretRef:<secret>/<key>"
    return REFERENCE_IS_SECRET.message if REFERENCE in value else ""


def _unfit_string(one: Parameter, value: str) -> str:
    if one.max_length is not None and len(value) > one.max_length:
        return f"its value has {len(value)} characters; at most {one.max_length} are allowed (maxLength)"
    if one.pattern:
        matches, trouble = _pattern(one.pattern)
        if trouble or not matches(value):
            return f"{quoted(value)} does not match its pattern {one.pattern}"
    return ""


def _outside(one: Parameter, value: str) -> str:
    if _ORDER[one.type](value) is None:
        return f"{quoted(value)} is not {_FORM[one.type]}"
    if one.minimum and _less(one.type, value, one.minimum):
        return f"{value} is less than its minimum {one.minimum}"
    if one.maximum and _less(one.type, one.maximum, value):
        return f"{value} is greater than its maximum {one.maximum}"
    return ""


def _shown(one: Parameter, value: str) -> str:
    return "the reference" if one.secret else quoted(value)


def _less(kind: ParameterType, one: str, other: str) -> bool:
    """Whether the first is the smaller value. A bound that cannot be read bounds nothing."""
    low, high = _ORDER[kind](one), _ORDER[kind](other)
    return low is not None and high is not None and low < high


_NAMED = 8
"""Values of an enum that a sentence names."""
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
ANY_REFERENCE = re.compile(REFERENCE + r"[a-z0-9][a-z0-9.-]{0,252}/[-._a-zA-Z0-9]{1,253}", re.ASCII)
"""A reference to a Secret, anywhere in a text."""
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_INT64 = range(-(2**63), 2**63)


def _order_of_integer(text: str) -> Decimal | None:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return Decimal(number) if number is not None and number in _INT64 else None


def _order_of_number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def _order_of_time(text: str) -> Decimal | None:
    try:
        at = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
        # Later than the years of datetime are instants whose zone carries them over the edge.
        return None if at is None else Decimal(at.timestamp())
    except (ValueError, OverflowError):
        return None


_ORDER: Mapping[ParameterType, Callable[[str], Decimal | None]] = {
    ParameterType.INTEGER: _order_of_integer,
    ParameterType.NUMBER: _order_of_number,
    ParameterType.TIME: _order_of_time,
}
"""Types with an order, and what a text counts there; None for a text that is no value of the type."""
_FORM = {
    ParameterType.INTEGER: "a whole number of 64 bits, such as 10 or -3",
    ParameterType.NUMBER: "a number as in JSON, such as 2.5 or 1e6",
    ParameterType.TIME: "a time of RFC 3339 with a zone, such as 2026-01-31T09:30:00Z",
}


_PATTERN_MEMORY = 1 << 20
"""Bytes that a pattern may take, compiled and while it matches. That also bounds the time of a match: some hundredths
of a second for the longest value."""


@lru_cache(maxsize=128)
def _pattern(pattern: str) -> tuple[Callable[[str], bool], str]:
    """Return a function that tells whether the pattern matches a whole text, or why there is none. RE2 needs time that
    is linear in the text and a bounded memory, whatever the pattern."""
    import re2  # noqa: PLC0415 - rarely needed, and slow to import

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as exc:
        why = exc.args[0] if exc.args else exc
        return _never, why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
    return lambda text: compiled.fullmatch(text) is not None, ""


def _never(_text: str) -> bool:
    return False
