"""The requests that commands may make, to the cluster by kubeconfig or to a REST API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from dkron_cli.core.order import Order
from dkron_cli.core.selection import ALL, Selection
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_reports.job import Job
from dkron_reports.run import Attempt, Run

if TYPE_CHECKING:
    from dkron_reports.explain import Question

Answer = dict[str, Any]
"""The JSON of a report, the same from a cluster and from a REST API."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was requested. `group` is 0 if the server does not tell which one it will be."""

    job: Job
    group: int
    known: frozenset[int] = frozenset()
    """Groups that were there before."""
    object_name: str = ""
    """The DkronRun; empty for a request by REST."""


PLAIN = Order()


class Backend(Protocol):
    """One server. All methods raise `CliError`."""

    @property
    def where(self) -> str:
        """Where its jobs are, at the end of a sentence."""

    async def jobs(self, chosen: Selection = ALL) -> list[Job]:
        """Return the chosen jobs, sorted. A REST API has no labels: there the metadata of the jobs counts."""

    async def job(self, name: str) -> Job:
        """Return one job, by its Dkron name or the name of its object."""

    async def job_to_run(self, name: str) -> Job:
        """Return one job, as much of it as the caller may read. Raises `CliError` if there is none."""

    async def with_pauses(self, jobs: list[Job], *, every: bool) -> list[Job]:
        """Return these jobs, which are `every` one of the server or some, with what pauses them, as far as the server
        tells."""

    async def attempts(self, job: Job) -> list[Attempt]:
        """Return the attempts that are known, in any order."""

    async def latest_failure(self, job: Job, start: datetime) -> Run | None:
        """Return the newest finished run since then if it failed."""

    async def run(self, job: Job, *, force: bool, wait: float | None, order: Order = PLAIN) -> Asked:
        """Request a run, with what it is given. A server that can waits for its end, for at most `wait` seconds."""

    async def repeat(self, job: Job, attempt: Attempt, *, dry_run: bool) -> str:
        """Request a run that is given what the run of an attempt was given, and return in words what that is. With
        `dry_run` only the words, as far as the server tells."""

    async def progress(self, asked: Asked) -> Run | None:
        """Return the run as far as it is known; None while it has not begun. Raises if the operator skipped it."""

    async def stop(self, job: Job, attempt: Attempt) -> None:
        """Request that an attempt be stopped."""

    async def disable(self, job: Job, *, disabled: bool) -> bool:
        """Disable or enable a job, and return whether that changed it."""

    async def pause(self, *, paused: bool) -> bool:
        """Have the REST API reject changes, or accept them, and return whether that changed it."""

    def log(self, job: Job, attempt: Attempt, *, follow: bool, asked: Asked | None = None) -> AsyncIterator[bytes]:
        """Yield the output of an attempt. With `follow` it waits for the start and goes on until the end. `asked` is
        the run, for a user who may read it and not its job."""

    async def slots(self, job: Job, count: int) -> list[datetime]:
        """Return the next slots."""

    async def explain(self, name: str, question: "Question") -> Answer:
        """Say what became of the slots of a job: an `Explanation` as JSON."""

    async def agenda(self, within: str, *, most: int, least: int) -> Answer:
        """Say what is due: an `Agenda` as JSON."""

    async def failing(self, since: str, *, most: int, chosen: Selection = ALL) -> Answer:
        """Say which jobs fail most: a `Failing` as JSON."""

    async def summary(self) -> Answer:
        """Say how all jobs stand: the overview of `GET /v1/summary`."""

    async def close(self) -> None:
        """Close the connections."""


@asynccontextmanager
async def connected(options: Options) -> AsyncIterator[Backend]:
    """Yield the backend that the options name."""
    backend = await _open(options)
    try:
        yield backend
    finally:
        await backend.close()


async def _open(options: Options) -> Backend:
    if options.server:
        from dkron_cli.edge.rest import open_rest  # noqa: PLC0415 - one of the two is needed

        return open_rest(options)
    from dkron_cli.edge.cluster import open_cluster  # noqa: PLC0415

    return await open_cluster(options)


def need_cluster(options: Options, command: str) -> None:
    """Raise for a command that a REST API cannot answer."""
    if options.server:
        raise CliError(
            Code.USAGE,
            f"{command} needs a kubeconfig, because the REST API does not have the data; leave out --server and "
            "DKRON_SERVER",
        )


def refuse_disabled(job: Job, *, force: bool) -> None:
    """Raise for a job that is disabled, as far as it may be read."""
    if job.disabled and not force:
        text = f"{job.name} is disabled (spec.disabled) and refuses runs; dkronctl enable {job.name}"
        raise CliError(Code.FAILED, text)


def missing(name: str, where: str, known: Sequence[str] = ()) -> CliError:
    """Return the error for a job that does not exist. It suggests a name that is like it, of those that are known."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for this error

    near = get_close_matches(name, known, n=1)
    advice = f'did you mean "{near[0]}"?' if near else "see dkronctl get"
    return CliError(Code.NOT_FOUND, f'there is no job "{name}" {where}; {advice}')


async def meant(backend: Backend, selection: Selection) -> list[Job]:
    """Return the jobs with the labels, or the one job that is named."""
    return await backend.jobs(selection) if selection.labels else [await backend.job(selection.names[0])]
