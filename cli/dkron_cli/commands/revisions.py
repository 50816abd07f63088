"""The specs that a job had: `history --diff` shows them, and `revert` writes one of them again."""

from dataclasses import dataclass
from typing import Annotated

import typer

from dkron_cli.commands.arguments import JobName
from dkron_cli.core.moments import Range
from dkron_cli.core.revisions import (
    Difference,
    difference_lines,
    differences_of,
    heading,
    left_out,
    revision_json,
    way_back,
)
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import agreed, remark, run, say, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_reports.job import Job
from dkron_reports.reading import Object, number
from dkron_reports.words import read_time


async def show_revisions(options: Options, name: str, made: Range, count: int) -> None:
    """Print the newest specs of a job that were accepted in a range, each with the differences to the one before."""
    async with connected(options) as server:
        past = server.past()
        job = await server.job(name)
        chosen = [each for each in await past.revisions(job) if _is_in(each, made)][:count]
        found = [await past.revision(job, number(each, "generation")) for each in chosen]
    raw = [revision_json(each) for each in found]
    if structured(options, raw, names=lambda: [str(number(each, "generation")) for each in found], one=False):
        return
    for each in found:
        say(heading(each))
        for line in difference_lines(differences_of(each)):
            say(line)
    if not found:
        remark("no revisions")


def revert(
    ctx: typer.Context,
    job: JobName,
    revision: Annotated[int, typer.Argument(metavar="REVISION", min=1, help="As dkronctl history --diff lists it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Give a job back a spec that it had.

    It shows what would change, asks, and writes the job by the REST API, unless another writer has changed the job
    meanwhile. It needs --server, and an archive. Dkron's JSON has no place for some fields, such as parameters and
    jobTemplate: they stay as they are, and the command names those that have changed since.
    """
    options = options_of(ctx)
    way = run(_way_back(options, job, revision))
    if not way.differences:
        say(f"{way.job.name} is as in revision {revision} already")
        return
    say(heading(way.revision))
    for line in difference_lines(way.differences):
        say(line)
    if way.stays:
        stay = "it stays as it is" if len(way.stays) == 1 else "they stay as they are"
        remark(f"the REST API cannot write {', '.join(way.stays)}: {stay}")
    if dry_run:
        remark("(dry run: nothing was written)")
        return
    if not yes and not agreed(f"Give {way.job.name} back revision {revision}?"):
        raise CliError(Code.FAILED, "nothing was written; answer y, or give --yes")
    run(_carry_out(options, way))
    say(f"{way.job.name} has the spec of revision {revision}")


@dataclass(frozen=True, slots=True)
class WayBack:
    """What to write, unless the job has another version now; what that changes, and what it cannot change."""

    job: Job
    revision: Object
    wanted: Object
    differences: list[Difference]
    stays: list[str]
    version: str


async def _way_back(options: Options, name: str, generation: int) -> WayBack:
    async with connected(options) as server:
        past = server.past()
        job = await server.job(name)
        revision = await past.revision(job, generation)
        stays = left_out(await past.revisions(job), generation)
        current = await past.current(job)
    wanted, differences = way_back(current.raw, revision)
    if not wanted:
        raise CliError(Code.UNREACHABLE, f"the server does not tell the job of revision {generation}")
    return WayBack(job, revision, wanted, differences, stays, current.version)


async def _carry_out(options: Options, way: WayBack) -> None:
    async with connected(options) as server:
        await server.past().replace(way.job, way.wanted, way.version)


def _is_in(revision: Object, made: Range) -> bool:
    at = read_time(revision.get("at"))
    return at is None or made.has(at)
