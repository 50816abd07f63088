"""The values of a run in the words of a command. Pure.

No table knows all programs that read an argument as code or as an option. So a value is a whole word of a command, and
the job limits what it may be: by a type or a pattern.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.parameters import Parameter, ParameterType
from dkron_crds.placeholders import Values
from dkron_crds.schedule.errors import quoted
from dkron_pods.config import ConfigError

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
"""A reference to a variable as the kubelet reads it; `$$` is a dollar."""


def filled_words(words: Sequence[str], values: Values, *, program_first: bool) -> list[str]:
    """Return the words with their values, each of which stays one word. Raises `ConfigError` for a parameter that is a
    part of a word or can be any text, and for one in the name of the program."""
    for number, word in enumerate(words):
        for name in values.named(word):
            why = _misuse(values.declared[name], is_whole=word == f"{{{{{name}}}}}")
            if program_first and number == 0:
                why = "a parameter cannot be part of the program name; use it in the arguments"
            if why:
                raise ConfigError(f"parameter {quoted(name)}: {why}", reason=ReadyReason.INVALID_PARAMETERS)
    return [values.text(word) for word in words]


def template_problem(spec: JobSpec) -> str:
    """Return where a container of the template has `$(DKRON_PARAM_NAME)` in a command that cannot have the value, as a
    sentence that names the parameter; empty if nowhere. Kubernetes replaces it before the program begins."""
    pod = (spec.job_template.spec.get("template") or {}) if spec.parameters else {}
    for container in _maps(pod.get("spec") if isinstance(pod, dict) else {}, "containers"):
        sources = _sources(container, spec.parameters)
        for word in _words(container):
            for variable in _REFERENCE.findall(word):
                reference = f"$({variable})"
                for one in sources.get(variable, ()):
                    if why := _misuse(one, is_whole=word == reference):
                        return f"parameter {quoted(one.name)}: {reference} in jobTemplate: {why}"
    return ""


def _misuse(one: Parameter, *, is_whole: bool) -> str:
    """Return why a parameter cannot stand in a word of a command; empty if it can."""
    if one.type is ParameterType.STRING and not one.pattern:
        return (
            "its value can be any text, which a program may read as an option or as code; in a shell, use "
            f'"${one.variable}", or give the parameter another type or a pattern'
        )
    if not is_whole:
        return f'it has to be a whole word of the command; in a shell, use "${one.variable}", with the quotes'
    return ""


def _sources(container: dict[str, Any], declared: Sequence[Parameter]) -> dict[str, tuple[Parameter, ...]]:
    """Return the variables of a container whose values are made from parameters, and from which ones."""
    sources: dict[str, tuple[Parameter, ...]] = {one.variable: (one,) for one in declared}
    for variable in _maps(container, "env"):
        text = variable.get("value")
        names = _REFERENCE.findall(text) if isinstance(text, str) else ()
        if found := {one.name: one for name in names for one in sources.get(name, ())}:
            sources[str(variable.get("name"))] = tuple(found.values())
    return sources


def _words(container: dict[str, Any]) -> Iterator[str]:
    """Yield the words in which Kubernetes replaces references to variables."""
    probes = (probe for key in _PROBES if isinstance(probe := container.get(key), dict))
    calls = (call for probe in probes if isinstance(call := probe.get("exec"), dict))
    for words in (container.get("command"), container.get("args"), *(call.get("command") for call in calls)):
        yield from (word for word in words if isinstance(word, str)) if isinstance(words, list) else ()


def _maps(owner: object, key: str) -> list[dict[str, Any]]:
    items = owner.get(key) if isinstance(owner, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
