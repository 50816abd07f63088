"""`policy` and `token`: access to the REST API with `--auth dkron`."""

import os
import sys
from typing import Annotated, Any

import typer

from dkron_cli.core.table import table
from dkron_cli.edge.backend import need_cluster
from dkron_cli.edge.connect import opened_cluster
from dkron_cli.edge.errors import readable
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.options import options_of
from dkron_kube.paths import DKRON_POLICIES
from dkron_reports.words import one_line


async def policy(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[POLICY]", help="Name of a policy; default: all.")] = "",
) -> None:
    """List DkronPolicies and the paths of the REST API that they grant.

    -n names the namespace of the operator. `dkronctl token create --policy` takes these names.
    """
    options = options_of(ctx)
    async with opened_cluster(options, "policy") as cluster:
        with readable():
            if name:
                found = [await cluster.kube.get(DKRON_POLICIES, cluster.namespace, name)]
            else:
                where = None if options.all_namespaces else cluster.namespace
                found = [raw async for raw in cluster.kube.list(DKRON_POLICIES, where)]
    if structured(options, found, names=lambda: [each["metadata"]["name"] for each in found], one=bool(name)):
        return
    if not found:
        remark("no policies")
        return
    rows = [row for each in found for row in _rows(each, namespaces=options.all_namespaces)]
    show(table(("NAMESPACE", "POLICY", "PATH", "CAPABILITIES"), rows), options)


def _rows(raw: dict[str, Any], *, namespaces: bool) -> list[tuple[str, str, str, str]]:
    metadata, paths = raw["metadata"], (raw.get("spec") or {}).get("path") or {}
    return [
        (
            metadata["namespace"] if namespaces else "", metadata["name"], one_line(str(path)),
            ", ".join(map(str, rule.get("capabilities") or ())) or "none",
        )
        for path, rule in sorted(paths.items())
    ]  # fmt: skip


def token(ctx: typer.Context) -> None:
    """Create, list and revoke tokens for the REST API.

    `token create --name ci --policy runners --expires 720h`, `token list`, `token revoke ACCESSOR`, and once
    `token bootstrap`. This is dkron-api token, with the -n, --context and --kubeconfig given here; `dkron-api token
    create --help` describes its options.
    """
    options = options_of(ctx)
    need_cluster(options, "token")
    shared = {"--namespace": options.namespace, "--context": options.context, "--kubeconfig": options.kubeconfig}
    given = [word for option, value in shared.items() if value for word in (option, value)]
    program = [sys.executable, "-m", "dkron_api.token_command", *given, *(ctx.args or ["--help"])]
    sys.stdout.flush()
    os.execv(program[0], program)  # noqa: S606 - this Python, without a shell
