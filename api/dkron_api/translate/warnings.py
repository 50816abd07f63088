"""Warnings about a job that is accepted but will not do everything it says, in the header Warning. Dkron's clients
ignore it; people and kubectl read it. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from dkron_api.translate.record import Object
from dkron_checks.checks import known, problems, read_schedule, remarks
from dkron_crds.job import JobSpec
from dkron_crds.known_settings import Settings
from dkron_from_dkron.body import JobBody

_DEFAULT = "shell"
"""The executor of a job that names none."""
_LONGEST = 512


def ignored(body: JobBody) -> str:
    """Return a sentence that lists the unknown settings; empty if there are none."""
    processors = {name: settings or {} for name, settings in (body.processors or {}).items()}
    settings = Settings(body.executor or _DEFAULT, body.executor_config or {}, processors)
    return settings.ignored(config="executor_config")


class Judged(NamedTuple):
    """The operator's view of a job: why it cannot run, and what may surprise its author. One sentence each."""

    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences for the header."""
        return (*(f"the job cannot run: {fault}" for fault in self.faults), *self.remarks)


def judged(wanted: Object, name: str) -> Judged:
    """Return the operator's view of the spec that is to be written for the job with this Dkron name. The API server
    reports what the schema forbids."""
    try:
        spec = JobSpec.from_wire(wanted)
    except ValidationError:
        return Judged()
    if found := problems(spec, name):
        return Judged(tuple(problem.message for problem in found))
    schedule, _ = read_schedule(spec, name)
    return Judged(remarks=tuple(remarks(known(spec), schedule)))


def header(sentences: Iterable[str]) -> dict[str, str]:
    """Return the header with the non-empty sentences; no header if there are none (RFC 9111 §5.5)."""
    values = [f'299 - "{_escaped(sentence)}"' for sentence in sentences if sentence]
    return {"Warning": ", ".join(values)} if values else {}


def _escaped(sentence: str) -> str:
    """Return the sentence for a quoted string: one line of ASCII."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in sentence[:_LONGEST])
    return plain.replace("\\", "\\\\").replace('"', '\\"')
