"""The progress of a requested run: from its DkronRun, and with more detail from the status of the job.
A user who may run a job need not be allowed to read either."""

from typing import Any

from dkron_cli.edge.backend import BY_FORCE, Asked, shown_by_job
from dkron_cli.edge.errors import readable
from dkron_cli.edge.pools import with_places
from dkron_cli.edge.queue_places import with_queue_places
from dkron_cli.errors import CliError, Code
from dkron_crds.attempt_state import AttemptState
from dkron_crds.requests import OVERRULED
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from dkron_reports.job import Job, condition, from_object
from dkron_reports.run import GOING, Attempt, Run, attempts_of, attempts_of_run, runs_of
from dkron_reports.skipping import FORCIBLE
from dkron_reports.words import read_time

Object = dict[str, Any]


async def progress(kube: KubeClient, asked: Asked, *, placed: bool = False) -> Run | None:
    """Return the run as the status of the job shows it, or of the DkronRun if the job does not; None if neither does
    yet. With `placed` it has its places in lines and queues while it waits. Raises `CliError` if there will be none, or
    if it cannot be waited for."""
    found = await _run_object(kube, asked)
    attempts = await _attempts_of_job(kube, asked, placed=placed)
    if attempts:
        return runs_of(attempts)[0]
    if found is None:
        text = f"the DkronRun {asked.object_name} was deleted; dkronctl history {asked.job.name} shows whether it began"
        raise CliError(Code.NOT_FOUND, text)
    return _run_of(found, asked)


async def attempts_of_asked(kube: KubeClient, asked: Asked) -> list[Attempt]:
    """Return the attempts of the run, as `progress` finds them. Raises `CliError`."""
    attempts = await _attempts_of_job(kube, asked)
    return attempts or attempts_of_run((await _run_object(kube, asked) or {}).get("status") or {})


def _run_of(found: Object, asked: Asked) -> Run | None:
    """Return the run as the status of its DkronRun shows it."""
    status: Object = found.get("status") or {}
    name, message = asked.job.name, status.get("message")
    attempts = attempts_of_run(status)
    match status.get("phase"):
        case "Refused":
            raise CliError(Code.FAILED, f'the operator did not run "{name}": {_why_refused(found)}')
        case "Failed" if not attempts:
            # Its message names the reason, as JobDeleted.
            raise CliError(Code.FAILED, f'the run of "{name}" failed: {message}')
        case "Failed" | "Succeeded":
            return runs_of(attempts)[0]
        case "Waiting" if not asked.job.raw:
            # It shows no attempt in line, and one in a queue as if it ran; its message says where it waits.
            since = read_time((found.get("metadata") or {}).get("creationTimestamp"))
            waits = Attempt(
                "", asked.group, 1, None, state=AttemptState.WAITING, queued=since, message=str(message or "")
            )
            ended = sorted((each for each in attempts if each.finished is not None), key=lambda each: each.number)
            return Run(asked.group, (*ended, waits))
        case "Waiting" | "Running" if attempts:
            # Between two attempts it shows those that have ended, as if it were over.
            run = runs_of(attempts)[0]
            return run if run.result in GOING else None
        case "Pending" | None if message and not asked.job.raw:
            raise CliError(Code.NOT_FOUND, f"the DkronRun {asked.object_name} waits: {message}")
        case _:
            return None


def _why_refused(found: Object) -> str:
    """Return why the operator refused a run, and that `--force` helps where it does."""
    message = str((found.get("status") or {}).get("message") or "it gives no reason")
    if message.endswith(OVERRULED):
        return f"{message.removesuffix(OVERRULED)}{BY_FORCE}"
    helps = condition(found, "Failed").get("reason") in FORCIBLE and not (found.get("spec") or {}).get("force")
    return f"{message}; {BY_FORCE}" if helps else message


async def _run_object(kube: KubeClient, asked: Asked) -> Object | None:
    """Return the DkronRun; None if it was deleted."""
    name, where = asked.object_name, asked.job.namespace
    try:
        with readable():
            return await kube.get(DKRON_RUNS, where, name)
    except CliError as error:
        if error.code is Code.NOT_FOUND:
            return None
        if error.code is not Code.FORBIDDEN:
            raise
        text = (
            f"the run of {asked.job.name} is requested and goes on, but waiting for this needs the permission to get "
            f"dkronruns.dkron.io in namespace {where}; {shown_by_job(asked)}"
        )
        raise CliError(Code.FORBIDDEN, text) from None


async def _attempts_of_job(kube: KubeClient, asked: Asked, *, placed: bool = False) -> list[Attempt]:
    """Return the attempts of the run in the status of its job; none if that was deleted, or may not be read. With
    `placed` they have their places while they wait."""
    if not asked.job.raw:
        return []
    with readable():
        try:
            job = from_object(await kube.get(DKRON_JOBS, asked.job.namespace, asked.job.object_name))
        except NotFound:
            return []
    attempts = _of_run(job, asked)
    if placed and any(each.waits for each in attempts):
        attempts = _of_run(await with_places(kube, await with_queue_places(kube, job)), asked)
    return attempts


def _of_run(job: Job, asked: Asked) -> list[Attempt]:
    status, spec = job.raw.get("status") or {}, job.raw.get("spec") or {}
    return [each for each in attempts_of(status, spec) if each.group == asked.group]
