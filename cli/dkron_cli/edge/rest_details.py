"""What Dkron's JSON of a job does not say, from other routes of a REST API: pauses, pools, why a job is not ready, and
how many attempts are active."""

from collections import Counter
from dataclasses import replace
from typing import Any

from dkron_cli.core.executions import Filter, State
from dkron_cli.core.job import described, with_details
from dkron_cli.edge.rest_history import RestHistory, path_of
from dkron_cli.errors import CliError, Code
from dkron_reports.job import Job, condition
from dkron_reports.reading import Object, mapping

IN_LINE = Filter(state=State.WAITING)


class RestDetails(RestHistory):
    """Completes jobs, as far as the server tells. A Dkron tells only which executions run."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(address, token)
        self._tells_details = self._tells_lines = True

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

    async def with_details(self, jobs: list[Job], *, every: bool) -> list[Job]:
        """Ask ours. A Dkron has no pauses of jobs and no conditions; nor are any shown to a user who may not see
        them."""
        told = await self._details(jobs) if every else {job.name: await self._details_of(job) for job in jobs}
        return [with_details(job, told.get(job.name, {})) for job in jobs]

    async def described(self, job: Job) -> Job:
        """Ask ours for the manifest of the job, which has what Dkron's JSON has no place for."""
        found = await self._details_of(job)
        return described(with_details(job, found), mapping(mapping(found, "manifest"), "spec"))

    async def _details_of(self, job: Job) -> Object:
        found = await self._get_json(f"{path_of(job)}/details")
        if not isinstance(found, dict):
            return {}
        ready = condition({"status": found}, "Ready")
        return {**found, "reason": ready.get("reason") if ready.get("status") == "False" else ""}

    async def _details(self, jobs: list[Job]) -> dict[str, Object]:
        """Return the details of jobs that are paused or not ready, by their names."""
        found: dict[str, Object] = {}
        for state in ("paused", "invalid", "pending") if any(job.problem for job in jobs) else ("paused",):
            path = f"/v1/jobs?state={state}&fields=name,paused,reason"
            told = await self._get_json(path) if self._tells_details else ()
            shown = [each for each in told or () if isinstance(each, dict)]
            # A Dkron lists all jobs with all fields. It is not asked again.
            self._tells_details = self._tells_details and all("paused" in each for each in shown)
            found |= {str(each.get("name")): each for each in shown}
        return found

    async def _get_json(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer; None if the server lacks the route, or the user the permission."""
        try:
            return await self.call("GET", path, what="tell more of jobs")
        except CliError as error:
            if error.code is Code.UNREACHABLE:
                raise
            return None
