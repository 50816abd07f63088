"""What is told to whoever stores a job that is taken and will not do all that it says: as the header Warning, which
clients of Dkron do not read and people and kubectl do. Pure."""

from collections.abc import Iterable

from dkron_api.translate.body import JobBody
from dkron_crds.known_settings import EXECUTOR_KEYS, Settings

_DEFAULT = "shell"
"""The executor of a job that names none."""
_LONGEST = 512


def settings_of(body: JobBody) -> Settings:
    """What the job says to its executor and its processors."""
    processors = {name: settings or {} for name, settings in (body.processors or {}).items()}
    return Settings(body.executor or _DEFAULT, body.executor_config or {}, processors)


def ignored(body: JobBody) -> str:
    """A sentence that names the settings which mean nothing here; empty if there are none."""
    return settings_of(body).ignored(config="executor_config")


def unknown_executor(body: JobBody) -> str:
    """That nothing runs the job; empty if its executor is known."""
    executor = settings_of(body).executor
    if executor in EXECUTOR_KEYS:
        return ""
    return f"executor: it is not known, and the job cannot run; use one of {', '.join(sorted(EXECUTOR_KEYS))}"


def header(sentences: Iterable[str]) -> dict[str, str]:
    """The header with these sentences; none of the empty ones, and none at all without any (RFC 9111 §5.5)."""
    values = [f'299 - "{_escaped(sentence)}"' for sentence in sentences if sentence]
    return {"Warning": ", ".join(values)} if values else {}


def _escaped(sentence: str) -> str:
    """As a quoted string of one line of ASCII."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in sentence[:_LONGEST])
    return plain.replace("\\", "\\\\").replace('"', '\\"')
