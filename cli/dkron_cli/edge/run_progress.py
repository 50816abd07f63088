"""What has become of a run that was requested: the status of its job tells, or that of its DkronRun."""

from dkron_cli.edge.backend import Asked
from dkron_cli.edge.errors import readable
from dkron_cli.errors import CliError, Code
from dkron_crds.requests import RUN_PREFIX
from dkron_kube.client import KubeClient
from dkron_kube.errors import NotFound
from dkron_kube.paths import DKRON_JOBS, DKRON_RUNS
from dkron_reports.job import Job, from_object
from dkron_reports.run import Run, attempts_of, attempts_of_run, runs_of
from dkron_reports.skipping import because
from dkron_reports.words import read_time


async def progress(kube: KubeClient, asked: Asked) -> Run | None:
    """Return the run as the status of the job shows it, or of the DkronRun if the job does not; None if neither does
    yet. Raises `CliError` if there will be none."""
    job = await _found_again(kube, asked.job)
    attempts = (
        [] if job is None else [each for each in attempts_of(job.raw.get("status") or {}) if each.group == asked.group]
    )
    if attempts:
        return runs_of(attempts)[0]
    if asked.object_name:
        return await _run_object(kube, asked)
    if job is None or _uid(job) != _uid(asked.job):
        # Annotations go with their object.
        raise CliError(Code.FAILED, f'"{asked.job.name}" was deleted, and the run with it')
    annotations = (job.raw.get("metadata") or {}).get("annotations") or {}
    skipped = (job.raw.get("status") or {}).get("skipped") or {}
    when = read_time(skipped.get("lastTime"))
    if RUN_PREFIX + asked.id in annotations or asked.at is None or when is None:
        return None
    if when.replace(microsecond=0) < asked.at.replace(microsecond=0):
        return None
    why = because(str(skipped.get("lastReason")), job.problem)
    raise CliError(Code.FAILED, f'the operator did not run "{job.name}": {why}')


async def _run_object(kube: KubeClient, asked: Asked) -> Run | None:
    """Return the run as the DkronRun shows it, if it is over: the job may have been deleted, or its executions.
    Raises `CliError` if there was none."""
    name = asked.job.name
    with readable():
        try:
            found = await kube.get(DKRON_RUNS, asked.job.namespace, asked.object_name)
        except NotFound:
            text = f"the DkronRun {asked.object_name} was deleted; dkronctl history {name} shows whether it began"
            raise CliError(Code.NOT_FOUND, text) from None
    status = found.get("status") or {}
    match status.get("phase"), attempts_of_run(status):
        case "Refused", _:
            why = status.get("message") or "it gives no reason"
            raise CliError(Code.FAILED, f'the operator did not run "{name}": {why}')
        case "Failed", []:
            # Its message names the reason, as JobDeleted.
            raise CliError(Code.FAILED, f'the run of "{name}" failed: {status.get("message")}')
        case "Failed" | "Succeeded", attempts:
            return runs_of(attempts)[0]
        case _:
            return None


async def _found_again(kube: KubeClient, job: Job) -> Job | None:
    """Return the job of this name as it is by now; None if it was deleted."""
    with readable():
        try:
            return from_object(await kube.get(DKRON_JOBS, job.namespace, job.object_name))
        except NotFound:
            return None


def _uid(job: Job) -> str:
    return str((job.raw.get("metadata") or {}).get("uid"))
