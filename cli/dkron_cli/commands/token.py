"""`token`: the tokens of `--auth dkron`. `dkron-api token` makes them; this is the same program by another name."""

import os
import sys

import typer

from dkron_cli.edge.backend import need_cluster
from dkron_cli.options import options_of


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
