"""The values of a run in the arguments of a command, which was split before. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.placeholders import Values
from dkron_crds.schedule.errors import quoted
from dkron_operator.executors.config import ConfigError

SHELLS = frozenset(
    {"ash", "bash", "csh", "dash", "fish", "hush", "ksh", "mksh", "runuser", "sh", "su", "tcsh", "yash", "zsh"}
)
"""Programs that give the argument of `-c` to a shell."""
_SCRIPT = re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command")
"""Their option whose argument is a script."""


def filled_words(words: Sequence[str], values: Values, *, program_first: bool) -> list[str]:
    """The words with their values, each of which stays one word. Raises `ConfigError` for a parameter that would be the
    program, or a part of a shell's script."""
    if not any(values.named(word) for word in words):
        return list(words)
    if program_first and values.named(words[0]):
        raise _refused(
            values, words[0], "it cannot be a part of the program that the command runs; it can stand in its arguments"
        )
    script = _script(words)
    if script and values.named(script):
        variable = values.declared[values.named(script)[0]].variable
        raise _refused(
            values, script, f'a shell reads this argument of the command; use "${variable}", with the quotes'
        )
    return [values.text(word) for word in words]


def script_problem(spec: JobSpec) -> str:
    """Where a container of the template gives a shell a script with `$(DKRON_PARAM_NAME)`, as a sentence that names the
    parameter; empty if nowhere. Kubernetes would replace it before the shell reads the script."""
    variables = {f"$({each.variable})": each for each in spec.parameters}
    pod = (spec.job_template.spec.get("template") or {}) if variables else {}
    pod = pod.get("spec") if isinstance(pod, dict) else {}
    for container in (pod.get("containers") if isinstance(pod, dict) else None) or ():
        script = _script(_texts(container, "command") + _texts(container, "args"))
        for reference, each in variables.items():
            if reference in script:
                return (
                    f"parameter {quoted(each.name)}: a shell in jobTemplate reads {reference} as a part of its script; "
                    f'use "${each.variable}" there, with the quotes'
                )
    return ""


def _texts(container: object, key: str) -> list[str]:
    words = container.get(key) if isinstance(container, dict) else None
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _script(words: Sequence[str]) -> str:
    """The script that a shell among the words is given, in whatever program it is wrapped; empty if there is none."""
    shell = next((at for at, word in enumerate(words) if PurePosixPath(word).name in SHELLS or word == "eval"), None)
    if shell is None:
        return ""
    if words[shell] == "eval":
        return " ".join(words[shell + 1 :])
    option = next((at for at, word in enumerate(words) if at > shell and _SCRIPT.fullmatch(word)), None)
    return "" if option is None else next((word for word in words[option + 1 :] if not word.startswith(("-", "+"))), "")


def _refused(values: Values, text: str, why: str) -> ConfigError:
    name = values.named(text)[0]
    return ConfigError(f"parameter {quoted(name)}: {why}", reason=ReadyReason.INVALID_PARAMETERS)
