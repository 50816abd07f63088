"""The `shell` executor: one container that runs a command (Dkron behaviour §6.1)."""

import base64
import math
import re
import shlex
from collections.abc import Iterator
from typing import Any

from dkron_crds.job import JobSpec, JobTemplate, ReadyReason
from dkron_crds.placeholders import NO_VALUES, Values
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import quoted
from dkron_executors.secrets import PREFIX
from dkron_pods.arguments import filled_words
from dkron_pods.config import FALSE, TRUE, ConfigError, literal, memory, value, with_values
from dkron_pods.images import Images
from dkron_pods.template import pod_spec

KEYS = frozenset({"command", "shell", "env", "cwd", "timeout", "mem_limit", "su", "payload", "image"})
OF_THE_JOB = KEYS - {"command", "env", "payload"}
"""Keys whose values become part of the Job, where no Secret is read."""
OPERATORS = ";&|<>"
SPACE = " \t\r\n"
PAIRS = frozenset({"&&", "||", ">>", "<<", ";;", "|&", ">&", "<&", "&>"})
GRACE = 1
"""Seconds between SIGTERM and SIGKILL when the timeout is over. Dkron kills at once; Kubernetes allows nothing shorter
than this."""
OVERTIME = 30
"""Seconds that a Job may run beyond timeout and grace before the Job controller deletes its pod, and with it the
log."""

_ACCOUNT = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)
_WORD = re.compile(rf"""[{SPACE}]*+((?:[^{SPACE}{OPERATORS}'"\\]++|'[^']*+'|"(?:[^"\\]|\\.)*+"|\\.)++)""", re.DOTALL)
_QUOTED = re.compile(r"""'([^']*+)'|"((?:[^"\\]|\\.)*+)"|\\(.)""", re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
"""The characters that a backslash escapes between double quotes."""
_FEED = 'printf %s "$DKRON_PAYLOAD" | base64 -d | "$@"'


def job(spec: JobSpec, *, images: Images, values: Values = NO_VALUES) -> dict[str, Any]:
    """The Job's `spec`, as far as the command decides it. Raises `ConfigError`."""
    config = dict(with_values(spec, values))
    _check_keys(config)
    container: dict[str, Any] = {
        "name": "job",
        "image": config.get("image") or images.default,
        **_command(config, values, program_first=spec.executor == "shell"),
        **_account(config.get("su", "")),
    }
    if path := config.get("cwd", ""):
        container["workingDir"] = _absolute(path)
    if config.get("mem_limit"):
        container["resources"] = {"limits": {"memory": memory("mem_limit", config["mem_limit"])}}
    pod = {"containers": [container], "automountServiceAccountToken": False, "enableServiceLinks": False}
    timeout = _timeout(config.get("timeout", ""))
    if timeout is None:
        return {"template": {"spec": pod}}
    # The pod's own deadline keeps the pod and its log; the Job's deadline deletes them. So the Job's comes second, and
    # catches what the kubelet never saw: a pod that no node takes.
    grace = _grace(spec.job_template)
    pod |= {"activeDeadlineSeconds": timeout, "terminationGracePeriodSeconds": grace}
    return {"activeDeadlineSeconds": timeout + grace + OVERTIME, "template": {"spec": pod}}


def remarks(spec: JobSpec) -> Iterator[str]:
    """Warnings about a command without a shell: as in Dkron, it ends at the first operator, and a flag that is not one
    means false. Both are legal and seldom intended."""
    config = spec.executor_config
    command, flag = config.get("command", ""), config.get("shell", "")
    if flag in TRUE or command.startswith(PREFIX):
        return
    if flag not in FALSE:
        yield f'shell: {quoted(flag)} does not turn the shell on; write shell: "true"'
    try:
        words, rest = _read(command)
    except ConfigError:
        return
    operator = rest[:2] if rest[:2] in PAIRS else rest[:1]
    if operator:
        runs = quoted(shlex.join(words))
        yield f'command: only {runs} runs, because no shell reads "{operator}"; write shell: "true" to run all of it'


def split(command: str) -> tuple[list[str], str]:
    """The words of a command line without a shell, and the operator at which it was cut off; empty if there is none.
    Raises `ConfigError`."""
    words, rest = _read(command)
    return words, rest[:1]


def _read(command: str) -> tuple[list[str], str]:
    """The words before the first operator, and the text from there on. `shlex.split` finds the same words, in a time
    that is quadratic in the length of a word."""
    words: list[str] = []
    at = 0
    while word := _WORD.match(command, at):
        words.append(_QUOTED.sub(_unquoted, word[1]))
        at = word.end()
    rest = command[at:].lstrip(SPACE)
    if rest and rest[0] not in OPERATORS:
        fault = "no escaped character" if rest == "\\" else "no closing quotation"
        raise ConfigError(f"command: {fault} in {command[:60]!r}")
    if rest.startswith(">") and command.removesuffix(rest)[-1:].isdigit() and words[-1].isdigit():
        # The number of a file descriptor belongs to the redirection.
        words.pop()
    return words, rest


def _unquoted(part: re.Match[str]) -> str:
    single, double, escaped = part.groups()
    if double is not None:
        return _ESCAPED.sub(r"\1", double)
    return single if escaped is None else escaped


def _absolute(path: str) -> str:
    """A working directory. There is nothing that it could be relative to."""
    if not path.startswith("/"):
        raise ConfigError(f'cwd: "{path}" is not an absolute path')
    return path


def _check_keys(config: dict[str, str]) -> None:
    for key, text in config.items():
        if key not in KEYS:
            raise ConfigError(f'executorConfig: "{key}" is not a key of shell; use {", ".join(sorted(KEYS))}')
        if key in OF_THE_JOB and text.startswith(PREFIX):
            raise ConfigError(f"{key}: it is part of the Job, so it cannot come from a Secret; write the value itself")


def _command(config: dict[str, str], values: Values, *, program_first: bool) -> dict[str, Any]:
    text = config.get("command", "")
    if not text.strip():
        raise ConfigError('command: missing; executorConfig of shell needs one, for example command: "date"')
    env = _environment(config.get("env", ""), values)
    if text.startswith(PREFIX):
        env.append({"name": "DKRON_COMMAND", **value("command", text)})
        words = ["/bin/sh", "-c", "$(DKRON_COMMAND)"]
    else:
        plain = _words(values.compact(text), config.get("shell", "") in TRUE)
        words = [literal(word) for word in filled_words(plain, values, program_first=program_first)]
    payload = config.get("payload", "")
    if payload:
        env.append({"name": "DKRON_PAYLOAD", **_payload(payload)})
        words = ["/bin/sh", "-c", literal(_FEED), "sh", *words]
    return {"command": words, **({"env": env} if env else {})}


def _words(text: str, in_shell: bool) -> list[str]:
    if in_shell:
        return ["/bin/sh", "-c", text]
    words, cut = split(text)
    if not words:
        raise ConfigError(f'command: there is nothing before "{cut}"')
    return words


def _environment(text: str, values: Values) -> list[dict[str, Any]]:
    if text.startswith(PREFIX):
        raise ConfigError("env: only a value in it can come from a Secret, NAME=secretRef:<secret>/<key>")
    env = []
    for item in filter(None, text.split(",")):
        name, equals, content = item.partition("=")
        if not equals or not name:
            raise ConfigError(f'env: "{item}" is not NAME=value; several are separated by commas')
        env.append({"name": name, **_variable(name, content, values)})
    return env


def _variable(name: str, content: str, values: Values) -> dict[str, Any]:
    if values.named(name):
        raise ConfigError(
            f'env: a parameter cannot be part of the name "{name}"; use it in the value',
            reason=ReadyReason.INVALID_PARAMETERS,
        )
    if not values.named(content):
        return value("env", content)
    if content.startswith(PREFIX):
        raise ConfigError(
            f'env: a parameter cannot be part of the reference "{content}"', reason=ReadyReason.INVALID_PARAMETERS
        )
    return {"value": literal(values.text(content))}


def _payload(text: str) -> dict[str, Any]:
    if not text.startswith(PREFIX):
        try:
            base64.b64decode(text, validate=True)
        except ValueError as exc:
            raise ConfigError(f"payload: not base64 ({exc})") from exc
    return value("payload", text)


def _timeout(text: str) -> int | None:
    if not text:
        return None
    try:
        seconds = go_duration(text) / 1e9
    except ValueError as exc:
        raise ConfigError(f"timeout: {exc}") from exc
    if seconds <= 0:
        raise ConfigError(f'timeout: "{text}" is not above zero')
    return math.ceil(seconds)


def _grace(template: JobTemplate) -> int:
    """The template's own grace period, or ours. The dry run reports what the API server thinks of it."""
    own = pod_spec(template).get("terminationGracePeriodSeconds")
    return own if isinstance(own, int) else GRACE


def _account(text: str) -> dict[str, Any]:
    if not text:
        return {}
    match = _ACCOUNT.fullmatch(text)
    if match is None:
        raise ConfigError(f'su: "{text}" is not a numeric uid or uid:gid; names exist only inside an image')
    context = {"runAsUser": int(match[1])}
    if match[2]:
        context["runAsGroup"] = int(match[2])
    return {"securityContext": context}
