"""The API server's rules for a DkronJob beyond types and bounds: a schedule of the right form, and the settings
without which an executor, a processor or a tag means nothing.

The rules are coarse: whatever they refuse, the operator would report by the condition Ready. A write is judged by what
it changes: an object that broke a rule before may keep doing so (docs/adr/0043). Dkron accepts jobs without required
settings, so `spec.unchecked` lifts the rules, and the REST API sets it where one of them would refuse the job.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dkron_crds.rules import Rule
from dkron_crds.schedule import coarse

Spec = Mapping[str, Any]

REQUIRED_KEYS: Mapping[str, Mapping[str, str]] = {
    "shell": {"command": '"date"'},
    "docker": {"image": '"alpine:3"'},
    "http": {"method": "GET", "url": '"https://example.org/"'},
    "grpc": {"url": '"orders:50051/shop.v1.Orders/Close"'},
    "kafka": {"brokerAddress": '"kafka:9092"', "topic": "orders"},
    "nats": {"url": '"nats://nats:4222"', "subject": "orders"},
    "rabbitmq": {"url": '"amqp://rabbitmq:5672/"', "queue.name": "orders"},
    "gcppubsub": {"project": "shop", "topic": "orders"},
}
"""The keys of `executorConfig` without which an executor can do nothing, each with an example of its value."""

_SIZE = (
    "(VALUE < ':' || VALUE > '~') && (LAST < ':' || LAST > '~' || "
    "BEFORE < ':' && LAST in ['k', 'K', 'm', 'M', 'g', 'G', 't', 'T', 'b', 'B'] || "
    "BEFORE in ['k', 'K', 'm', 'M', 'g', 'G', 't', 'T'] && LAST in ['b', 'B'] || "
    "THIRD in ['t', 'T'] && BEFORE in ['e', 'E'] && LAST in ['s', 'S'])"
)
for _place, _name in enumerate(("LAST", "BEFORE", "THIRD"), start=1):
    _SIZE = _SIZE.replace(_name, f"VALUE.charAt(size(VALUE) - {_place})")
"""It begins without a letter and ends without one, or with the last letters of a unit."""
_TAG = r"^[^:]*(?::0*[1-9][0-9]{0,8})?$"


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about the spec, as CEL for the API server and as a function for our programs.

    `cel` returns the expression for a variable that holds a spec. `mistake` takes a spec as the API server stores it,
    and returns one of `messages`; an empty text if the spec holds the rule.
    """

    cel: Callable[[str], str]
    mistake: Callable[[Spec], str]
    messages: tuple[str, ...]
    field: str
    required: bool = True
    unchanged: str = ""
    """CEL that tells by self and old that a write leaves the mistake as it is; empty if any mistake of that kind may
    stay."""
    message_cel: str = ""
    """CEL that returns the one of several messages that is about this object; empty if there is only one."""

    def holds(self, spec: Spec) -> bool:
        """Whether a spec holds the rule."""
        return not self.mistake(spec)

    @property
    def rule(self) -> Rule:
        """The rule for the definition: it holds, is lifted, or was broken before this write.

        Every write of a status evaluates it, and the API server copies the schema of all fields of `spec` for each
        field of `self` that it reads. So the order is by what a job that holds the rule costs.
        """
        exempt = self.unchanged or f"!{self.cel('old')}"
        return Rule(
            cel=f"{self.cel('self')} || self.unchecked || "
            f"oldSelf.optMap(old, !old.unchecked && {exempt}).orValue(false)",
            message="; ".join(self.messages),
            message_cel=self.message_cel,
            field=f".{self.field}",
            reason="FieldValueRequired" if self.required else "FieldValueInvalid",
            old_is_optional=True,
        )


def _check(
    cel: Callable[[str], str], holds: Callable[[Spec], bool], message: str, field: str, *, required: bool = True
) -> Check:
    """Return a check with one message."""
    return Check(cel, lambda spec: "" if holds(spec) else message, (message,), field, required)


def _required_keys() -> Check:
    """Return one check for all executors: each further rule that reads `self.executor` would cost every status write a
    copy of the schema."""
    pairs = ", ".join(f"['{executor}', '{key}']" for executor, keys in REQUIRED_KEYS.items() for key in keys)
    messages = {executor: _needs(executor, keys) for executor, keys in REQUIRED_KEYS.items()}
    told = ", ".join(f"'{executor}': '{message}'" for executor, message in messages.items())

    def expression(job: str) -> str:
        return (
            f"[{job}.executor].all(name, !(name in [{', '.join(map(repr, REQUIRED_KEYS))}]) || "
            f"has({job}.executorConfig) && [{job}.executorConfig].all(config, [{pairs}].all(pair, "
            "pair[0] != name || pair[1] in config && size(config[pair[1]]) > 0)))"
        )

    def mistake(spec: Spec) -> str:
        executor, config = _executor(spec), _config(spec)
        return "" if all(config.get(key) for key in REQUIRED_KEYS.get(executor, ())) else messages[executor]

    return Check(
        cel=expression,
        mistake=mistake,
        messages=tuple(messages.values()),
        message_cel=f"{{{told}}}[self.executor]",
        field="executorConfig",
        unchanged=f"self.executor == old.executor && !{expression('old')}",
    )


def _needs(executor: str, keys: Mapping[str, str]) -> str:
    example = ", ".join(f"{key}: {text}" for key, text in keys.items())
    return f"the executor {executor} needs {' and '.join(keys)}, for example {{{example}}}"


def _has_form(field: str, pattern: str, message: str) -> Check:
    return Check(
        cel=lambda job: f"{job}.{field}.matches(r'^$|{pattern}')",
        mistake=lambda spec: message if spec.get(field) and not coarse.matches(pattern, spec[field]) else "",
        messages=(message,),
        field=field,
        required=False,
        unchanged=f"self.{field} == old.{field}",
    )


def _shell_value(key: str, cel: str, holds: Callable[[str], bool], form: str) -> Check:
    """Return the check of a value as far as its first or last characters tell. `cel` has VALUE for the value.

    The API server takes a value of the config for endless when it estimates what a pattern costs.
    """

    def expression(job: str) -> str:
        value = f"config['{key}']"
        has_form = f"!('{key}' in config) || {value} == '' || {cel.replace('VALUE', value)}"
        missing = f"!has({job}.executorConfig)"
        return f"({job}.executor != 'shell' || {missing} || [{job}.executorConfig].all(config, {has_form}))"

    return _check(
        cel=expression,
        holds=lambda spec: _executor(spec) != "shell" or not _config(spec).get(key) or holds(_config(spec)[key]),
        message=f"{key} of the executor shell must be {form}",
        field="executorConfig",
        required=False,
    )


def _ends_with_a_unit(text: str) -> bool:
    return text.endswith(("s", "m", "h")) or text in ("0", "+0", "-0")


def _is_a_size(text: str) -> bool:
    last, before, third = text[-1], text[-2:-1], text[-3:-2]
    if not (text < ":" or text > "~"):
        return False
    if last < ":" or last > "~":
        return True
    return (
        (before < ":" and last in "kKmMgGtTbB")
        or (before in "kKmMgGtT" and last in "bB")
        or (third in "tT" and before in "eE" and last in "sS")
    )


def _template_has_a_spec(spec: Spec) -> bool:
    return _executor(spec) != "kubernetes" or "spec" in (spec.get("jobTemplate") or {})


def _tags_have_counts(spec: Spec) -> bool:
    return all(coarse.matches(_TAG, text) for text in (spec.get("tags") or {}).values())


def _mail_has_addresses(spec: Spec) -> bool:
    processors = spec.get("processors") or {}
    return "email" not in processors or bool(processors["email"].get("emails"))


def _executor(spec: Spec) -> str:
    return str(spec.get("executor", "shell"))


def _config(spec: Spec) -> Mapping[str, str]:
    return spec.get("executorConfig") or {}


CHECKS: tuple[Check, ...] = (
    _has_form(
        "schedule",
        coarse.SCHEDULE,
        'a schedule has six fields, seconds first, such as "0 30 2 * * *" (put "0 " before a crontab line), or is '
        "@yearly, @monthly, @weekly, @daily, @hourly, @minutely, @manually, @every 1h30m, @at 2026-01-01T00:00:00Z or "
        "@after 2026-01-01T00:00:00Z <PT2H",
    ),
    _has_form(
        "timezone",
        coarse.TIMEZONE,
        "a time zone is a name of the IANA tz database as it is written there, such as Europe/Madrid or UTC",
    ),
    _required_keys(),
    _check(
        cel=lambda job: f"({job}.executor != 'kubernetes' || has({job}.jobTemplate) && has({job}.jobTemplate.spec))",
        holds=_template_has_a_spec,
        message="the executor kubernetes needs jobTemplate.spec.template.spec.containers",
        field="jobTemplate",
    ),
    _shell_value(
        "timeout",
        "['s', 'm', 'h'].exists(unit, VALUE.endsWith(unit)) || VALUE in ['0', '+0', '-0']",
        _ends_with_a_unit,
        "a Go duration such as 30s, 5m or 1h30m",
    ),
    _shell_value(
        "mem_limit",
        _SIZE,
        _is_a_size,
        "bytes (67108864) or a number with a unit (64MB, 1.5GB)",
    ),
    _check(
        cel=lambda job: f"(!has({job}.tags) || {job}.tags.all(key, {job}.tags[key].matches(r'{_TAG}')))",
        holds=_tags_have_counts,
        message='a tag is "value" or "value:count" with a number from 1 on, for example "eu:2"',
        field="tags",
        required=False,
    ),
    _check(
        cel=lambda job: (
            f"(!has({job}.processors) || !('email' in {job}.processors) || "
            f"'emails' in {job}.processors['email'] && size({job}.processors['email']['emails']) > 0)"
        ),
        holds=_mail_has_addresses,
        message='the processor email needs emails, for example {emails: "ops@example.com"}',
        field="processors",
    ),
)
"""Every rule that `spec.unchecked` lifts."""

RULES: tuple[Rule, ...] = tuple(check.rule for check in CHECKS)


def refused(spec: Spec) -> Check | None:
    """Return the first check that the spec, as it is sent to the API server, does not hold; None if it holds all."""
    return next((check for check in CHECKS if not check.holds(spec)), None)
