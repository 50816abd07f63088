"""`dkron-api token`: make, list and revoke the tokens of `--auth dkron`, with the rights of the user's kubeconfig."""

import argparse
import asyncio
import json
import secrets
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dkron_api.auth.token_secrets import (
    BOOTSTRAP,
    NAME_PREFIX,
    RANDOM_BYTES,
    SECRET_TYPE,
    Token,
    TokenError,
    TokenKind,
    digest_of,
    read_secret,
    secret_of,
    token_from,
)
from dkron_api.translate.record import FIELD_MANAGER
from dkron_crds.base import rfc3339
from dkron_crds.schedule.durations import go_duration
from dkron_crds.schedule.errors import ScheduleError
from dkron_kube import access
from dkron_kube.access import AccessError
from dkron_kube.client import KubeClient
from dkron_kube.errors import AlreadyExists, KubeError, NotFound
from dkron_kube.paths import SECRETS

FAILED = 1
COLUMNS = ("ACCESSOR", "NAME", "KIND", "POLICIES", "EXPIRES")


def main(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit code: 0, or 1 with a sentence on stderr. Wrong options end with 2."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options))
    except (AccessError, KubeError) as error:
        sys.stderr.write(f"dkron-api token: {error}\n")
        return FAILED


async def _run(options: argparse.Namespace) -> int:
    way = await access.load(options.kubeconfig, options.context)
    kube = KubeClient(way, field_manager=FIELD_MANAGER)
    namespace = options.namespace or way.namespace
    try:
        match options.command:
            case "bootstrap":
                token = Token(BOOTSTRAP, BOOTSTRAP, TokenKind.MANAGEMENT, "")
                return await _create(kube, namespace, token, quiet=options.quiet)
            case "create":
                return await _create(kube, namespace, _wanted(options), quiet=options.quiet)
            case "list":
                return await _list(kube, namespace)
            case _:
                return await _revoke(kube, namespace, options.accessor)
    finally:
        await kube.close()


def _wanted(options: argparse.Namespace) -> Token:
    return Token(
        accessor=str(uuid.uuid4()),
        name=options.name,
        kind=TokenKind.MANAGEMENT if options.management else TokenKind.CLIENT,
        digest="",
        policies=tuple(options.policy),
        expires=None if options.expires is None else datetime.now(UTC) + options.expires,
    )


async def _create(kube: KubeClient, namespace: str, wanted: Token, *, quiet: bool) -> int:
    token = token_from(secrets.token_bytes(RANDOM_BYTES))
    stored = secret_of(
        Token(wanted.accessor, wanted.name, wanted.kind, digest_of(token), wanted.policies, wanted.expires)
    )
    try:
        await kube.create(SECRETS, namespace, stored)
    except AlreadyExists:
        text = f"the first token already exists: Secret {namespace}/{NAME_PREFIX}{wanted.accessor}"
        sys.stderr.write(f"dkron-api token: {text}\n")
        return FAILED
    if quiet:
        print(token)
        return 0
    print(f"accessor  {wanted.accessor}\nkind      {wanted.kind}\ntoken     {token}")
    sys.stderr.write("The token is not shown again.\n")
    return 0


async def _list(kube: KubeClient, namespace: str) -> int:
    found = kube.list(SECRETS, namespace, field_selector=f"type={SECRET_TYPE}")
    rows = [COLUMNS, *[_row(secret) async for secret in found]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(secret: dict[str, Any]) -> tuple[str, str, str, str, str]:
    try:
        token = read_secret(secret)
    except TokenError as error:
        return (secret["metadata"]["name"].removeprefix(NAME_PREFIX), f"no token: {error}", "", "", "")
    expires = "" if token.expires is None else rfc3339(token.expires)
    return (token.accessor, json.dumps(token.name), token.kind, ",".join(token.policies), expires)


async def _revoke(kube: KubeClient, namespace: str, accessor: str) -> int:
    name = NAME_PREFIX + accessor
    try:
        secret = await kube.get(SECRETS, namespace, name)
    except NotFound:
        secret = {}
    if secret.get("type") != SECRET_TYPE:
        sys.stderr.write(f"dkron-api token: there is no token {accessor} in namespace {namespace}\n")
        return FAILED
    await kube.delete(SECRETS, namespace, name, uid=secret["metadata"]["uid"])
    print(f"revoked {accessor}")
    return 0


def _duration(text: str) -> timedelta:
    try:
        length = timedelta(microseconds=go_duration(text) // 1000)
    except ScheduleError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("@every: ")) from None
    if length <= timedelta():
        raise argparse.ArgumentTypeError("must be positive")
    return length


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dkron-api token", description="Create, list and revoke tokens for --auth dkron.")
    parser.add_argument("--namespace", "-n", default="", help="namespace of the tokens; default: the context's")
    parser.add_argument("--kubeconfig", type=Path, help="kubeconfig to use; default: as kubectl")
    parser.add_argument("--context", help="context of the kubeconfig")
    commands = parser.add_subparsers(dest="command", required=True)
    bootstrap = commands.add_parser("bootstrap", help="create the first management token; works once")
    create = commands.add_parser("create", help="create a token, and show it once")
    create.add_argument("--name", required=True, help="user of the token; shown in logs and executions")
    create.add_argument("--management", action="store_true", help="all permissions")
    create.add_argument(
        "--policy", action="append", default=[], help="DkronPolicy of the token; repeat the option for several"
    )
    create.add_argument("--expires", type=_duration, help="validity, for example 720h; default: forever")
    for each in (bootstrap, create):
        each.add_argument("--quiet", "-q", action="store_true", help="print only the token")
    commands.add_parser("list", help="list all tokens, without secrets")
    commands.add_parser("revoke", help="revoke a token").add_argument("accessor")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
