"""Shared by the commands of `runs` and `backfills`: which object is meant, and how lists and facts are printed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import typer

from dkron_cli.commands.arguments import usage
from dkron_cli.core.table import Table
from dkron_cli.edge.backend import Noun, Objects, Server, require
from dkron_cli.edge.connect import connected
from dkron_cli.edge.terminal import remark, show, structured
from dkron_cli.errors import CliError, Code
from dkron_cli.options import Options

Object = dict[str, Any]


def commands(about: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=about, add_completion=False, rich_markup_mode=None, no_args_is_help=True)


async def listed(options: Options, noun: Noun, table: Callable[[Sequence[Object]], Table], *, job: str = "") -> None:
    """Print the objects, the newest first; with a job only those of that one."""
    async with connected(options) as server:
        listed_all = await server.objects(noun, every=True).all()
        found = [each for each in listed_all if not job or (each.get("spec") or {}).get("job") == job]
        where = server.where
    found.sort(key=lambda each: str(each["metadata"].get("creationTimestamp") or ""), reverse=True)
    if structured(
        options, found, names=lambda: [f"{noun.kind}/{each['metadata']['name']}" for each in found], one=False
    ):
        return
    if found:
        show(table(found), options)
    else:
        remark(f"there are no {noun.route}{f' of {job}' if job else ''} {where}")


@asynccontextmanager
async def one(options: Options, noun: Noun, name: str) -> AsyncIterator[tuple[Server, Objects, Object]]:
    """Yield the server, its objects, and the one of this name."""
    if options.all_namespaces:
        raise usage(f"a {noun.word} is in one namespace; name it with -n instead of -A")
    if not name:
        # A variable of a script that is not set.
        raise usage(f"the name of a {noun.word} is empty")
    async with connected(options) as server:
        objects = server.objects(noun)
        yield server, objects, await require(objects, noun, name, server.where)


@asynccontextmanager
async def at_most(seconds: float | None, noun: Noun, name: str) -> AsyncIterator[None]:
    """Raise `CliError` if waiting takes longer than --timeout says."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        see = f"dkronctl {noun.route} describe {name} shows it"
        text = f"the {noun.word} {name} is not over after {seconds:g}s and goes on; {see}"
        raise CliError(Code.CONFLICT, text) from None
