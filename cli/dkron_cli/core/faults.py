"""Why a DkronJob that is to be created could not run, and what may be meant otherwise: by the models, the rules of the
definition, and the operator's own check."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dkron_checks.checks import known, problems, read_schedule, remarks, settings_of
from dkron_checks.schedules import passed_remark
from dkron_checks.template_fields import template_faults
from dkron_cli.core.rules import broken_rules
from dkron_crds.job import DkronJob
from dkron_crds.parameter_places import placeholders_without_parameters

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_READ_AS = {True: ("on", "yes", "y"), False: ("off", "no", "n")}
_KINDS: dict[type, str] = {bool: "boolean", int: "number", float: "number"}
_WORDS = (
    (re.compile(r"\bTuple\b"), "List"),
    (re.compile(r"\btuple\b"), "list"),
    (re.compile(r"\bdictionary( or instance of \w+)?"), "mapping"),
)
TOO_LARGE = "it cannot be read: a value is too large or nests too deep"


def faults(job: dict[str, Any]) -> list[str]:
    """Return every reason that the manifest shows."""
    try:
        read = DkronJob.from_wire(job)
    except ValidationError as error:
        return [sentence(each) for each in error.errors(include_url=False)]
    except (RecursionError, OverflowError):
        return [TOO_LARGE]
    rules = (broken for _, broken in broken_rules(read))
    return [*rules, *(problem.message for problem in problems(read.spec, read.dkron_name))]


def doubts(job: dict[str, Any], now: datetime, *, config: str = "executorConfig") -> Iterator[str]:
    """Yield the operator's remarks about a job without faults. `config` is the reader's name of
    executorConfig."""
    read = DkronJob.from_wire(job)
    spec = read.spec
    schedule, _ = read_schedule(spec, read.dkron_name)
    yield settings_of(spec).ignored(config=config)
    yield "" if spec.parents else passed_remark(schedule, now)
    yield from remarks(known(spec), schedule)
    yield placeholders_without_parameters(spec)
    # The cluster may know more fields than this program.
    yield from (text for _, text in template_faults(spec.job_template.to_wire()))


def sentence(error: "ErrorDetails") -> str:
    """Return the message of a model about a field."""
    path, given = ".".join(map(str, error["loc"])), error["input"]
    if error["type"] == "string_type" and isinstance(given, bool | int | float):
        also = f", as YAML reads {', '.join(_READ_AS[given])} without quotes" if isinstance(given, bool) else ""
        return f"{path}: it is the {_KINDS[type(given)]} {json.dumps(given)}{also}; put the text in quotes"
    return f"{path}: {_of_yaml(error['msg'].removeprefix('Value error, '))}"


def _of_yaml(message: str) -> str:
    """Return the message of a model with the words of YAML for the types of Python."""
    for python, yaml in _WORDS:
        message = python.sub(yaml, message)
    return message
