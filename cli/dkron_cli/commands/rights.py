"""`whoami` and `can`: who you are for the cluster, and what you may do."""

from typing import Annotated, Any

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.complete import job_names
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.cluster import Cluster, opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.terminal import run, say, structured
from dkron_cli.errors import Code
from dkron_cli.options import Options, options_of
from dkron_crds.names import GROUP, object_name
from dkron_kube.paths import Resource

REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")
ACCESS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")

VERBS = {
    "get": (GROUP, "dkronjobs", "", "get"),
    "list": (GROUP, "dkronjobs", "", "list"),
    "create": (GROUP, "dkronjobs", "", "create"),
    "delete": (GROUP, "dkronjobs", "", "delete"),
    "edit": (GROUP, "dkronjobs", "", "patch"),
    "enable": (GROUP, "dkronjobs", "", "patch"),
    "disable": (GROUP, "dkronjobs", "", "patch"),
    "run": (GROUP, "dkronruns", "", "create"),
    "stop": (GROUP, "dkronjobs", "", "patch"),
    "retry": (GROUP, "dkronruns", "", "create"),
    "restore": (GROUP, "dkronjobs", "status", "patch"),
    "pause": (GROUP, "dkronpauses", "", "create"),
    "resume": (GROUP, "dkronpauses", "", "delete"),
    "logs": ("", "pods", "log", "get"),
}
"""What each command does to which object of Kubernetes: group, resource, subresource, verb."""


def whoami(ctx: typer.Context) -> None:
    """Show who you are for the cluster.

    The name and the groups that the API server sees, and the namespace that commands use.
    """
    options = options_of(ctx)
    need_cluster(options, "whoami")
    run(_whoami(options))


def can(
    ctx: typer.Context,
    verb: Annotated[str, typer.Argument(metavar="VERB", help=f"One of {', '.join(VERBS)}.")],
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="A job; default: all.", autocompletion=job_names)] = "",
) -> None:
    """Say whether you may do something with a job.

    The exit code is 0 for yes and 4 for no.
    """
    options = options_of(ctx)
    need_cluster(options, "can")
    if verb not in VERBS:
        raise usage(f'"{verb}" is not known; use {", ".join(VERBS)}')
    raise typer.Exit(run(_can(options, verb, job)))


async def who_am_i(cluster: Cluster) -> dict[str, Any]:
    """Return the user that the API server sees: `username` and `groups`."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with readable():
        answer = await cluster.kube.create(REVIEWS, None, review)
    return (answer.get("status") or {}).get("userInfo") or {}


async def _whoami(options: Options) -> None:
    async with opened_cluster(options) as cluster:
        user = await who_am_i(cluster)
    found = {"user": user.get("username", ""), "groups": user.get("groups") or [], "namespace": cluster.namespace}
    if structured(options, [found], names=lambda: [str(found["user"])], one=True):
        return
    say(f"user:       {found['user']}\ngroups:     {', '.join(found['groups']) or '-'}")
    say(f"namespace:  {found['namespace']}\nserver:     {cluster.kube.access.server}")


async def _can(options: Options, verb: str, job: str) -> int:
    async with opened_cluster(options) as cluster:
        allowed, why = await may(cluster, verb, object_name(job) if job else "", everywhere=options.all_namespaces)
    where = "in all namespaces" if options.all_namespaces else f"in namespace {cluster.namespace}"
    group, resource, sub, needed = VERBS[verb]
    right = f"{needed} {resource}{f'/{sub}' if sub else ''}{f'.{group}' if group else ''}"
    say("yes" if allowed else f"no: it takes the right to {right} {where}{f' ({why})' if why else ''}")
    return Code.OK if allowed else Code.FORBIDDEN


async def may(cluster: Cluster, verb: str, name: str = "", *, everywhere: bool = False) -> tuple[bool, str]:
    """Return whether the user may do what a command does, and the reason that the server gives."""
    group, resource, sub, needed = VERBS[verb]
    attributes: dict[str, Any] = {"group": group, "resource": resource, "verb": needed}
    # The name of a pod is not known, and a job's is not a pod's.
    named = {"name": name} if name and resource == "dkronjobs" else {}
    attributes |= (
        named | ({"subresource": sub} if sub else {}) | ({} if everywhere else {"namespace": cluster.namespace})
    )
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    with readable():
        status = (await cluster.kube.create(ACCESS, None, review)).get("status") or {}
    return bool(status.get("allowed")), str(status.get("reason") or "")
