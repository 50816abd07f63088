"""`{{ name }}` in a text, which stands for a parameter. Pure.

A text is read once from left to right. The contents of a value are never read again, and `{{ }}` around anything but
the name of a declared parameter stays as it is."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dkron_crds.parameters import Parameter, ParameterType, resolved
from dkron_crds.schedule.errors import quoted

LONGEST = 131072
"""Characters of a text with its values: Linux starts no program with a longer argument (execve(2), MAX_ARG_STRLEN)."""

_PLACEHOLDER = re.compile(r"\{\{ {0,8}([a-z][a-z0-9_]{0,62}) {0,8}\}\}")
_JSON_STRING = re.compile(r'("(?:[^"\\]|\\.)*+")', re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BARE = frozenset({ParameterType.INTEGER, ParameterType.NUMBER, ParameterType.BOOLEAN})
"""Types whose values are JSON values as they are."""


class UnfitValue(ValueError):
    """A value cannot be put where the job has it. `str()` is one sentence that names the parameter."""


@dataclass(frozen=True, slots=True)
class Values:
    """What `{{ name }}` stands for in one run. Secrets have no value here."""

    declared: Mapping[str, Parameter] = field(default_factory=dict)
    by_name: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def resolve(cls, declared: tuple[Parameter, ...], given: Mapping[str, str]) -> "Values":
        """Return the values of a run that gives these, with the defaults for others."""
        plain = {each.name: each for each in declared if not each.secret}
        return cls(plain, resolved(tuple(plain.values()), given))

    @classmethod
    def sample(cls, declared: tuple[Parameter, ...]) -> "Values":
        """Return legal values for all parameters, to check with them what surrounds them."""
        return cls.resolve(declared, {each.name: _sample(each) for each in declared})

    def text(self, template: str, encode: Callable[[str], str] = str) -> str:
        """Return the text with its values, each encoded."""
        return self._filled(template, lambda name: encode(self.by_name.get(name, "")))

    def json(self, template: str) -> str:
        """Return JSON with its values: escaped inside of strings, as JSON values outside."""
        pieces = _JSON_STRING.split(template)
        filled = (
            self._filled(piece, self._inside_string if number % 2 else self._json_value)
            for number, piece in enumerate(pieces)
        )
        return "".join(filled)

    def one_line(self, template: str) -> str:
        """Return the text with its values, none of which has a control character. Raises `UnfitValue`."""
        for name in self.named(template):
            if _CONTROL.search(self.by_name.get(name, "")):
                raise UnfitValue(f"parameter {quoted(name)}: a header cannot have its value, which has a line break or "
                                 "another control character")  # fmt: skip
        return self.text(template)

    def compact(self, template: str) -> str:
        """Return the text without spaces inside of placeholders, so that splitting at spaces leaves them whole."""
        if not self.declared:
            return template
        return _PLACEHOLDER.sub(
            lambda found: f"{{{{{found[1]}}}}}" if found[1] in self.declared else found[0], template
        )

    def first(self, template: str) -> int:
        """Return where the first of them begins; the length of the text if it has none."""
        found = (each.start() for each in _PLACEHOLDER.finditer(template) if each[1] in self.declared)
        return next(found, len(template))

    def named(self, template: str) -> list[str]:
        """Return the parameters that the text has, each once."""
        return [name for name in names_in(template) if name in self.declared]

    def require_room(self, template: str) -> None:
        """Raise `UnfitValue` if the text would become too long. A name may stand in it thousands of times."""
        size = len(template)
        for name, times in Counter(_PLACEHOLDER.findall(template)).items():
            size += times * len(self.by_name.get(name, "") if name in self.declared else "")
            if size > LONGEST:
                text = f"with its value, a key of executorConfig is longer than {LONGEST} characters"
                raise UnfitValue(f"parameter {quoted(name)}: {text}")

    def _filled(self, template: str, value: Callable[[str], str]) -> str:
        if not self.declared or "{{" not in template:
            return template
        return _PLACEHOLDER.sub(lambda found: value(found[1]) if found[1] in self.declared else found[0], template)

    def _inside_string(self, name: str) -> str:
        return json.dumps(self.by_name.get(name, ""), ensure_ascii=False)[1:-1]

    def _json_value(self, name: str) -> str:
        value = self.by_name.get(name)
        if value is None:
            return "null"
        return value if self.declared[name].type in _BARE else json.dumps(value, ensure_ascii=False)


NO_VALUES = Values()


def names_in(text: str) -> list[str]:
    """Return the names in all placeholders of a text, declared or not, each once."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text))) if "{{" in text else []


def _sample(one: Parameter) -> str:
    """Return a text that stands for a value while the rest of a setting is checked."""
    if one.default is not None:
        return one.default
    return one.values[0] if one.values else _SAMPLES.get(one.type, "x")


_SAMPLES = {
    ParameterType.INTEGER: "1",
    ParameterType.NUMBER: "1",
    ParameterType.BOOLEAN: "true",
    ParameterType.TIME: datetime(2026, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
}
