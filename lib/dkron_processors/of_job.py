"""Processors: what happens to the output of an execution. Pure; one module for each, and `delivery/` sends.

The processors of a job do not see each other: each gets the original output. The output stays in the status unless one
of them moves it elsewhere.
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from dkron_crds.job import Attempt, JobSpec
from dkron_processors.config import SECRET, Processor
from dkron_processors.elasticsearch import Elasticsearch
from dkron_processors.email import Email
from dkron_processors.files import Files
from dkron_processors.fluent import Fluent
from dkron_processors.message import Ended, Parcel
from dkron_processors.site import Site
from dkron_processors.slack import Slack
from dkron_processors.syslog import Log, Syslog

PROCESSORS: dict[str, type[Processor]] = {
    kind.name: kind for kind in (Elasticsearch, Email, Files, Fluent, Log, Slack, Syslog)
}


class ProcessorError(ValueError):
    """A processor of a job is invalid. `str()` is one sentence that names it and its key."""


def read(name: str, settings: Mapping[str, str]) -> Processor:
    """The processor with these settings. Raises `ProcessorError`."""
    kind = PROCESSORS.get(name)
    if kind is None:
        raise ProcessorError(f'processors: "{name}" is not known; use one of {", ".join(sorted(PROCESSORS))}')
    for key, text in settings.items():
        if text.startswith(SECRET):
            raise ProcessorError(
                f"processors.{name}.{key}: a processor takes no secretRef; put credentials in "
                "spec.receivers of the DkronCluster"
            )
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as exc:
        raise ProcessorError(_sentence(kind, exc)) from exc


def check(spec: JobSpec) -> str:
    """The faults of a job's processors in any installation; empty if there are none."""
    try:
        for name, settings in spec.processors.items():
            read(name, settings)
    except ProcessorError as exc:
        return str(exc)
    return ""


def missing(spec: JobSpec, site: Site) -> str:
    """The things that the installation lacks for the processors of a job; empty if nothing."""
    for processor in _readable(spec):
        lack = processor.missing(site)
        if lack:
            return f"processors.{processor.name}: {lack}"
    return ""


def kept(spec: JobSpec, site: Site, namespace: str, execution: Attempt) -> Attempt:
    """The execution as the status keeps it. If a processor moves the output elsewhere, a note of where replaces it."""
    said = output_note(spec, site, namespace, execution)
    return execution.model_copy(update={"output": said, "output_truncated": False}) if said else execution


def output_note(spec: JobSpec, site: Site, namespace: str, execution: Attempt) -> str:
    """Where the output is; empty if it stays in the status."""
    notes = (processor.output_note(site, namespace, execution) for processor in usable(spec, site))
    return "\n".join(each for each in notes if each is not None)


def takes_output(spec: JobSpec, site: Site) -> bool:
    """Whether a processor wants more of the output than the status keeps."""
    return any(True for _ in usable(spec, site))


def usable(spec: JobSpec, site: Site) -> tuple[Processor, ...]:
    """The processors of the job that have everything that they need in the installation."""
    return tuple(processor for processor in _readable(spec) if not processor.missing(site))


def render(spec: JobSpec, site: Site, ended: Ended) -> tuple[Parcel, ...]:
    """The messages to send about an execution."""
    found = []
    for processor in usable(spec, site):
        parcel = processor.render(site, ended)
        if parcel is not None:
            said = processor.output_note(site, ended.namespace, ended.execution)
            found.append(replace(parcel, note=said or ""))
    return tuple(found)


def _readable(spec: JobSpec) -> tuple[Processor, ...]:
    found = []
    for name, settings in sorted(spec.processors.items()):
        try:
            found.append(read(name, settings))
        except ProcessorError:
            # The condition Ready reports it, and nothing runs. Earlier executions still go to the other processors.
            continue
    return tuple(found)


def _sentence(kind: type[Processor], exc: ValidationError) -> str:
    first = exc.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    keys = ", ".join(sorted(field.alias or name for name, field in kind.model_fields.items()))
    match first["type"]:
        case "extra_forbidden":
            what = f"no such setting; use {keys}"
        case "missing":
            what = "it is required"
        case _:
            what = str(first["msg"]).removeprefix("Value error, ")
    return f"processors.{kind.name}.{key}: {what}"
