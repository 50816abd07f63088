"""`import`: DkronJobs of manifests, of Dkron's jobs, or of CronJobs."""

import json
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
    items_of_dkron,
    items_of_objects,
    items_of_text,
    lonely,
    manifests,
    placed,
    steps,
    twice,
)
from dkron_cli.core.manifests import Unreadable
from dkron_cli.core.objects import parents_first
from dkron_cli.edge.cluster import Cluster, opened_cluster
from dkron_cli.edge.errors import readable, told
from dkron_cli.edge.rest import Rest, open_rest
from dkron_cli.edge.terminal import print_manifests, remark, run, say
from dkron_cli.edge.writing import change_spec, write_past
from dkron_cli.errors import CliError, Code, Interrupted
from dkron_cli.options import DryRun, Options, options_of
from dkron_kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Rejected
from dkron_kube.paths import DKRON_JOBS, Resource
from dkron_reports.words import one_line, plural

CRON_JOBS = Resource("batch", "v1", "cronjobs")
FROM_CLUSTER = "cronjobs"
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
        run(_import(options, source, dry_run=dry_run, prune=prune, disabled=disabled, skip_broken=skip_broken))
    except Interrupted:
        remark("\ninterrupted; repeat the command to continue")
        raise typer.Exit(Code.INTERRUPTED) from None


async def _import(
    options: Options, source: str, *, dry_run: bool, prune: bool, disabled: bool, skip_broken: bool
) -> None:
    if options.server:
        await _to_rest(options, source, dry_run=dry_run, disabled=disabled)
        return
    async with opened_cluster(options) as cluster:
        items = await _items(cluster, source)
        _report(items, skip_broken=skip_broken)
        wanted = placed(items, cluster.namespace, move=bool(options.namespace), disabled=disabled)
        if prune and not wanted:
            raise CliError(Code.FAILED, "the source has no jobs, and --prune would delete all; check the source")
        namespaces = sorted({item.job["metadata"]["namespace"] for item in wanted})
        with readable():
            stored = [raw for where in namespaces async for raw in cluster.kube.list(DKRON_JOBS, where)]
        for sentence in lonely(wanted, stored):
            remark(sentence)
        todo = steps(wanted, stored, prune=prune)
        await _check(cluster, todo)
        await _carry_out(cluster, todo, dry_run=dry_run)


async def _print(options: Options, source: str, *, disabled: bool, skip_broken: bool) -> None:
    """Print what would be imported."""
    if source == FROM_CLUSTER:
        async with opened_cluster(options) as cluster:
            items = await _cron_jobs(cluster)
    else:
        items = await _given(source)
    _report(items, skip_broken=skip_broken)
    print_manifests(manifests(items, options.namespace, disabled=disabled), options)


async def _items(cluster: Cluster, source: str) -> list[Item]:
    return await (_cron_jobs(cluster) if source == FROM_CLUSTER else _given(source))


async def _cron_jobs(cluster: Cluster) -> list[Item]:
    where = None if cluster.everywhere else cluster.namespace
    with readable():
        listed = [raw async for raw in cluster.kube.list(CRON_JOBS, where)]
    return items_of_objects([{"apiVersion": "batch/v1", "kind": "CronJob", **raw} for raw in listed], datetime.now(UTC))


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
    rest = open_rest(options)
    try:
        found = await rest.call("GET", "/v1/jobs")
    finally:
        await rest.close()
    if not isinstance(found, list):
        raise CliError(Code.FAILED, f"{source} did not answer with a list of jobs")
    return found


def _report(items: list[Item], *, skip_broken: bool) -> None:
    """Say what is lost. Raises `CliError` for jobs that cannot be taken over."""
    for item in items:
        for sentence in item.remarks:
            remark(f"{item.name}: {one_line(sentence)}")
    broken = [item for item in items if item.refused]
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


async def _check(cluster: Cluster, todo: list[Step]) -> None:
    """Have the API server check every write by a dry run. Raises `CliError` with nothing written."""
    refused = 0
    for step in todo:
        where = step.item.job["metadata"]["namespace"]
        try:
            if step.change is Change.CREATE:
                await cluster.kube.create(DKRON_JOBS, where, step.item.job, dry_run=True)
            elif step.change is Change.UPDATE:
                await change_spec(cluster.kube, DKRON_JOBS, step.stored, step.item.job, dry_run=True)
        except Rejected as error:
            if error.status == 403:  # noqa: PLR2004 - no right for one is no right for all
                raise told(error) from error
            remark(f"{step.item.name}: the API server refuses it: {one_line(str(error))}")
            refused += 1
        except AlreadyExists:
            # Another client has made it meanwhile: the write decides.
            continue
        except NotFound as error:
            raise told(error) from error
        except KubeError as error:
            raise told(error) from error
    if refused:
        raise CliError(Code.FAILED, f"the API server refuses {plural(refused, 'job')}, and nothing was written")


async def _carry_out(cluster: Cluster, todo: list[Step], *, dry_run: bool) -> None:
    words = {Change.CREATE: "created", Change.UPDATE: "updated", Change.DELETE: "deleted", Change.SAME: "unchanged"}
    counts = dict.fromkeys(words, 0)
    for number, step in enumerate(todo, start=1):
        if not dry_run:
            try:
                await _write(cluster, step)
            except Conflict as error:
                raise told(error) from error
            except KubeError as error:
                done = f"{number - 1} of {len(todo)} are done; repeat the command to continue"
                failure = told(error)
                raise CliError(failure.code, f"{step.item.name}: {failure}; {done}") from error
        counts[step.change] += 1
        if step.change is not Change.SAME:
            word = f"would be {words[step.change]}" if dry_run else words[step.change]
            metadata = step.item.job["metadata"]
            say(f"{metadata['namespace']}/{metadata['name']} {word}")
    told_counts = ", ".join(f"{count} {words[change]}" for change, count in counts.items() if count) or "no jobs"
    remark(f"{told_counts}{' (dry run: nothing was written)' if dry_run else ''}")


async def _write(cluster: Cluster, step: Step) -> None:
    where = step.item.job["metadata"]["namespace"]
    match step.change:
        case Change.CREATE:
            stored = await cluster.kube.create(DKRON_JOBS, where, step.item.job)
            if step.item.past:
                await write_past(cluster.kube, stored, step.item.past)
        case Change.UPDATE:
            await change_spec(cluster.kube, DKRON_JOBS, step.stored, step.item.job)
        case Change.DELETE:
            metadata = step.stored["metadata"]
            await cluster.kube.delete(DKRON_JOBS, where, metadata["name"], uid=metadata["uid"])
        case Change.SAME:
            pass


async def _to_rest(options: Options, source: str, *, dry_run: bool, disabled: bool) -> None:
    """Send Dkron's JSON to a REST API, parents first."""
    if source.startswith(("http://", "https://")):
        jobs = await _fetched(source)
    else:
        try:
            jobs = json.loads(read(source))
        except (ValueError, RecursionError):
            jobs = None
    if not isinstance(jobs, list) or not all(isinstance(each, dict) and each.get("name") for each in jobs):
        raise usage("with --server the source is the JSON of Dkron's /v1/jobs; manifests need a kubeconfig")
    for item in items_of_dkron(jobs, datetime.now(UTC)):
        # The server has the last word: Dkron may run it.
        for sentence in item.refused:
            remark(f"{item.name}: the operator would not run it: {one_line(sentence)}")
    # As manifests, only for their order.
    order = {
        str(each["name"]): {"metadata": {"name": str(each["name"])}, "spec": {"parentJob": each.get("parent_job")}}
        for each in jobs
    }
    by_name = {str(each["name"]): each for each in jobs}
    rest = open_rest(options)
    try:
        for stub in parents_first(list(order.values())):
            name = stub["metadata"]["name"]
            await _post(rest, by_name[name] | ({"disabled": True} if disabled else {}), dry_run=dry_run)
            say(f"{name} {'would be written' if dry_run else 'written'}")
    finally:
        await rest.close()
    remark(f"{plural(len(by_name), 'job')}{' (dry run: nothing was written)' if dry_run else ''}")


async def _post(rest: Rest, job: dict[str, Any], *, dry_run: bool) -> None:
    if dry_run:
        return
    try:
        await rest.call("POST", "/v1/jobs", body=job)
    except CliError as error:
        raise CliError(error.code, f"{job['name']}: {error}") from None
