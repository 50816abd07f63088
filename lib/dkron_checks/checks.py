"""Findings about a job from its manifest: why the job cannot run, and what may surprise its author.

The operator writes it into the condition Ready; `dkronctl lint`, `dkronctl import` and the REST API say it earlier.
Pure.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from dkron_checks.schedules import schedule_remark
from dkron_crds.admission import CHECKS
from dkron_crds.job import JobSpec, ReadyReason
from dkron_crds.known_settings import Settings
from dkron_crds.parameters import missing_default
from dkron_crds.schedule import Schedule, ScheduleError, TimezoneError, parse
from dkron_crds.schedule.once import Never
from dkron_pods import executors
from dkron_pods.affinity import check_affinity, read_tags
from dkron_pods.config import ConfigError
from dkron_pods.problem import Problem
from dkron_processors import of_job


def read_schedule(spec: JobSpec, name: str) -> tuple[Schedule | None, Problem | None]:
    """Return the schedule, or what is wrong with it; neither for a job without one. `name` is the Dkron name."""
    if not spec.schedule:
        return None, None
    try:
        return parse(spec.schedule, timezone=spec.timezone, name=name), None
    except TimezoneError as exc:
        return None, Problem(ReadyReason.INVALID_TIMEZONE, str(exc))
    except ScheduleError as exc:
        return None, Problem(ReadyReason.INVALID_SCHEDULE, str(exc))


def known(spec: JobSpec) -> JobSpec:
    """Return the spec without the settings that mean nothing here; the same object if there are none."""
    given = settings_of(spec)
    if given.known == given:
        return spec
    return spec.model_copy(update={"executor_config": given.known.config, "processors": given.known.processors})


def settings_of(spec: JobSpec) -> Settings:
    """Return the settings that a job gives its executor and its processors."""
    return Settings(spec.executor, spec.executor_config, spec.processors)


def of_settings(spec: JobSpec) -> Iterator[Problem]:
    """Yield the faults of all but the schedule, in any cluster. The condition has the first problem."""
    yield from _of_executor(spec)
    if problem := check_placement(spec):
        yield problem
    if wrong := of_job.check(spec):
        yield Problem(ReadyReason.INVALID_PROCESSOR, wrong)


def _of_executor(spec: JobSpec) -> Iterator[Problem]:
    """Yield the problem of the executor, and then the problems of its other keys."""
    seen: set[str] = set()
    while problem := executors.check(spec):
        key = problem.message.partition(":")[0]
        if key in seen:
            return
        yield problem
        seen.add(key)
        if key not in spec.executor_config:
            return
        others = {name: text for name, text in spec.executor_config.items() if name != key}
        # A command is required: without one, there would be nothing else to find.
        spec = spec.model_copy(update={"executor_config": others | ({"command": "true"} if key == "command" else {})})


def check_placement(spec: JobSpec) -> Problem | None:
    """Return the fault of the tags, or the reason why they cannot be merged into the template."""
    if not spec.tags:
        return None
    try:
        read_tags(spec.tags)
        check_affinity(spec)
    except ConfigError as exc:
        return Problem(exc.reason, str(exc))
    return None


def unprompted(spec: JobSpec, schedule: Schedule | None) -> Problem | None:
    """Return why the job does not run by itself, if a schedule or a parent would have it do so."""
    by_itself = bool(spec.parents) or (schedule is not None and not isinstance(schedule, Never))
    why = missing_default(spec.parameters) if by_itself else ""
    return Problem(ReadyReason.PARAMETER_REQUIRED, why) if why else None


def problems(spec: JobSpec, name: str) -> list[Problem]:
    """Return every reason that would make the operator set Ready to False, and the definition's rules about settings
    that none of them covers. A rule about required keys names all of them, so it replaces the first missing one."""
    schedule, of_schedule = read_schedule(spec, name)
    wire = spec.to_wire()
    broken = [(check, mistake) for check in CHECKS if (mistake := check.mistake(wire))]
    required = {check.field for check, _ in broken if check.required}
    found = [of_schedule, *of_settings(known(spec)), unprompted(spec, schedule)]
    told = [problem for problem in found if problem is not None and not _is_missing(problem, spec, required)]
    about = {field_of(problem)[0] for problem in told}
    rules = (mistake for check, mistake in broken if check.field not in about)
    return [*told, *(Problem(ReadyReason.INVALID_SPEC, mistake) for mistake in rules)]


def _is_missing(problem: Problem, spec: JobSpec, required: AbstractSet[str]) -> bool:
    """Whether the problem is that a key is missing, where a rule tells of all required ones."""
    match field_of(problem):
        case ("executorConfig" as field, key):
            return field in required and key not in spec.executor_config
        case _:
            return False


def remarks(spec: JobSpec, schedule: Schedule | None) -> list[str]:
    """Return remarks that may surprise the author of a job that can run, one sentence each. `spec` is the one of
    `known`."""
    of_schedule = "" if spec.parents else schedule_remark(spec.schedule, schedule)
    return [*([of_schedule] if of_schedule else ()), *executors.remarks(spec)]


def field_of(problem: Problem) -> tuple[str, ...]:
    """Return the field of the spec that a problem is about, as the names on the way to it."""
    subject = problem.message.partition(":")[0]
    if field := _FIELDS.get(problem.reason):
        return (field,)
    if problem.reason == ReadyReason.INVALID_SPEC:
        return (next(check.field for check in CHECKS if problem.message in check.messages),)
    if problem.reason == ReadyReason.INVALID_EXECUTOR_CONFIG and subject not in _OTHERS:
        return ("executorConfig", subject)
    return tuple(subject.split("."))


_FIELDS: dict[str, str] = {
    ReadyReason.INVALID_SCHEDULE: "schedule",
    ReadyReason.INVALID_TIMEZONE: "timezone",
    ReadyReason.INVALID_TAGS: "tags",
    ReadyReason.INVALID_PARAMETERS: "parameters",
    ReadyReason.PARAMETER_REQUIRED: "parameters",
}
_OTHERS = frozenset({"executorConfig", "jobTemplate", "tags"})
"""Fields that a problem of the executor may be about, beside keys of its config."""
