"""Payloads: templates of what a notification sends, in a subset of Jinja with values, conditions and filters, and the
values that an execution gives them.

The administrator of the installation writes a template, but the values come from jobs. So a value is never treated as a
template, and is escaped as JSON unless the format is text. Rendering cannot take long: the subset has no loops, calls
or assignments, so the work is proportional to the template, and the output is bounded.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dkron_crds.job import Attempt, AttemptState, Trigger
from dkron_crds.notifications import PayloadFormat, When
from dkron_processors.message import Ended
from dkron_processors.record import fields, report

LONGEST = 512 * 1024
"""The maximum number of characters of a payload."""
DEEPEST = 8
"""How deeply conditions and filters may be nested."""


class PayloadError(ValueError):
    """A template, or its output, is unusable. `str()` says why."""


class Json(str):
    """A text that is JSON already; only `tojson` returns it."""

    __slots__ = ()


_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.If,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Filter, nodes.Test,
)  # fmt: skip
_WORDS = {
    nodes.For: "for", nodes.Call: "a call", nodes.Assign: "set", nodes.AssignBlock: "set", nodes.Macro: "macro",
    nodes.Import: "import", nodes.FromImport: "import", nodes.Include: "include", nodes.Extends: "extends",
    nodes.Block: "block", nodes.With: "with", nodes.CallBlock: "call", nodes.FilterBlock: "a filter block",
}  # fmt: skip


def _as_json(value: object) -> str:
    return json.dumps(value, default=str)


_FILTERS: dict[str, Callable[..., object]] = {
    "tojson": lambda value: Json(_as_json(value)),
    "tail": lambda value, characters: str(value)[-characters:] if characters > 0 else "",
    "head": lambda value, characters: str(value)[: max(characters, 0)],
    "default": lambda value, other="": value or other,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "trim": lambda value: str(value).strip(),
    "length": lambda value: len(str(value)),
}
_TESTS = ("defined", "undefined", "none")


def _escaped(value: object) -> str:
    """A value inside a JSON text: strings as they stand between quotes, other values as JSON."""
    if isinstance(value, Json):
        return value
    if value is None or isinstance(value, bool | int | float):
        return _as_json(value)
    return _as_json(str(value))[1:-1]


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return str(value)


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which values have keys, and no attributes."""

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - as jinja declares it
        """The value of a key."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401 - as jinja declares it
        """The value of a key; undefined if there is none."""
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        return self.undefined(obj=obj, name=str(argument))


def _environment(form: PayloadFormat) -> _Environment:
    escape = _escaped if form is PayloadFormat.JSON else _plain
    environment = _Environment(autoescape=False, finalize=escape, keep_trailing_newline=False, cache_size=0)
    environment.globals = {}
    environment.filters = dict(_FILTERS)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENTS = {form: _environment(form) for form in PayloadFormat}


@dataclass(frozen=True, slots=True)
class Payload:
    """A template that has been checked."""

    template: Template

    def render(self, values: Mapping[str, object]) -> str:
        """The rendered payload. Raises `PayloadError`."""
        pieces, length = [], 0
        try:
            for piece in self.template.generate(**values):
                length += len(piece)
                if length > LONGEST:
                    raise PayloadError(f"the payload has more than {LONGEST} characters")
                pieces.append(piece)
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as exc:
            raise exc if isinstance(exc, PayloadError) else PayloadError(f"payload: {exc}") from exc
        return "".join(pieces)


def compile_payload(source: str, form: PayloadFormat, *, names: frozenset[str]) -> Payload:
    """Compile the template, which may use values of these names. Raises `PayloadError`."""
    environment = _ENVIRONMENTS[form]
    try:
        tree = environment.parse(source)
        _require(tree, names=names, depth=0)
        template = environment.from_string(tree)
    except TemplateError as exc:
        line = f"line {exc.lineno}: " if isinstance(exc, TemplateSyntaxError) else ""
        raise PayloadError(f"payload: {line}{exc.message}") from exc
    except RecursionError as exc:
        raise PayloadError("payload: nested too deeply") from exc
    return Payload(template)


def _require(node: nodes.Node, *, names: frozenset[str], depth: int) -> None:
    """Raise `PayloadError` unless the node, and everything in it, is allowed."""
    where = f"payload: line {node.lineno}: "
    if not isinstance(node, _ALLOWED):
        what = _WORDS.get(type(node), type(node).__name__.lower())
        raise PayloadError(f"{where}{what} is not allowed; use values, if and filters")
    if depth > DEEPEST * 4:
        raise PayloadError(f"{where}nested too deeply")
    for kind, noun, known in (
        (nodes.Name, "value", names),
        (nodes.Filter, "filter", _FILTERS),
        (nodes.Test, "test", _TESTS),
    ):
        if isinstance(node, kind) and node.name not in known:
            offered = ", ".join(sorted(known))
            raise PayloadError(f'{where}there is no {noun} "{node.name}"; use one of {offered}')
    for child in node.iter_child_nodes():
        _require(child, names=names, depth=depth + 1)


_NASTY = '"quotes", back\\slash, {{ braces }},\n\ttab \x00 \u2028 </script> é 日本'
_DAY = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLED = (When.SUCCESS, When.FAILURE, When.START)


def values(ended: Ended, event: When) -> dict[str, object]:
    """All values by name."""
    known = fields(ended)
    output = known.pop("message")
    return {
        **known,
        "event": str(event),
        "output": output,
        "display_name": ended.display_name or ended.job,
        "owner": ended.owner,
        "owner_email": ended.owner_email,
        "metadata": _Metadata(ended.metadata or {}),
        "node_name": known["host"],
        "report": report(ended) if event is not When.START else f"{ended.display_name or ended.job} has begun",
    }


class _Metadata(dict[str, str]):
    """The job's metadata; a missing key is empty."""

    def __missing__(self, key: str) -> str:
        return ""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)


def samples() -> tuple[Mapping[str, object], ...]:
    """Sample values that every payload has to handle."""
    return tuple(values(_sample(success=event is not When.FAILURE), event) for event in SAMPLED)


def _sample(*, success: bool) -> Ended:
    execution = Attempt(
        id="1767225600000000000-sample", job="sample",
        state=AttemptState.SUCCEEDED if success else AttemptState.FAILED, slot=_DAY, trigger=Trigger.SCHEDULE, group=1,
        attempt=1, started_at=_DAY, finished_at=_DAY, exit_code=None if success else 1,
        reason="" if success else "Error", message=_NASTY[:20], node_name="node",
    )  # fmt: skip
    return Ended(
        namespace="default", job="sample", execution=execution, display_name=_NASTY, owner=_NASTY,
        owner_email="owner@example.com", metadata={}, output=_NASTY,
    )  # fmt: skip


NAMES = frozenset(samples()[0])
