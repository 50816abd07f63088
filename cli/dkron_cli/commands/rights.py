"""`whoami` and `can`: your user and groups, and your permissions."""

from typing import Annotated, Any, NamedTuple

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.complete import job_names
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.cluster import Cluster, opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.terminal import run, say, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options, options_of
from dkron_crds.names import GROUP, object_name
from dkron_crds.status import Trigger
from dkron_kube.paths import Resource
from dkron_reports.repeat import may_have_values

ACCESS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


class Right(NamedTuple):
    """A permission to ask the API server about."""

    group: str
    resource: str
    verb: str
    subresource: str = ""

    def __str__(self) -> str:
        sub, group = (f"/{self.subresource}" if self.subresource else ""), (f".{self.group}" if self.group else "")
        return f"{self.verb} {self.resource}{sub}{group}"


RUN = Right(GROUP, "dkronruns", "create")
READ = Right(GROUP, "dkronjobs", "get")
CHANGE = Right(GROUP, "dkronjobs", "patch")
READ_VALUES = Right(GROUP, "dkronruns", "list")

VERBS = {
    "get": (READ,),
    "list": (Right(GROUP, "dkronjobs", "list"),),
    "create": (Right(GROUP, "dkronjobs", "create"),),
    "delete": (Right(GROUP, "dkronjobs", "delete"),),
    "edit": (CHANGE,),
    "enable": (CHANGE,),
    "disable": (CHANGE,),
    "run": (RUN,),
    "stop": (CHANGE,),
    "retry": (RUN, READ),
    "restore": (Right(GROUP, "dkronjobs", "patch", "status"),),
    "pause": (Right(GROUP, "dkronpauses", "create"),),
    "resume": (Right(GROUP, "dkronpauses", "delete"),),
    "logs": (Right("", "pods", "get", "log"),),
}
"""The rights that each command takes, all of them."""


def whoami(ctx: typer.Context) -> None:
    """Show your user and groups, as the cluster sees them.

    It also shows the namespace that commands use.
    """
    options = options_of(ctx)
    need_cluster(options, "whoami")
    run(_whoami(options))


def can(
    ctx: typer.Context,
    verb: Annotated[str, typer.Argument(metavar="VERB", help=f"One of {', '.join(VERBS)}.")],
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="A job; default: all.", autocompletion=job_names)] = "",
) -> None:
    """Say whether you have the permission to do something with a job.

    The exit code is 0 for yes and 4 for no.
    """
    options = options_of(ctx)
    need_cluster(options, "can")
    if verb not in VERBS:
        raise usage(f'"{verb}" is not known; use {", ".join(VERBS)}')
    raise typer.Exit(run(_can(options, verb, job)))


async def _whoami(options: Options) -> None:
    async with opened_cluster(options) as cluster:
        user = await cluster.whoami()
    found = {"user": user.get("username", ""), "groups": user.get("groups") or [], "namespace": cluster.namespace}
    if structured(options, [found], names=lambda: [str(found["user"])], one=True):
        return
    say(f"user:       {found['user']}\ngroups:     {', '.join(found['groups']) or '-'}")
    say(f"namespace:  {found['namespace']}\nserver:     {cluster.kube.access.server}")


async def _can(options: Options, verb: str, job: str) -> int:
    async with opened_cluster(options) as cluster:
        lacking = await lacks(cluster, verb, job, everywhere=options.all_namespaces)
    where = "in all namespaces" if options.all_namespaces else f"in namespace {cluster.namespace}"
    if lacking is None:
        say("yes")
        return Code.OK
    right, why = lacking
    say(f"no: this needs the permission to {right} {where}{f' ({why})' if why else ''}")
    return Code.FORBIDDEN


async def lacks(cluster: Cluster, verb: str, job: str = "", *, everywhere: bool = False) -> tuple[Right, str] | None:
    """Return the first right that a command takes and the user lacks, with the reason that the server gives; None if
    the user may do it."""
    for right in VERBS[verb]:
        if (why := await _refusal(cluster, right, job, everywhere=everywhere)) is not None:
            return right, why
    if verb == "retry" and await _may_have_values(cluster, job, everywhere=everywhere):
        why = await _refusal(cluster, READ_VALUES, job, everywhere=everywhere)
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


async def _refusal(cluster: Cluster, right: Right, job: str, *, everywhere: bool) -> str | None:
    """Return the reason of the server if the user lacks the right, which may be empty; None if the user has it."""
    attributes: dict[str, Any] = {"group": right.group, "resource": right.resource, "verb": right.verb}
    # The name of a pod or a DkronRun is not known, and a job's is not theirs.
    attributes |= {"name": object_name(job)} if job and right.resource == "dkronjobs" else {}
    attributes |= {"subresource": right.subresource} if right.subresource else {}
    attributes |= {} if everywhere else {"namespace": cluster.namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    with readable():
        status = (await cluster.kube.create(ACCESS, None, review)).get("status") or {}
    return None if status.get("allowed") else str(status.get("reason") or "")
