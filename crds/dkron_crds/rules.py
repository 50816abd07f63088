"""Validation beyond types and bounds: CEL rules for the API server, each with a readable message.

A rule belongs here if a person can fix the problem by looking only at the object; rules about schedules and executors
are in admission.py. The operator checks everything that needs a parser, a zone table or other objects, and reports it
as a condition, so that it stays visible in `kubectl get`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dkron_crds.bounds import FREE_FORM_BYTES
from dkron_crds.names import OBJECT_NAME_LENGTH

PATH_LENGTH = 1024
LABEL_LENGTH = 63


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL expression over the object it is attached to.

    `field` is the path, relative to that object, that the API server names in its error. With `old_is_optional`, a
    rule that names oldSelf counts for creations, too, and oldSelf is an optional value. `message_cel` returns the
    message for this object; the API server falls back to `message`.

    `holds` is the same rule as a function, of a model or a value as the models read it. It is None for a rule about
    oldSelf, and for a rule that the models or the operator's check of a job have, too.
    """

    cel: str
    message: str
    field: str = ""
    reason: Literal["FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden"] = "FieldValueInvalid"
    old_is_optional: bool = False
    message_cel: str = ""
    holds: Callable[[Any], bool] | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return an entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message, "reason": self.reason}
        path = {"fieldPath": self.field} if self.field else {}
        told = {"messageExpression": self.message_cel} if self.message_cel else {}
        return {**entry, **told, **path, **({"optionalOldSelf": True} if self.old_is_optional else {})}


ATTACHED: dict[str, Rule] = {}
"""The rules of all models that are imported, by their CEL."""


def validations(*rules: Rule) -> dict[str, Any]:
    """Return pydantic's `json_schema_extra` that attaches the rules to a model or field."""
    ATTACHED.update({rule.cel: rule for rule in rules})
    return {"x-kubernetes-validations": [rule.to_wire() for rule in rules]}


def keys_at_most(length: int) -> dict[str, Any]:
    """Limit the length of a map's keys, which OpenAPI v3 cannot express."""
    return validations(
        Rule(
            cel=f"self.all(key, size(key) <= {length})",
            message=f"a key must have at most {length} characters",
            holds=lambda entries: all(len(key) <= length for key in entries),
        )
    )


def _year_is_in(first: int, last: int) -> Rule:
    return Rule(
        cel=f"self.getFullYear() >= {first} && self.getFullYear() <= {last}",
        message=f"the time must be in the years {first} to {last} (UTC)",
        holds=lambda instant: first <= instant.year <= last,
    )


_DKRON_NAME = "(has({0}.spec.name) ? {0}.spec.name : {0}.metadata.name)"

OBJECT_NAME_FITS = Rule(
    cel=f"size(self.metadata.name) <= {OBJECT_NAME_LENGTH} && !self.metadata.name.contains('.')",
    message=f"metadata.name must have at most {OBJECT_NAME_LENGTH} characters and no dot, because its Jobs "
    "are named after it; a longer name for the Dkron API goes into spec.name",
    holds=lambda job: len(job.metadata.name) <= OBJECT_NAME_LENGTH and "." not in job.metadata.name,
)
NAME_IS_IMMUTABLE = Rule(
    cel=f"{_DKRON_NAME.format('self')} == {_DKRON_NAME.format('oldSelf')}",
    message="spec.name is immutable; create a new job and delete this one",
    field=".spec.name",
    reason="FieldValueForbidden",
)
NOT_ITS_OWN_PARENT = Rule(
    cel=f"self.spec.parentJob == '' || self.spec.parentJob != {_DKRON_NAME.format('self')}",
    message="spec.parentJob must be another job; a job cannot run after itself",
    field=".spec.parentJob",
    holds=lambda job: not job.spec.parent_job or job.spec.parent_job != job.dkron_name,
)
NOT_AFTER_ITSELF = Rule(
    cel=f"!self.spec.dependsOn.exists(each, each.job == {_DKRON_NAME.format('self')})",
    message="spec.dependsOn must name other jobs; a job cannot run after itself",
    field=".spec.dependsOn",
    holds=lambda job: all(each.job != job.dkron_name for each in job.spec.depends_on),
)
SCHEDULE_OR_PARENT = Rule(
    cel="size(self.schedule) > 0 || size(self.parentJob) > 0 || size(self.dependsOn) > 0",
    message="spec.schedule is required unless spec.parentJob or spec.dependsOn is set",
    field=".schedule",
    reason="FieldValueRequired",
    holds=lambda spec: bool(spec.schedule or spec.parent_job or spec.depends_on),
)
PARENT_OR_DEPENDS_ON = Rule(
    cel="size(self.parentJob) == 0 || size(self.dependsOn) == 0",
    message="spec.parentJob is short for one entry of spec.dependsOn; set one of the two",
    field=".dependsOn",
    holds=lambda spec: not spec.parent_job or not spec.depends_on,
)
STARTS_BEFORE_IT_EXPIRES = Rule(
    cel="!has(self.startsAt) || !has(self.expiresAt) || self.startsAt < self.expiresAt",
    message="spec.expiresAt must be later than spec.startsAt",
    field=".expiresAt",
    holds=lambda spec: not spec.starts_at or not spec.expires_at or spec.starts_at < spec.expires_at,
)


def _characters(field: str) -> str:
    """Return CEL for the characters of a map of strings."""
    return f"(has(self.{field}) ? self.{field}.map(key, size(key) + size(self.{field}[key])).sum() : 0)"


FREE_FORM_FITS = Rule(
    # In characters, and without jobTemplate, which CEL cannot measure: the operator counts all in bytes.
    cel=f"{_characters('executorConfig')} + {_characters('metadata')} + (has(self.processors) ? self.processors.map("
    "name, self.processors[name].map(key, size(key) + size(self.processors[name][key])).sum()).sum() : 0) "
    f"<= {FREE_FORM_BYTES}",
    message=f"spec.executorConfig, spec.metadata and spec.processors have at most {FREE_FORM_BYTES} characters in sum; "
    "put scripts into a ConfigMap",
)
COMMON_YEAR = _year_is_in(1970, 9999)
NANOSECOND_YEAR = _year_is_in(1970, 2261)
BACKOFF_GROWS = Rule(
    cel="duration(self.initial) <= duration(self.max)",
    message="retryBackoff.max must not be shorter than retryBackoff.initial",
    field=".max",
    holds=lambda backoff: backoff.initial_seconds <= backoff.max_seconds,
)
LONG_ENOUGH_TO_WAIT = Rule(
    # More hours than a duration has: to read them is an error of CEL, which `&& false` turns into our message.
    cel="duration(self) >= duration('1s') && !self.matches('(^|[a-z])([3-9][0-9]{6}|[1-9][0-9]{7,})([.][0-9]+)?h')",
    message="a run may wait from 1s to 292 years, for example 1h",
)
ONE_CLUSTER = Rule(
    cel="self.metadata.name == 'dkron'",
    message="metadata.name must be 'dkron'; there is one DkronCluster per installation",
    holds=lambda cluster: cluster.metadata.name == "dkron",
)
PATHS_ARE_ABSOLUTE = Rule(
    cel=f"self.all(path, path.startsWith('/') && size(path) <= {PATH_LENGTH})",
    message=f"a key must begin with '/' and have at most {PATH_LENGTH} characters, for example /v1/jobs/*",
    holds=lambda paths: all(path.startswith("/") and len(path) <= PATH_LENGTH for path in paths),
)
HEADER_HAS_ONE_VALUE = Rule(
    cel="(has(self.value) && size(self.value) > 0) != has(self.valueFrom)",
    message="a header has either a value or valueFrom",
    holds=lambda header: bool(header.value) != bool(header.value_from),
)
ONE_URL = Rule(
    cel="(has(self.url) && size(self.url) > 0) != has(self.urlFrom)",
    message="either url or urlFrom is required",
    holds=lambda receiver: bool(receiver.url) != bool(receiver.url_from),
)
WEBHOOK_HAS_ONE_URL = Rule(
    cel="(has(self.type) && self.type != 'webhook') || ((has(self.url) && size(self.url) > 0) != has(self.urlFrom))",
    message="a webhook has either url or urlFrom",
    holds=lambda each: each.type != "webhook" or bool(each.url) != bool(each.url_from),
)
MAIL_HAS_NO_ADDRESS = Rule(
    cel="!(has(self.type) && self.type == 'mail') || (!(has(self.url) && size(self.url) > 0) && !has(self.urlFrom) && "
    "!(has(self.when) && self.when.exists(event, event == 'start')))",
    message="a mail goes to the ownerEmail of the job: it has no url and no urlFrom, and none is sent at the start",
    holds=lambda each: each.type != "mail" or not (each.url or each.url_from or "start" in each.when),
)
RUN_IS_IMMUTABLE = Rule(
    cel="self == oldSelf",
    message="spec of a DkronRun is immutable; create another one",
    reason="FieldValueForbidden",
)
BACKFILL_IS_IMMUTABLE = Rule(
    cel="self.from == oldSelf.from && self.to == oldSelf.to && self.runs == oldSelf.runs && "
    "self.order == oldSelf.order && self.maxRuns == oldSelf.maxRuns && self.onFailure == oldSelf.onFailure && "
    "self.concurrency == oldSelf.concurrency && self.dryRun == oldSelf.dryRun && "
    "has(self.parameters) == has(oldSelf.parameters) && "
    "(!has(self.parameters) || self.parameters == oldSelf.parameters) && has(self.job) == has(oldSelf.job) && "
    "(!has(self.job) || self.job == oldSelf.job) && has(self.selector) == has(oldSelf.selector) && "
    "(!has(self.selector) || self.selector == oldSelf.selector)",
    message="only suspend, parallelism, reason and ttlSecondsAfterFinished of a DkronBackfill may change",
    reason="FieldValueForbidden",
)
BACKFILL_NAME_FITS = Rule(
    cel=f"size(self.metadata.name) <= {LABEL_LENGTH}",
    message=f"metadata.name must have at most {LABEL_LENGTH} characters, because it is a label of the runs",
    holds=lambda backfill: len(backfill.metadata.name) <= LABEL_LENGTH,
)
JOB_OR_SELECTOR = Rule(
    cel="has(self.job) != has(self.selector)",
    message="either spec.job or spec.selector is required",
    holds=lambda spec: (spec.job is None) != (spec.selector is None),
)
FROM_BEFORE_TO = Rule(
    cel="self.from < self.to",
    message="spec.to must be later than spec.from",
    field=".to",
    holds=lambda spec: spec.from_ < spec.to,
)
JOBS_OR_SELECTOR = Rule(
    cel="!has(self.jobs) || size(self.jobs) == 0 || !has(self.selector) || size(self.selector) == 0",
    message="set either spec.jobs or spec.selector",
    holds=lambda spec: not spec.jobs or not spec.selector,
)
_IS_HIDDEN = "(has(self.secret) && self.secret)"
_REFERENCE = "^secretRef:[a-z0-9][a-z0-9.-]*/[-._a-zA-Z0-9]+$"


def _type_is(name: str) -> str:
    """Return CEL for a parameter of this type, which is not the default."""
    return f"(has(self.type) && self.type == '{name}')"


def _is_empty(field: str) -> str:
    return f"(!has(self.{field}) || size(self.{field}) == 0)"


ENUM_HAS_VALUES = Rule(
    cel=f"{_type_is('enum')} != {_is_empty('values')}",
    message="an enum needs values, and only an enum has them",
    field=".values",
)
DEFAULT_IS_AMONG_THE_VALUES = Rule(
    cel=f"!{_type_is('enum')} || !has(self.default) || !has(self.values) || self.default in self.values",
    message="the default of an enum must be one of its values",
    field=".default",
)
DEFAULT_IS_SHORT_ENOUGH = Rule(
    cel="!has(self.maxLength) || !has(self.default) || size(self.default) <= self.maxLength",
    message="the default must not be longer than maxLength",
    field=".default",
)
INTEGER_DEFAULT = Rule(
    cel=f"!{_type_is('integer')} || !has(self.default) || self.default.matches('^-?(0|[1-9][0-9]{{0,18}})$')",
    message="the default of an integer must be a whole number",
    field=".default",
)
NUMBER_DEFAULT = Rule(
    cel=f"!{_type_is('number')} || !has(self.default) || "
    "self.default.matches('^-?(0|[1-9][0-9]{0,99})([.][0-9]{1,100})?([eE][+-]?[0-9]{1,3})?$')",
    message="the default of a number must be a number as in JSON",
    field=".default",
)
BOOLEAN_DEFAULT = Rule(
    cel=f"!{_type_is('boolean')} || !has(self.default) || self.default == 'true' || self.default == 'false'",
    message='the default of a boolean must be "true" or "false"',
    field=".default",
)
BOUNDS_FIT_THE_TYPE = Rule(
    cel=f"({_is_empty('minimum')} && {_is_empty('maximum')}) || "
    "(has(self.type) && self.type in ['integer', 'number', 'time'])",
    message="minimum and maximum are for the types integer, number and time",
    field=".type",
)
PATTERN_FITS_THE_TYPE = Rule(
    cel=f"({_is_empty('pattern')} && !has(self.maxLength)) || "
    f"((!has(self.type) || self.type == 'string') && !{_IS_HIDDEN})",
    message="pattern and maxLength are for the type string, and not for a secret",
    field=".type",
)
SECRET_FITS_THE_TYPE = Rule(
    cel=f"!{_IS_HIDDEN} || !has(self.type) || self.type in ['string', 'enum']",
    message="a secret has the type string or enum",
    field=".type",
)
SECRET_IS_REFERENCE = Rule(
    cel=f"!{_IS_HIDDEN} || ((!has(self.default) || self.default.matches('{_REFERENCE}')) && "
    f"(!has(self.values) || self.values.all(value, value.matches('{_REFERENCE}'))))",
    message="default and values of a secret are references, secretRef:<secret>/<key>",
    field=".secret",
)
REFERENCE_IS_SECRET = Rule(
    cel=f"{_IS_HIDDEN} || ((!has(self.default) || !self.default.contains('secretRef:')) && "
    "(!has(self.values) || self.values.all(value, !value.contains('secretRef:'))))",
    message="a value with secretRef: in it needs secret: true",
    field=".secret",
)
