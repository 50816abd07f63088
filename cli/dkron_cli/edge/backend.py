"""The requests that commands may make to a server: to the cluster by kubeconfig, or to a REST API."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dkron_cli.core.order import Order
from dkron_cli.core.selection import ALL, Selection
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options
from dkron_crds.names import object_name
from dkron_kube.paths import DKRON_BACKFILLS, DKRON_PAUSES, DKRON_RUNS, Resource
from dkron_reports.job import Job
from dkron_reports.run import Attempt, Run

if TYPE_CHECKING:
    from dkron_cli.core.executions import Filter, Listed
    from dkron_cli.core.importing import Item, Step, Wanted
    from dkron_reports.explain import Question

Object = dict[str, Any]
Answer = dict[str, Any]
"""The JSON of a report, the same from a cluster and from a REST API."""
Seen = Callable[[Run], None]
"""Takes a run that is waited for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was requested. `group` is 0 if the server does not tell which one it will be."""

    job: Job
    group: int
    known: frozenset[int] = frozenset()
    """Groups that were there before."""
    object_name: str = ""
    """The DkronRun; empty for a request by REST."""
    answer: Answer = field(default_factory=dict)
    """The server's answer: the DkronRun, or the job in Dkron's JSON."""


PLAIN = Order()
BY_FORCE = "add --force to run it anyway"
"""How a refusal of `run` ends where force helps."""


class Noun(NamedTuple):
    """A kind that has commands of its own: the word for an object, which with an s is its command and its route; and
    what a server without that route cannot do."""

    word: str
    resource: Resource
    what: str

    @property
    def route(self) -> str:
        """The command, and the route of the REST API."""
        return f"{self.word}s"

    @property
    def kind(self) -> str:
        """How kubectl begins the names of its objects."""
        return f"{self.resource.plural.removesuffix('s')}.{self.resource.group}"


RUN = Noun("run", DKRON_RUNS, "show the runs that were requested")
BACKFILL = Noun("backfill", DKRON_BACKFILLS, "run slots again")
PAUSE = Noun("pause", DKRON_PAUSES, "pause jobs")


class Objects(Protocol):
    """Objects of one kind, as Kubernetes spells them. All methods raise `CliError`."""

    namespace: str
    """Where they are; empty if the server knows it."""

    async def all(self) -> list[Object]:
        """Return the objects of the namespace."""

    async def find(self, name: str) -> Object | None:
        """Return one; None if there is none of this name."""

    async def create(self, body: Object) -> Object:
        """Create one."""

    async def change(self, found: Object, spec: Object, *, unless_changed: bool = True) -> None:
        """Change these fields; by default not if another writer has changed the object meanwhile."""

    async def delete(self, found: Object, *, unless_changed: bool = False) -> None:
        """Delete this one, with `unless_changed` only if it is still as it was found."""

    async def with_runs(self, found: Object) -> Object:
        """Return a backfill with `activeRuns` and `failedRuns` in its status."""
        return found


class Server(Protocol):
    """One server. All methods raise `CliError`."""

    takes_faulty: bool = False
    """Whether it takes jobs that the operator could not run: it may be a Dkron."""
    keeps: str = ""
    """How far back its executions go, as a sentence; empty if the server itself tells."""
    namespace: str = ""
    """Where its jobs are, if the user chose that."""

    @property
    def where(self) -> str:
        """Where its jobs are, at the end of a sentence."""

    async def user(self) -> str:
        """Return who runs, stops and pauses; empty if the server writes that."""
        return ""

    def objects(self, noun: Noun, *, every: bool = False) -> Objects:
        """Return the objects of the namespace; with `every`, objects of all namespaces if -A asks for them."""

    async def pauses(self) -> Objects:
        """Return the pauses that hold for the jobs of the command: with -A, those in the operator's namespace."""
        return self.objects(PAUSE)

    async def pauses_that_hold(self) -> list[Object]:
        """Return all pauses of the namespace, and pauses of all namespaces; with -A, the pauses of each namespace."""
        return await self.objects(PAUSE).all()

    def none_of(self, chosen: Selection) -> str:
        """Return the sentence that no job is one of these."""

    async def jobs(self, chosen: Selection = ALL) -> list[Job]:
        """Return the chosen jobs, sorted. A REST API has no labels: there the metadata of the jobs counts."""

    async def job(self, name: str) -> Job:
        """Return one job, by its Dkron name or the name of its object."""

    async def past_job(self, name: str) -> Job:
        """Return one job, as much of it as is known if it is gone. Raises `CliError` for one that nothing tells of."""
        return await self.job(name)

    async def with_details(self, jobs: list[Job], *, every: bool) -> list[Job]:  # noqa: ARG002 - for a REST API
        """Return these jobs, which are `every` one of the server or some, with what pauses them and why they are not
        ready, as far as the server tells. A DkronJob has that."""
        return jobs

    async def with_active(self, jobs: list[Job]) -> list[Job]:
        """Return these jobs with how many of their attempts run, and how many wait in line. A DkronJob has them."""
        return jobs

    async def described(self, job: Job) -> Job:
        """Return a job whose `raw` is the DkronJob, as far as the server tells of it."""
        return job

    async def attempts(self, job: Job, *, placed: bool = False) -> list[Attempt]:
        """Return the attempts that are known, in any order; with `placed`, those that wait in queues of Kueue with
        their places."""

    def executions(self, wanted: "Filter", job: Job | None = None) -> "AsyncIterator[list[Listed]]":
        """Yield the executions of a job, or of all jobs, in pages, the newest first."""

    async def execution(self, job: Job, execution: str) -> Attempt | None:  # noqa: ARG002 - `attempts` has all
        """Return an execution that `attempts` does not have; None if there is none of this id."""
        return None

    async def latest_failure(self, job: Job, start: datetime) -> Run | None:
        """Return the newest finished run since then if it failed."""
        from dkron_reports.failing import latest_failure  # noqa: PLC0415 - a list needs none of it

        return latest_failure(await self.attempts(job), start)

    async def run(
        self, job: Job, *, force: bool, wait: float | None, order: Order = PLAIN, seen: Seen | None = None
    ) -> Asked:
        """Request a run, with what it is given. A server that can waits for its end, for at most `wait` seconds, and
        calls `seen` with the run as it goes on."""

    async def repeat(self, job: Job, attempt: Attempt, *, dry_run: bool) -> str:
        """Request a run that is given what the run of an attempt was given, and return in words what that is. With
        `dry_run` only the words, as far as the server tells."""

    async def progress(self, asked: Asked, *, placed: bool = False) -> Run | None:
        """Return the run as far as it is known; None while it has not begun. With `placed` it has its places while it
        waits. Raises if the operator skipped it."""

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

    async def import_steps(self, items: "Sequence[Item]", wanted: "Wanted") -> "list[Step]":
        """Return the steps of an import of these jobs, in their order."""

    async def try_out(self, step: "Step") -> None:  # noqa: ARG002 - a REST API cannot
        """Have the server check a step, if it can, and change nothing. The code is FAILED if it refuses this job."""
        return

    async def carry_out(self, step: "Step") -> None:
        """Make the change of a step."""

    async def agenda(self, within: str, *, most: int, least: int) -> Answer:
        """Say what is due: an `Agenda` as JSON."""

    async def failing(self, since: str, *, most: int, chosen: Selection = ALL) -> Answer:
        """Say which jobs fail most, as `failing` does."""

    async def summary(self) -> Answer:
        """Say how all jobs stand: the overview of `GET /v1/summary`."""

    async def close(self) -> None:
        """Close the connections."""


async def require(found: Objects, noun: Noun, name: str, where: str) -> Object:
    """Return the object of this name. Raises `CliError` if there is none."""
    one = await found.find(name)
    if one is None:
        raise CliError(Code.NOT_FOUND, f'there is no {noun.word} "{name}" {where}; see dkronctl {noun.route} list')
    return one


def need_cluster(options: Options, command: str) -> None:
    """Raise for a command that a REST API cannot answer."""
    if options.server:
        why = "because the REST API does not have the data; leave out --server and DKRON_SERVER"
        raise CliError(Code.USAGE, f"{command} needs a kubeconfig, {why}")


def refuse_disabled(job: Job, *, force: bool, otherwise: str = f", or {BY_FORCE}") -> None:
    """Raise for a job that is disabled, as far as it may be read. `otherwise` is how it runs nevertheless; empty if it
    does not."""
    if job.disabled and not force:
        text = f"{job.name} is disabled (spec.disabled) and refuses runs; dkronctl enable {job.name}{otherwise}"
        raise CliError(Code.FAILED, text)


def shown_by_job(asked: Asked) -> str:
    """Return who sees a run whose DkronRun the caller may not read, if the caller does not."""
    where = f" -n {asked.job.namespace}" if asked.object_name else ""
    if asked.job.raw or not asked.object_name:
        return f"dkronctl history {asked.job.name}{where} shows it"
    see = f"dkronctl runs describe {asked.object_name}{where}"
    return f"you may read neither it nor its job, and a user who may get dkronruns.dkron.io sees it by {see}"


def missing(name: str, where: str, known: Sequence[str] = ()) -> CliError:
    """Return the error for a job that does not exist. It suggests a name that is like it, of those that are known."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for this error

    near = get_close_matches(name, known, n=1)
    advice = f'did you mean "{near[0]}"?' if near else "see dkronctl get"
    return CliError(Code.NOT_FOUND, f'there is no job "{name}" {where}; {advice}')


async def meant(server: Server, selection: Selection) -> list[Job]:
    """Return the jobs with the labels, or the one job that is named."""
    return await server.jobs(selection) if selection.labels else [await server.job(selection.names[0])]


async def past_jobs(server: Server, selection: Selection) -> list[Job]:
    """Return the jobs that are named, also if they are gone; or those with the labels."""
    if not selection.names:
        return await server.jobs(selection)
    return [await server.past_job(name) for name in selection.names]


async def job_to_run(server: Server, name: str) -> Job:
    """Return one job; with only its name for a user who may run it and not read it. Raises `CliError` if there is
    none."""
    try:
        return await server.job(name)
    except CliError as error:
        if error.code is not Code.FORBIDDEN:
            raise
        return Job(name=name, schedule="", raw={}, namespace=server.namespace, object_name=object_name(name))


async def existing(server: Server, name: str) -> list[Job]:
    """Return the job of this name, if it exists: a pause may name any."""
    try:
        return [await server.job(name)]
    except CliError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        return []
