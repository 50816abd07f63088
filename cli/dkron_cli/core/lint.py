"""Checks manifests as the API server and the operator do, as far as the manifest is enough: by the same
models, the sentences of the same rules, and the operator's own check of a job.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dkron_checks.checks import field_of, known, problems, read_schedule, settings_of
from dkron_checks.schedules import passed_remark, schedule_remark
from dkron_checks.template_fields import suggestion, template_faults
from dkron_cli.core.faults import TOO_LARGE, sentence
from dkron_cli.core.manifests import Document, Path, is_job_of_dkron
from dkron_cli.core.rules import broken_rules, resolved, schema_of
from dkron_crds.base import Resource, WireModel
from dkron_crds.bounds import length_problem
from dkron_crds.depends import circle
from dkron_crds.job import Concurrency, DkronJob, JobSpec, Queue
from dkron_crds.kinds import KINDS
from dkron_crds.names import API_VERSION, GROUP, is_subdomain
from dkron_crds.parameter_places import placeholders_without_parameters
from dkron_crds.pause import DkronPause
from dkron_crds.pool import DkronPool, PoolOrder
from dkron_pods import executors

MODELS = {kind.name: kind.model for kind in KINDS}
A_FLAG = "true or false"
LITERAL = {"integer": "a whole number", "boolean": A_FLAG, "number": "a number"}
OF_SCHEDULE = ("schedule", "timezone", "parentJob", "dependsOn")
"""The fields of a job that decide what its schedule means."""


Problem = tuple[Path, str, bool]
"""Where in an object something is wrong, a sentence, and whether it is only a warning."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """An error in a file, or with `warning` something that may be meant otherwise."""

    file: str
    line: int
    sentence: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'warning: ' if self.warning else ''}{self.sentence}"

    def as_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        severity = "warning" if self.warning else "error"
        return {"file": self.file, "line": self.line, "severity": severity, "message": self.sentence}


@dataclass(frozen=True, slots=True)
class Given:
    """A DkronJob of a file that could be read."""

    file: str
    document: Document
    job: DkronJob

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and Dkron name."""
        return self.job.metadata.namespace, self.job.dkron_name


def lint(files: Mapping[str, Sequence[Document]], now: datetime) -> tuple[list[Finding], int]:
    """Return the findings in the files, in their order, and the number of checked objects of ours."""
    findings: list[Finding] = []
    jobs: list[Given] = []
    pools: list[DkronPool] = []
    checked = 0
    for file, documents in files.items():
        if any(is_job_of_dkron(document.value) and "executor" in document.value for document in documents):
            text = f"these are jobs in Dkron's JSON, not manifests; dkronctl import {shlex.quote(file)} imports them"
            findings.append(Finding(file, 1, text))
            continue
        for document in documents:
            value = document.value
            if not isinstance(value, dict) or str(value.get("apiVersion") or "").partition("/")[0] != GROUP:
                continue
            checked += 1
            findings += (Finding(file, document.line_of(path), f"{_called(document)}: {sentence}", warning)
                         for path, sentence, warning in _object(document, now))  # fmt: skip
            read = _read(document)
            if isinstance(read, DkronJob):
                jobs.append(Given(file, document, read))
            elif isinstance(read, DkronPool):
                pools.append(read)
    findings += [*_together(jobs), *_with_pools(jobs, pools)]
    order = {file: number for number, file in enumerate(files)}
    return sorted(findings, key=lambda each: (order[each.file], each.line, each.sentence)), checked


def _called(document: Document) -> str:
    metadata = document.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.value.get('kind')} {name or 'without a name'}"


def _read(document: Document) -> Resource | None:
    """Return an object that others are compared with; None for one that cannot be read."""
    model = {"DkronJob": DkronJob, "DkronPool": DkronPool}.get(str(document.value.get("kind")))
    try:
        return None if model is None else model.from_wire(document.value)
    except ValidationError:
        return None


def _object(document: Document, now: datetime) -> Iterator[Problem]:
    value = document.value
    model = MODELS.get(str(value.get("kind")))
    if model is None or value.get("apiVersion") != API_VERSION:
        known = ", ".join(MODELS)
        yield ("kind",), f"{value.get('apiVersion')} has no kind {value.get('kind')}; it has {known}", False
        return
    yield from _name(value)
    yield from _unknown(value, model)
    try:
        found = model.from_wire(value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        yield from ((tuple(each["loc"]), sentence(each), False) for each in errors)
        if model is DkronJob:
            yield from _beside(value, {each["loc"][:2] for each in errors}, now)
        return
    except (RecursionError, OverflowError):
        yield (), TOO_LARGE, False
        return
    yield from ((path, said, False) for path, said in broken_rules(found))
    if isinstance(found, DkronJob):
        yield from _settings(found, now)
    elif isinstance(found, DkronPause) and found.spec.until is not None and found.spec.until <= now:
        yield ("spec", "until"), "spec.until is in the past, so the pause has no effect", True


def _name(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a name that Kubernetes takes for no object, or that none is given."""
    metadata = value.get("metadata")
    given = metadata if isinstance(metadata, dict) else {}
    name = given.get("name")
    if isinstance(name, str) and name and not is_subdomain(name):
        form = "up to 253 of a-z 0-9 - . with a letter or digit at both ends and beside each dot"
        yield ("metadata", "name"), f'metadata.name: "{name[:40]}" cannot be the name of an object; use {form}', False
    elif name in (None, "") and not given.get("generateName"):
        yield ("metadata",), "metadata.name is missing", False


def _unknown(value: Mapping[str, Any], model: type[WireModel]) -> Iterator[Problem]:
    """Yield the fields that the API server would reject. Fields of metadata are Kubernetes' own."""
    schema = schema_of(model)
    extra = set(value) - {"apiVersion", "kind", "metadata", "spec", "status"}
    for key in sorted(map(str, extra)):
        near = suggestion(key, ("apiVersion", "kind", "metadata", "spec"))
        yield (key,), f"{key} is no field of a {model.__name__}{near}", False
    spec = schema["properties"]["spec"]
    for path, what in _extra(value.get("spec"), spec, schema.get("$defs", {}), ("spec",), kind=model.__name__):
        yield path, f"{'.'.join(map(str, path))} {what}", False


def _extra(
    value: object, schema: Mapping[str, Any], defs: Mapping[str, Any], path: Path, *, kind: str
) -> Iterator[tuple[Path, str]]:
    """Yield unknown fields, entries that a list has twice, and values of another type, from which the models would read
    one of the right type."""
    schema = resolved(schema, defs)
    if wrong := _of_another_type(value, schema):
        yield path, wrong
    elif isinstance(value, dict) and "properties" in schema:
        for key, item in value.items():
            inner = schema["properties"].get(key)
            if inner is None:
                near = suggestion(str(key), schema["properties"])
                yield (*path, str(key)), f"is no field of a {kind}{near}"
            else:
                yield from _extra(item, inner, defs, (*path, str(key)), kind=kind)
    elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        for key, item in value.items():
            yield from _extra(item, schema["additionalProperties"], defs, (*path, str(key)), kind=kind)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        yield from _repeated(value, schema, path)
        for number, item in enumerate(value):
            yield from _extra(item, schema["items"], defs, (*path, number), kind=kind)


def _of_another_type(value: object, schema: Mapping[str, Any]) -> str:
    """Return why the API server refuses a value that the models take; empty if it does not."""
    literal = LITERAL.get(schema.get("type", ""))
    if isinstance(value, str) and literal:
        return f'is the text "{value[:40]}"; write {literal} without quotes'
    if not isinstance(value, bool | int | float):
        return ""
    if literal and isinstance(value, bool) is not (literal == A_FLAG):
        return f"is {json.dumps(value)}; write {literal}"
    is_time = schema.get("format") == "date-time"
    return f'is {json.dumps(value)}; write a time as "2026-01-31T02:30:00Z"' if is_time else ""


def _repeated(value: Sequence[Any], schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Yield entries of a list that may have each only once, by the type of the list in the definition."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    if schema.get("x-kubernetes-list-type") not in ("set", "map"):
        return
    known = set()
    for number, item in enumerate(value):
        one = {key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item
        text = json.dumps(one, default=str)
        if text in known:
            yield (*path, number), f"repeats {text[:40]}; this list has each only once"
        known.add(text)


def _settings(job: DkronJob, now: datetime) -> Iterator[Problem]:
    """Yield the problems that the operator would report by the condition Ready."""
    spec = job.spec
    found = problems(spec, job.dkron_name)
    for problem in found:
        yield ("spec", *_place(field_of(problem))), problem.message, False
    if why := length_problem({"metadata": {"labels": job.metadata.labels}, "spec": spec.to_wire()}):
        yield ("spec",), why, False
    elif all(field_of(problem)[0] != "jobTemplate" for problem in found):
        faults = template_faults(spec.job_template.to_wire())
        yield from ((("spec", "jobTemplate", *place), sentence, False) for place, sentence in faults)
    yield from _warnings(spec, job.dkron_name, now, runs=not found)


def _beside(value: Mapping[str, Any], broken: AbstractSet[Path], now: datetime) -> Iterator[Problem]:
    """Yield the faults of the schedule of a job that the models cannot read because of other fields."""
    spec, metadata = value.get("spec"), value.get("metadata")
    if not isinstance(spec, dict) or broken & {("spec", key) for key in OF_SCHEDULE}:
        return
    read = JobSpec.from_wire({key: spec[key] for key in OF_SCHEDULE if key in spec})
    name = str(spec.get("name") or (metadata.get("name") if isinstance(metadata, dict) else ""))
    _, problem = read_schedule(read, name)
    if problem is not None:
        yield ("spec", *_place(field_of(problem))), problem.message, False
    yield from _of_schedule(read, name, now)


def _warnings(spec: JobSpec, name: str, now: datetime, *, runs: bool) -> Iterator[Problem]:
    if ignored := settings_of(spec).ignored():
        yield ("spec", "executorConfig"), ignored, True
    yield from _of_schedule(spec, name, now)
    if spec.queue != Queue() and spec.concurrency is not Concurrency.QUEUE and not spec.pools:
        yield (
            ("spec", "queue"),
            "spec.queue has no effect: spec.concurrency is not queue, and spec.pools is empty",
            True,
        )
    if spec.priority and not spec.pools:
        yield ("spec", "priority"), "spec.priority has no effect: spec.pools is empty", True
    # Only for an executor that can run this config are its remarks known.
    for remark in (*executors.remarks(known(spec)), placeholders_without_parameters(spec)) if runs else ():
        if remark:
            yield ("spec", "executorConfig", remark.partition(":")[0]), remark, True


def _of_schedule(spec: JobSpec, name: str, now: datetime) -> Iterator[Problem]:
    schedule, _ = read_schedule(spec, name)
    if spec.schedule and spec.parents:
        yield ("spec", "schedule"), "a job with parents ignores its schedule", True
    elif remark := passed_remark(schedule, now) or schedule_remark(spec.schedule, schedule):
        yield ("spec", "schedule"), remark, True


def _place(field: Sequence[str]) -> Path:
    """Return the names and numbers of a path such as jobTemplate.spec.containers[0]."""
    parts = [part for name in field for part in re.findall(r"[^\[\]]+", name)]
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _together(jobs: Sequence[Given]) -> Iterator[Finding]:
    """Yield problems between jobs: two of one name, missing parents, and circles."""
    first: dict[tuple[str, str], Given] = {}
    for each in jobs:
        other = first.setdefault(each.key, each)
        if other is not each:
            where = f"{other.file}:{other.document.line}"
            yield Finding(each.file, each.document.line, f"DkronJob {each.key[1]}: {where} also has a job of this name")

    def parents(key: tuple[str, str]) -> list[tuple[str, str]]:
        return [(key[0], parent.job) for parent in first[key].job.spec.parents] if key in first else []

    told: set[tuple[str, str]] = set()
    for key, each in first.items():
        for parent in each.job.spec.parents:
            if (key[0], parent.job) not in first:
                line = each.document.line_of(("spec", "dependsOn" if each.job.spec.depends_on else "parentJob"))
                text = f'DkronJob {key[1]}: its parent "{parent.job}" is in none of these files'
                yield Finding(each.file, line, text, warning=True)
        way = circle(key, parents)
        if len(set(way)) > 1 and key not in told:
            told.update(way)
            names = " → ".join(name for _, name in way)
            yield Finding(
                each.file, each.document.line, f"DkronJob {key[1]}: the jobs depend on each other in a circle: {names}"
            )


def _with_pools(jobs: Sequence[Given], pools: Sequence[DkronPool]) -> Iterator[Finding]:
    """Yield pools that jobs name and that are missing, if the files have other pools of the namespace, and priorities
    that no pool of the job reads, if the files have all of its pools."""
    for each in jobs:
        namespace, spec = each.key[0], each.job.spec
        found = {
            pool.metadata.name: pool.spec.order
            for pool in pools
            if namespace in (pool.metadata.namespace, *pool.spec.namespaces)
        }
        missing = [name for name in spec.pools if name not in found]
        remarks = {}
        if missing and any(pool.metadata.namespace == namespace for pool in pools):
            remarks["pools"] = f'its pool "{missing[0]}" is in none of these files{suggestion(missing[0], found)}'
        elif spec.pools and not missing and spec.priority and PoolOrder.PRIORITY not in map(found.get, spec.pools):
            remarks["priority"] = "spec.priority has no effect: none of its pools has order: priority"
        for key, text in remarks.items():
            line = each.document.line_of(("spec", key))
            yield Finding(each.file, line, f"DkronJob {each.key[1]}: {text}", warning=True)
