"""`import`: DkronJobs of manifests, of Dkron's jobs, or of CronJobs."""

from datetime import UTC, datetime
from os import environ
from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.commands.lint import read
from dkron_cli.core.importing import (
    Change,
    Item,
    Step,
    Wanted,
    items_of_dkron,
    items_of_objects,
    items_of_text,
    manifests,
    twice,
)
from dkron_cli.core.manifests import Unreadable
from dkron_cli.edge.backend import Noun, Server
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import print_manifests, remark, run, say
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import DryRun, Options, options_of
from dkron_kube.paths import Resource
from dkron_reports.words import one_line, plural

WORDS = {
    Change.CREATE: "created", Change.UPDATE: "updated", Change.DELETE: "deleted", Change.SAME: "unchanged",
    Change.SEND: "written",
}  # fmt: skip
FROM_CLUSTER = "cronjobs"
CRON_JOB = Noun("cronjob", Resource("batch", "v1", FROM_CLUSTER), "import CronJobs")
SOURCE_TOKEN = "DKRON_SOURCE_TOKEN"  # noqa: S105 - the name of a variable


def import_(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE|URL|cronjobs", help="A file, -, the address of a Dkron, or `cronjobs`.")
    ],
    dry_run: DryRun = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete jobs of an earlier import that are not in the source.")
    ] = False,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Create all jobs disabled, to enable them one by one.")
    ] = False,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Skip jobs that cannot be imported.")] = False,
) -> None:
    """Create DkronJobs from manifests, Dkron's jobs or CronJobs.

    The source is a file of DkronJobs, of CronJobs, or of the JSON of Dkron's /v1/jobs; the address of a Dkron; or the
    word cronjobs for the CronJobs of the cluster. Standard error lists each field that a job loses. Parents come before
    their children. -n puts all jobs into this namespace and ignores the namespaces of the source.

    dkronctl refuses a job that the operator could not run, with every reason that its manifest shows; spec.unchecked
    turns that off. Before the first write, the API server checks all jobs by a dry run. Unchanged jobs are not written,
    so an interrupted import continues where it stopped. A job in Dkron's JSON keeps the fields of its DkronJob that
    Dkron lacks, such as parameters and jobTemplate. With --server, jobs in Dkron's JSON go to that REST API. If the
    source is a Dkron that needs a token, set the variable DKRON_SOURCE_TOKEN. With -o yaml or json, dkronctl prints the
    DkronJobs and writes nothing; a file then needs no cluster.
    """
    options = options_of(ctx)
    printing = options.output in ("json", "yaml")
    if printing and prune:
        raise usage("--prune deletes from a cluster, and -o only prints; leave out one of them")
    if options.server and (prune or source == FROM_CLUSTER):
        raise usage("--prune and cronjobs need a kubeconfig; leave out --server and DKRON_SERVER")
    try:
        if printing:
            run(_print(options, source, disabled=disabled, skip_broken=skip_broken))
            return
        wanted = Wanted(options.namespace, disabled=disabled, prune=prune)
        run(_import(options, source, wanted, dry_run=dry_run, skip_broken=skip_broken))
    except Interrupted:
        remark("\ninterrupted; repeat the command to continue")
        raise typer.Exit(Code.INTERRUPTED) from None


async def _import(options: Options, source: str, wanted: Wanted, *, dry_run: bool, skip_broken: bool) -> None:
    async with connected(options) as server:
        items = await _items(server, source)
        _report(items, skip_broken=skip_broken, takes_faulty=server.takes_faulty)
        todo = await server.import_steps(items, wanted)
        await _check(server, todo)
        await _carry_out(server, todo, dry_run=dry_run)


async def _print(options: Options, source: str, *, disabled: bool, skip_broken: bool) -> None:
    """Print what would be imported."""
    if source == FROM_CLUSTER:
        async with connected(options) as server:
            items = await _items(server, source)
    else:
        items = await _given(source)
    _report(items, skip_broken=skip_broken)
    print_manifests(manifests(items, options.namespace, disabled=disabled), options)


async def _items(server: Server, source: str) -> list[Item]:
    if source == FROM_CLUSTER:
        found = await server.objects(CRON_JOB, every=True).all()
        jobs = [{"apiVersion": "batch/v1", "kind": "CronJob", **raw} for raw in found]
        return items_of_objects(jobs, datetime.now(UTC))
    return await _given(source)


async def _given(source: str) -> list[Item]:
    """Return the jobs of a file or of a Dkron."""
    if source.startswith(("http://", "https://")):
        return items_of_dkron(await _fetched(source), datetime.now(UTC))
    try:
        return items_of_text(read(source), datetime.now(UTC))
    except Unreadable as error:
        raise CliError(Code.FAILED, f"{source}:{error.line}: {error}") from None


async def _fetched(source: str) -> list[Any]:
    """Return the jobs of a Dkron."""
    # DKRON_TOKEN is for --server: the source must not see it.
    options = Options(server=source.rstrip("/").removesuffix("/v1/jobs"), token=environ.get(SOURCE_TOKEN, ""))
    async with connected(options) as dkron:
        return [job.raw for job in await dkron.jobs()]


def _report(items: list[Item], *, skip_broken: bool, takes_faulty: bool = False) -> None:
    """Say what is lost. Raises `CliError` for jobs that cannot be taken over, unless the server takes them, too."""
    broken = [item for item in items if item.refused]
    if takes_faulty:
        for item in broken:
            # The server has the last word: Dkron may run it.
            for sentence in item.refused:
                remark(f"{item.name}: the operator would not run it: {one_line(sentence)}")
        return
    for item in items:
        for sentence in item.remarks:
            remark(f"{item.name}: {one_line(sentence)}")
    for item in broken:
        for sentence in item.refused:
            remark(f"{item.name}: cannot be imported: {one_line(sentence)}")
    if names := twice(items):
        raise CliError(Code.FAILED, f"the source has several jobs called {', '.join(names)}; rename or remove them")
    if broken and not skip_broken:
        text = (
            f"{plural(len(broken), 'job')} cannot be imported, and nothing was written; fix them or use --skip-broken"
        )
        raise CliError(Code.FAILED, text)


async def _check(server: Server, todo: list[Step]) -> None:
    """Have the server check every write before the first one. Raises `CliError` with nothing written."""
    refused = 0
    for step in todo:
        try:
            await server.try_out(step)
        except CliError as error:
            if error.code is not Code.FAILED:
                # No right for one is no right for all.
                raise
            remark(f"{step.item.name}: the API server refuses it: {one_line(str(error))}")
            refused += 1
    if refused:
        raise CliError(Code.FAILED, f"the API server refuses {plural(refused, 'job')}, and nothing was written")


async def _carry_out(server: Server, todo: list[Step], *, dry_run: bool) -> None:
    counts = dict.fromkeys(WORDS, 0)
    for number, step in enumerate(todo, start=1):
        if not dry_run:
            try:
                await server.carry_out(step)
            except CliError as error:
                done = f"{number - 1} of {len(todo)} are done; repeat the command to continue"
                raise CliError(error.code, f"{step.item.name}: {error}; {done}") from error
        counts[step.change] += 1
        if step.change is not Change.SAME:
            say(f"{step.title} {'would be ' if dry_run else ''}{WORDS[step.change]}")
    told_counts = ", ".join(f"{count} {WORDS[change]}" for change, count in counts.items() if count) or "no jobs"
    remark(f"{told_counts}{' (dry run: nothing was written)' if dry_run else ''}")
