"""`whoami` and `can`: your user and groups, and your permissions."""

from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.complete import job_names
from dkron_cli.core.rights import READ_VALUES, VERBS, Right
from dkron_cli.edge.cluster import Cluster
from dkron_cli.edge.connect import opened_cluster
from dkron_cli.edge.reviews import refusal
from dkron_cli.edge.terminal import say, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import options_of
from dkron_crds.attempts import Trigger
from dkron_crds.names import object_name
from dkron_reports.repeat import may_have_values


async def whoami(ctx: typer.Context) -> None:
    """Show your user and groups, as the cluster sees them.

    It also shows the namespace that commands use.
    """
    options = options_of(ctx)
    async with opened_cluster(options, "whoami") as cluster:
        user = await cluster.whoami()
    found = {"user": user.get("username", ""), "groups": user.get("groups") or [], "namespace": cluster.namespace}
    if structured(options, [found], names=lambda: [str(found["user"])], one=True):
        return
    say(f"user:       {found['user']}\ngroups:     {', '.join(found['groups']) or '-'}")
    say(f"namespace:  {found['namespace']}\nserver:     {cluster.kube.access.server}")


async def can(
    ctx: typer.Context,
    verb: Annotated[str, typer.Argument(metavar="VERB", help=f"One of {', '.join(VERBS)}.")],
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="A job; default: all.", autocompletion=job_names)] = "",
) -> None:
    """Say whether you have the permission to do something with a job.

    The exit code is 0 for yes and 4 for no.
    """
    options = options_of(ctx)
    if verb not in VERBS:
        raise usage(f'"{verb}" is not known; use {", ".join(VERBS)}')
    async with opened_cluster(options, "can") as cluster:
        lacking = await lacks(cluster, verb, job, everywhere=options.all_namespaces)
    where = "in all namespaces" if options.all_namespaces else f"in namespace {cluster.namespace}"
    if lacking is None:
        say("yes")
        return
    right, why = lacking
    say(f"no: this needs the permission to {right} {where}{f' ({why})' if why else ''}")
    raise typer.Exit(Code.FORBIDDEN)


async def lacks(cluster: Cluster, verb: str, job: str = "", *, everywhere: bool = False) -> tuple[Right, str] | None:
    """Return the first right that a command takes and the user lacks, with the reason that the server gives; None if
    the user may do it."""
    where = None if everywhere else cluster.namespace
    for right in VERBS[verb]:
        # The name of a pod or a DkronRun is not known, and a job's is not theirs.
        name = object_name(job) if job and right.resource == "dkronjobs" else ""
        if (why := await refusal(cluster.kube, right, where, name)) is not None:
            return right, why
    if verb == "retry" and await _may_have_values(cluster, job, everywhere=everywhere):
        why = await refusal(cluster.kube, READ_VALUES, where)
        return None if why is None else (READ_VALUES, why)
    return None


async def _may_have_values(cluster: Cluster, job: str, *, everywhere: bool) -> bool:
    """Whether a run of the job may have values, which its DkronRun tells. Of all jobs, one may."""
    if not job or everywhere:
        return True
    try:
        return may_have_values((await cluster.job(job)).raw, Trigger.MANUAL)
    except CliError as error:
        if error.code in (Code.NOT_FOUND, Code.FORBIDDEN):
            return True
        raise
