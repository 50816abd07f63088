"""`dkron-api archive`: forget the history of a namespace, or adopt it. It talks to the database, not to the service."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from dkron_archive.ports import ArchiveUnavailable

FAILED = 1
VARIABLE = "DKRON_ARCHIVE"


def main(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit code: 0, or 1 with a sentence on stderr. Wrong options end with 2."""
    options = _parser().parse_args(arguments)
    try:
        print(asyncio.run(_run(options)))
    except (ArchiveUnavailable, ValueError) as error:
        sys.stderr.write(f"dkron-api archive: {error}\n")
        return FAILED
    return 0


async def _run(options: argparse.Namespace) -> str:
    from dkron_archive.opening import open_archive  # noqa: PLC0415 - loads SQLAlchemy, for those who have an archive

    url = os.environ.get(VARIABLE)
    if not url:
        raise ValueError(f"the environment variable {VARIABLE} is not set")
    archive = open_archive(url, makes=False)
    namespace, now = options.namespace, datetime.now(UTC)
    try:
        if options.command == "adopt" and await archive.adopt(namespace, at=now):
            return f"adopted the history of the namespace {namespace}"
        if options.command == "forget" and (gone := await archive.forget(namespace, at=now)) is not None:
            return f"deleted the history of the namespace {namespace}: {gone} executions, and all other records"
        raise ValueError(f"the archive has no job of a namespace {namespace}")
    finally:
        await archive.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "dkron-api archive",
        description=f"Change whose history the archive has. {VARIABLE} names its database, as for the operator.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    forget = commands.add_parser("forget", help="delete all that the archive has of a namespace")
    adopt = commands.add_parser(
        "adopt", help="show a namespace what the archive has from before its creation, after a restore or a move"
    )
    for each in (forget, adopt):
        each.add_argument("namespace")
    return parser
