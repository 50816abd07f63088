"""The values of a run in the arguments of a command, which was split before. Pure."""

from collections.abc import Sequence
from typing import Any

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.parameters import Parameter, ParameterType
from dkron_crds.placeholders import Values
from dkron_crds.schedule.errors import quoted
from dkron_pods.config import ConfigError
from dkron_pods.interpreters import MOST_WORDS, READ_BY_A_SHELL, Code, code_in

_PROGRAM = "a parameter cannot be part of the program name; use it in the arguments"
_TOO_MANY = f"a command with a parameter has at most {MOST_WORDS} words"


def filled_words(words: Sequence[str], values: Values, *, program_first: bool) -> list[str]:
    """The words with their values, each of which stays one word. Raises `ConfigError` for a parameter that would be a
    program, or a part of code that a program runs."""
    if not any(values.named(word) for word in words):
        return list(words)
    if len(words) > MOST_WORDS:
        raise _refused(next(name for word in words for name in values.named(word)), _TOO_MANY)
    if program_first and values.named(words[0]):
        raise _refused(values.named(words[0])[0], _PROGRAM)
    for code in code_in(words):
        for name in values.named(code.text):
            one = values.declared[name]
            begins = values.first(code.text) == 0 and values.named(code.text)[0] == name
            if _is_code(code, one, begins=begins):
                raise _refused(name, _why(code, one))
    return [values.text(word) for word in words]


def script_problem(spec: JobSpec) -> str:
    """Where a container of the template has code with `$(DKRON_PARAM_NAME)`, as a sentence that names the parameter;
    empty if nowhere. Kubernetes would replace it before the program reads the code."""
    pod = (spec.job_template.spec.get("template") or {}) if spec.parameters else {}
    pod = pod.get("spec") if isinstance(pod, dict) else {}
    for container in (*_maps(pod, "initContainers"), *_maps(pod, "containers")):
        words = _texts(container, "command") + _texts(container, "args")
        found = list(code_in(words[:MOST_WORDS]))
        for one in spec.parameters if found else ():
            for reference in _references(container, f"$({one.variable})"):
                for code in found:
                    if reference in code.text and _is_code(code, one, begins=code.text.startswith(reference)):
                        return f"parameter {quoted(one.name)}: {reference} in jobTemplate: {_why(code, one)}"
    return ""


def _is_code(code: Code, one: Parameter, *, begins: bool) -> bool:
    """Whether a parameter in this word is code. `begins` is whether its value begins the word: one of another type, or
    with a pattern, begins with - only if the author of the job allows it."""
    return not code.begins or (begins and one.type is ParameterType.STRING and not one.pattern)


def _why(code: Code, one: Parameter) -> str:
    if not code.program:
        return _PROGRAM
    if code.begins:
        return (
            f"{code.program} would take a value that begins with - as an option, which may run a program; put -- "
            "before it, or give the parameter a pattern"
        )
    if code.program in READ_BY_A_SHELL:
        return f'a shell reads this argument of the command as code; use "${one.variable}", with the quotes'
    return f"{code.program} runs this argument of the command as code; read the variable {one.variable} in the code"


def _references(container: dict[str, Any], own: str) -> list[str]:
    """Return the references by which the value gets into a container: its own, and references of variables made from
    it."""
    found = [own]
    for variable in _maps(container, "env"):
        text = variable.get("value")
        if isinstance(text, str) and any(reference in text for reference in found):
            found.append(f"$({variable.get('name')})")
    return found


def _maps(owner: object, key: str) -> list[dict[str, Any]]:
    items = owner.get(key) if isinstance(owner, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _texts(container: dict[str, Any], key: str) -> list[str]:
    words = container.get(key)
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _refused(name: str, why: str) -> ConfigError:
    return ConfigError(f"parameter {quoted(name)}: {why}", reason=ReadyReason.INVALID_PARAMETERS)
