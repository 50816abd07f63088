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
    named,
    revision_json,
    way_back,
    whole,
)
from dkron_cli.edge.connect import opened_archive
from dkron_cli.edge.terminal import agreed, print_manifests, remark, run, say, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_reports.reading import Object, mapping, number
from dkron_reports.words import read_time


async def show_revisions(options: Options, name: str, made: Range, count: int) -> None:
    """Print the newest specs of a job that were accepted in a range, each with the differences to the one before."""
    async with opened_archive(options) as past:
        known = await past.revisions(name)
        chosen = [each for each in named(known) if _is_in(each[1], made)][:count]
        found = [await past.revision(name, revision) for revision, _ in chosen]
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
    revision: Annotated[
        str, typer.Argument(metavar="REVISION", help="Its number, or its time, as dkronctl history --diff lists them.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Give a job back a spec that it had.

    It shows what would change, asks, and writes the job by the REST API, unless another writer has changed the job
    meanwhile. A job that was deleted is created. It needs --server, and an archive. The REST API does not write fields
    that Dkron's JSON has no place for, such as parameters and jobTemplate, and the command names those that would
    differ. With -o yaml or json, it prints the whole DkronJob of the revision for kubectl apply, and writes nothing.
    """
    options = options_of(ctx)
    way = run(_way_back(options, job, revision))
    if options.output in ("json", "yaml"):
        print_manifests([whole(way.revision, job)], options)
        return
    if not way.differences and not way.left_out:
        say(f"{job} is as in revision {revision} already")
        return
    say(heading(way.revision))
    for line in difference_lines(way.differences):
        say(line)
    if way.left_out:
        other = f"dkronctl revert {job} {revision} -o yaml | kubectl apply -f -"
        remark(f"the REST API does not write {', '.join(way.left_out)}; this does: {other}")
    if dry_run:
        remark("(dry run: nothing was written)")
        return
    if not way.differences:
        raise CliError(Code.FAILED, "nothing was written")
    if not yes and not agreed(f"Give {job} back revision {revision}?"):
        raise CliError(Code.FAILED, "nothing was written; answer y, or give --yes")
    run(_carry_out(options, job, way))
    say(f"{job} has the spec of revision {revision}{', except for these fields' if way.left_out else ''}")


@dataclass(frozen=True, slots=True)
class WayBack:
    """What to write, unless the job has another version now; what that changes; and which fields it leaves out."""

    revision: Object
    wanted: Object
    differences: list[Difference]
    left_out: list[str]
    version: str


async def _way_back(options: Options, name: str, which: str) -> WayBack:
    async with opened_archive(options) as past:
        revision = await past.revision(name, which)
        current = await past.current(name)
    wanted, differences = way_back(current.raw, revision)
    if not wanted or not mapping(revision, "spec"):
        raise CliError(Code.UNREACHABLE, f"the server does not tell the spec of revision {which}")
    return WayBack(revision, wanted, differences, left_out(current.whole, revision, wanted), current.version)


async def _carry_out(options: Options, name: str, way: WayBack) -> None:
    async with opened_archive(options) as past:
        try:
            await past.replace(name, way.wanted, way.version)
        except CliError as error:
            kept, force, _ = str(error).partition(", or add ?force=true")
            if not force:
                raise
            # Another tool manages a field.
            raise CliError(error.code, f"{kept}, or give the output of revert -o yaml to kubectl apply") from None


def _is_in(revision: Object, made: Range) -> bool:
    at = read_time(revision.get("at"))
    return at is None or made.has(at)
