"""What Dkron's JSON of a job does not say, from other routes of a REST API: pauses, pools, why a job is not ready, and
how many attempts are active."""

from collections import Counter
from dataclasses import replace
from typing import Any

from dkron_cli.core.executions import Filter, State
from dkron_cli.core.job import with_pause
from dkron_cli.edge.rest_history import RestHistory, path_of
from dkron_cli.errors import CliError, Code
from dkron_crds.conditions import NOT_BY_ITSELF
from dkron_reports.job import Job
from dkron_reports.reading import mapping, objects

IN_LINE = Filter(state=State.WAITING)


class RestDetails(RestHistory):
    """Completes jobs, as far as the server tells. A Dkron tells only which executions run."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(address, token)
        self._tells_pauses = self._tells_lines = True
        self._reasons: dict[str, str] = {}

    async def with_active(self, jobs: list[Job]) -> list[Job]:
        """Count the attempts that run or wait in line. Of those that this user may not see, standard error says so."""
        try:
            running = Counter(await self._running())
        except CliError as error:
            return self._unseen("active runs", error, jobs)
        waiting: Counter[str] = Counter()
        try:
            if self._tells_lines:
                waiting.update([each.job async for page in self.executions(IN_LINE) for each in page])
        except CliError as error:
            # A Dkron has no list of all executions, and no line. It is not asked again.
            self._tells_lines = error.code is not Code.USAGE
            if self._tells_lines:
                self._unseen("runs that wait", error, jobs)
        return [replace(job, active=running[job.name], waiting=waiting[job.name]) for job in jobs]

    async def _running(self) -> list[str]:
        """Return the jobs of the executions that run, each as often as it has some."""
        found = await self.call("GET", "/v1/busy", what="tell which runs are active")
        with self.as_ours_does():
            return [str(each.get("job_name")) for each in found or () if isinstance(each, dict)]

    def _unseen(self, what: str, error: CliError, jobs: list[Job]) -> list[Job]:
        """Say once that these are not shown, and return the jobs. Raises the error if the server does not answer."""
        if error.code is Code.UNREACHABLE:
            raise error
        self._say_once(f"{what} are not shown: {error}")
        return jobs

    async def with_pauses(self, jobs: list[Job], *, every: bool) -> list[Job]:
        """Ask ours. A Dkron has no pauses of jobs; nor are any shown to a user who may not see them."""
        told = await self._all_pauses() if every else {job.name: await self._pause_of(job) for job in jobs}
        return [with_pause(job, told.get(job.name, "")) for job in jobs]

    async def _pause_of(self, job: Job) -> str:
        found = await self._get_json(f"{path_of(job)}/details")
        return str(found.get("paused") or "") if isinstance(found, dict) else ""

    async def _all_pauses(self) -> dict[str, str]:
        """Return the pauses of paused jobs, by the names of the jobs."""
        found = await self._get_json("/v1/jobs?state=paused&fields=name,paused") if self._tells_pauses else ()
        shown = [each for each in found or () if isinstance(each, dict)]
        # A Dkron lists all jobs with all fields. It is not asked again.
        self._tells_pauses = all("paused" in each for each in shown)
        return {str(each.get("name")): str(each.get("paused") or "") for each in shown}

    async def with_queues(self, job: Job) -> Job:
        """Ask ours for the manifest of the job, which has its pools and its LocalQueue. A Dkron has none."""
        found = await self._get_json(f"{path_of(job)}/details")
        spec = mapping(mapping(found, "manifest"), "spec") if isinstance(found, dict) else {}
        shown = {key: spec[key] for key in ("pools", "priority", "queueName", "jobTemplate") if key in spec}
        return replace(job, raw={**job.raw, **shown})

    async def with_reasons(self, jobs: list[Job]) -> list[Job]:
        """Ask ours for the conditions of those that are not ready. A Dkron has none of these."""
        reasons: dict[str, str] = {}
        for job in jobs:
            # Jobs with one problem share its reason, and a table that is drawn again asks for new ones only.
            if job.problem and job.problem not in reasons:
                reasons[job.problem] = self._reasons.get(job.problem) or await self._reason_of(job)
        self._reasons = reasons
        return [_with_reason(job, reasons.get(job.problem, "")) for job in jobs]

    async def _reason_of(self, job: Job) -> str:
        found = await self._get_json(f"{path_of(job)}/details")
        shown = objects(found, "conditions") if isinstance(found, dict) else []
        reasons = (each.get("reason") for each in shown if (each.get("type"), each.get("status")) == ("Ready", "False"))
        return str(next(reasons, "") or "")

    async def _get_json(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer; None if the server lacks the route, or the user the permission."""
        try:
            return await self.call("GET", path, what="tell more of jobs")
        except CliError as error:
            if error.code is Code.UNREACHABLE:
                raise
            return None


def _with_reason(job: Job, reason: str) -> Job:
    """Return a job with why it is not ready, as its object has it; empty if that is not known. The API says only of a
    job that can run how its latest run ended."""
    result = str(job.raw.get("status") or "") if reason in NOT_BY_ITSELF else job.result
    return replace(job, state=reason or job.state, result=result)
