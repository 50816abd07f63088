"""Warnings about a job that is accepted but will not do everything it says, in the header Warning. Dkron's clients
ignore it; people and kubectl read it. Pure."""

from collections.abc import Iterable

from dkron_crds.known_settings import EXECUTOR_KEYS, Settings
from dkron_from_dkron.body import JobBody

_DEFAULT = "shell"
"""The executor of a job that names none."""
_LONGEST = 512


def settings_of(body: JobBody) -> Settings:
    """Return the job's settings for its executor and its processors."""
    processors = {name: settings or {} for name, settings in (body.processors or {}).items()}
    return Settings(body.executor or _DEFAULT, body.executor_config or {}, processors)


def ignored(body: JobBody) -> str:
    """Return a sentence that lists the unknown settings; empty if there are none."""
    return settings_of(body).ignored(config="executor_config")


def unknown_executor(body: JobBody) -> str:
    """Return the sentence that the executor is unknown; empty if it is known."""
    executor = settings_of(body).executor
    if executor in EXECUTOR_KEYS:
        return ""
    return f"executor: it is not known, and the job cannot run; use one of {', '.join(sorted(EXECUTOR_KEYS))}"


def header(sentences: Iterable[str]) -> dict[str, str]:
    """Return the header with the non-empty sentences; no header if there are none (RFC 9111 §5.5)."""
    values = [f'299 - "{_escaped(sentence)}"' for sentence in sentences if sentence]
    return {"Warning": ", ".join(values)} if values else {}


def _escaped(sentence: str) -> str:
    """Return the sentence for a quoted string: one line of ASCII."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in sentence[:_LONGEST])
    return plain.replace("\\", "\\\\").replace('"', '\\"')
