"""Why a DkronJob that is to be created could not run, and what may be meant otherwise: by the models and the operator's
own check."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dkron_checks import known, problems, read_schedule, remarks, settings_of
from dkron_checks.schedules import passed_remark
from dkron_checks.template_fields import template_faults
from dkron_crds.job import DkronJob

TOO_LARGE = "it cannot be read: a value is too large or nests too deep"


def faults(job: dict[str, Any]) -> list[str]:
    """Return every reason that the manifest shows."""
    try:
        read = DkronJob.from_wire(job)
    except ValidationError as error:
        return [sentence(each["loc"], each["msg"]) for each in error.errors(include_url=False)]
    except (RecursionError, OverflowError):
        return [TOO_LARGE]
    return [problem.message for problem in problems(read.spec, read.dkron_name)]


def doubts(job: dict[str, Any], now: datetime, *, config: str = "executorConfig") -> Iterator[str]:
    """Yield the operator's remarks about a job without faults. `config` is the reader's name of
    executorConfig."""
    read = DkronJob.from_wire(job)
    spec = read.spec
    schedule, _ = read_schedule(spec, read.dkron_name)
    yield settings_of(spec).ignored(config=config)
    yield "" if spec.parents else passed_remark(schedule, now)
    yield from remarks(known(spec), schedule)
    # The cluster may know more fields than this program.
    yield from (text for _, text in template_faults(spec.job_template.to_wire()))


def sentence(where: Sequence[int | str], message: str) -> str:
    """Return the message of a model about a field."""
    path = ".".join(map(str, where))
    return f"{path}: {message.removeprefix('Value error, ')}"
