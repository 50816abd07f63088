"""The values of a run in the arguments of a command, which was split before. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from dkron_crds.job import ReadyReason
from dkron_crds.placeholders import LONGEST, UnfitValue, Values
from dkron_crds.schedule.errors import quoted
from dkron_operator.executors.config import ConfigError

SHELLS = frozenset({"ash", "bash", "csh", "dash", "fish", "hush", "ksh", "mksh", "sh", "tcsh", "yash", "zsh"})
_SCRIPT = re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command")
"""The option of a shell whose argument is a script."""


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
    try:
        done = [values.text(word) for word in words]
    except UnfitValue as exc:
        raise ConfigError(str(exc), reason=ReadyReason.INVALID_PARAMETERS) from exc
    if sum(map(len, done)) > LONGEST:
        raise _refused(values, " ".join(words), f"with its value, the command is longer than {LONGEST} characters")
    return done


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
